//! The feed, `GET /api/runs/{trace-id}/feed` (WebSocket, JSON text frames), and the saved run.

use serde::{Deserialize, Serialize};

use super::{ClientId, TraceEvent, TraceId};
use crate::Problem;

/// The version of the run's JSON that this code writes. It reads this one and those before it.
pub const RUN_VERSION: u32 = 1;

/// Why the server closes a feed, as the WebSocket's close code (RFC 6455 §7.4).
pub mod close_code {
    /// The run is no longer kept; [`FeedDown::Evicted`](super::FeedDown::Evicted) came before and said why.
    pub const EVICTED: u16 = 1000;
    /// The server stops.
    pub const STOPPING: u16 = 1001;
    /// The page asked more than it read answers.
    pub const POLICY: u16 = 1008;
    /// The page sent a frame larger than its bound.
    pub const TOO_BIG: u16 = 1009;
    /// The page does not read what it is sent, or does not answer pings.
    pub const SLOW: u16 = 3008;
}

/// A whole run, as `GET /api/runs/{trace-id}` answers it and as it is saved to a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Run {
    /// [`RUN_VERSION`] of the writer.
    pub version: u32,
    /// The run's id.
    pub run: TraceId,
    /// When the run started: RFC 3339 in UTC with microseconds, on the server's clock.
    pub started_at: String,
    /// How many events were dropped because a bound was reached.
    pub dropped: u64,
    /// The events, in the order of `seq`.
    pub events: Vec<TraceEvent>,
}

/// What the server sends down the feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FeedDown {
    /// The first frame.
    Opened(Opened),
    /// Events in the order of `seq`: at first all so far, then as they happen.
    Events {
        /// The events.
        events: Vec<TraceEvent>,
        /// How many have been dropped from this run until now.
        dropped: u64,
    },
    /// The answer to [`FeedUp::Clock`].
    Clock {
        /// As the browser sent it.
        t1_ns: i64,
        /// When the question arrived, in nanoseconds since the run's start on the server's clock.
        t2_ns: i64,
        /// When the answer left, likewise.
        t3_ns: i64,
    },
    /// The run is no longer kept; nothing more will come.
    Evicted {
        /// Why, in words.
        why: String,
    },
    /// What the browser sent was refused; the feed goes on.
    Refused(Problem),
}

/// The first frame of the feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Opened {
    /// The run's id.
    pub run: TraceId,
    /// When the run started: RFC 3339 in UTC with microseconds.
    pub started_at: String,
    /// How many events the run may hold.
    pub events_max: u64,
    /// How many bytes of events the run may hold.
    pub bytes_max: u64,
    /// How long the run is kept after its last event, in seconds.
    pub age_s: u64,
}

/// What a browser sends up the feed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum FeedUp {
    /// The first frame: who this is.
    Hello {
        /// The page's own id.
        client: ClientId,
    },
    /// A question about the time (NTP, RFC 5905 §8).
    Clock {
        /// When the question left, in nanoseconds on the browser's own clock.
        t1_ns: i64,
    },
    /// What the browser saw, already on the server's clock, each with its error.
    Events {
        /// The events; `seq` is left 0.
        events: Vec<TraceEvent>,
    },
}

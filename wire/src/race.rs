//! The race: the ways to hear of a topic side by side, and the swarm of further subscribers that can be added to it.

use serde::{Deserialize, Serialize};

/// A way to hear of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// A request at intervals.
    ShortPolling,
    /// A request that waits for the next message (RFC 6202 §2).
    LongPolling,
    /// An event stream (HTML Standard, "Server-sent events").
    Sse,
    /// A response of one JSON object a line that does not end (NDJSON).
    Stream,
    /// A WebSocket (RFC 6455).
    Websocket,
}

impl Way {
    /// Every way, in the order in which they are shown.
    pub const ALL: [Way; 5] = [
        Way::ShortPolling,
        Way::LongPolling,
        Way::Sse,
        Way::Stream,
        Way::Websocket,
    ];

    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Way::ShortPolling => "short_polling",
            Way::LongPolling => "long_polling",
            Way::Sse => "sse",
            Way::Stream => "stream",
            Way::Websocket => "websocket",
        }
    }

    /// Its name as people say it.
    pub const fn title(self) -> &'static str {
        match self {
            Way::ShortPolling => "Short polling",
            Way::LongPolling => "Long polling",
            Way::Sse => "Server-sent events",
            Way::Stream => "NDJSON stream",
            Way::Websocket => "WebSocket",
        }
    }

    /// The way of this name.
    pub fn of(name: &str) -> Option<Way> {
        Way::ALL.into_iter().find(|way| way.name() == name)
    }
}

/// What `POST /api/race/swarm` takes: further subscribers, which the server connects to its own port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SwarmOrder {
    /// The topic.
    #[cfg_attr(
        feature = "openapi",
        schema(
            min_length = 1,
            max_length = 128,
            pattern = "^[A-Za-z0-9_~-][A-Za-z0-9._~-]*$",
            example = "race"
        )
    )]
    pub topic: String,
    /// How many subscribers.
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000))]
    pub subscribers: u64,
    /// The ways that they are shared out among. Without it, all.
    #[serde(default)]
    pub transports: Vec<Way>,
    /// For how long they stay, in seconds. Default 60.
    #[serde(default = "default_seconds")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 300, default = 60))]
    pub seconds: u64,
}

const fn default_seconds() -> u64 {
    60
}

/// What a swarm has seen so far, `GET /api/race/swarm/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SwarmState {
    /// Names the swarm.
    pub id: String,
    /// The topic.
    pub topic: String,
    /// Its subscribers are there, or about to be.
    pub running: bool,
    /// How long they still stay, in seconds.
    pub seconds_left: u64,
    /// How many messages the topic got meanwhile.
    pub published: u64,
    /// What its subscribers saw, by the way in which they hear of the topic.
    pub transports: Vec<SwarmFigures>,
}

/// What the subscribers of one way have seen, all of them together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SwarmFigures {
    /// The way.
    pub transport: Way,
    /// How many they are.
    pub subscribers: u64,
    /// How many of them have a connection.
    pub connected: u64,
    /// How many messages reached them.
    pub messages: u64,
    /// How often one was told of a gap.
    pub gaps: u64,
    /// How many messages those gaps name, where that can be known.
    pub missed: u64,
    /// Messages that were passed over without a gap. None, unless something is wrong.
    pub lost: u64,
    /// Messages that came again. None, unless something is wrong.
    pub duplicates: u64,
    /// Messages that the topic has, and that are still on their way to one of them.
    pub waiting: u64,
    /// Requests made, handshakes among them.
    pub requests: u64,
    /// Answers in which there was no message.
    pub empty: u64,
    /// Connections that were refused or broke.
    pub broken: u64,
    /// From the topic's taking a message until it was there, in microseconds: half were quicker. To 3 %.
    pub median_us: Option<u64>,
    /// The same: 99 of 100 were quicker.
    pub p99_us: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ways_name_is_the_one_in_json() {
        for way in Way::ALL {
            let json = serde_json::to_string(&way).expect("a name");
            assert_eq!(json, format!("\"{}\"", way.name()));
            assert_eq!(Way::of(way.name()), Some(way));
        }
        assert_eq!(Way::of("pigeon"), None);
    }

    #[test]
    fn an_order_needs_a_topic_and_a_number() {
        let order: SwarmOrder =
            serde_json::from_str(r#"{"topic":"t","subscribers":3}"#).expect("an order");
        assert_eq!((order.seconds, order.transports), (60, Vec::new()));
        assert!(serde_json::from_str::<SwarmOrder>(r#"{"topic":"t"}"#).is_err());
        assert!(
            serde_json::from_str::<SwarmOrder>(r#"{"topic":"t","subscribers":3,"x":1}"#).is_err()
        );
    }
}

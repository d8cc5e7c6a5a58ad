//! One event of a run.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

use super::{ClientId, More, SpanId};

/// Who an event happened at. The colours and shapes of the page follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LaneKind {
    /// A browser page.
    Browser,
    /// The way between the two ends; only modelled or derived events stand here.
    Network,
    /// The server's socket, as the tap sees it.
    Socket,
    /// The server's handler.
    Handler,
    /// A topic.
    Topic,
    /// The server's storage.
    Storage,
    /// A program that is no browser: curl in a terminal, say.
    Terminal,
    /// One of several subscribers, numbered from 1.
    Subscriber,
}

impl LaneKind {
    /// Every kind, in the order in which the lanes stand from left to right.
    pub const ALL: [LaneKind; 8] = [
        LaneKind::Terminal,
        LaneKind::Browser,
        LaneKind::Subscriber,
        LaneKind::Network,
        LaneKind::Socket,
        LaneKind::Handler,
        LaneKind::Topic,
        LaneKind::Storage,
    ];

    /// The kind's name in JSON and in class names.
    pub const fn name(self) -> &'static str {
        match self {
            LaneKind::Browser => "browser",
            LaneKind::Network => "network",
            LaneKind::Socket => "socket",
            LaneKind::Handler => "handler",
            LaneKind::Topic => "topic",
            LaneKind::Storage => "storage",
            LaneKind::Terminal => "terminal",
            LaneKind::Subscriber => "subscriber",
        }
    }
}

/// A lane of the timeline. In JSON `"socket"`, or with a number where there are several, `"subscriber:2"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lane {
    /// Who.
    pub kind: LaneKind,
    /// Which of several; 0 where there is only one.
    pub number: u16,
}

impl Lane {
    /// The one browser page.
    pub const BROWSER: Lane = Lane::of(LaneKind::Browser);
    /// The way between.
    pub const NETWORK: Lane = Lane::of(LaneKind::Network);
    /// The server's socket.
    pub const SOCKET: Lane = Lane::of(LaneKind::Socket);
    /// The handler.
    pub const HANDLER: Lane = Lane::of(LaneKind::Handler);
    /// The topic.
    pub const TOPIC: Lane = Lane::of(LaneKind::Topic);
    /// The storage.
    pub const STORAGE: Lane = Lane::of(LaneKind::Storage);
    /// The terminal.
    pub const TERMINAL: Lane = Lane::of(LaneKind::Terminal);

    /// The lane of this kind where there is only one.
    pub const fn of(kind: LaneKind) -> Lane {
        Lane { kind, number: 0 }
    }

    /// The lane of the n-th subscriber, counted from 1.
    pub const fn subscriber(number: u16) -> Lane {
        Lane {
            kind: LaneKind::Subscriber,
            number,
        }
    }
}

impl Lane {
    /// The lane that is written like this.
    pub fn of_text(text: &str) -> Option<Lane> {
        let (name, number) = match text.split_once(':') {
            None => (text, 0),
            Some((name, number)) => (name, number.parse().ok()?),
        };
        let kind = LaneKind::ALL.into_iter().find(|kind| kind.name() == name)?;
        Some(Lane { kind, number })
    }
}

/// From left to right as the lanes stand on the page.
impl Ord for Lane {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let place = |lane: &Lane| LaneKind::ALL.iter().position(|kind| *kind == lane.kind);
        place(self)
            .cmp(&place(other))
            .then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Lane {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number {
            0 => f.write_str(self.kind.name()),
            number => write!(f, "{}:{number}", self.kind.name()),
        }
    }
}

impl FromStr for Lane {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Lane::of_text(text).ok_or_else(|| format!("{text:?} is not a lane"))
    }
}

impl Serialize for Lane {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Lane {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<str>::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Where a figure comes from. The picture shows which: solid, outlined, dotted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// A clock was read at the event.
    Measured,
    /// Computed from measured figures; `detail.formula` says how.
    Derived,
    /// A simulated link or component.
    Modelled,
}

impl Truth {
    /// Every truth label.
    pub const ALL: [Truth; 3] = [Truth::Measured, Truth::Derived, Truth::Modelled];

    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Truth::Measured => "measured",
            Truth::Derived => "derived",
            Truth::Modelled => "modelled",
        }
    }

    /// The label of this name.
    pub fn of_name(name: &str) -> Option<Truth> {
        Truth::ALL.into_iter().find(|truth| truth.name() == name)
    }
}

/// What happened.
///
/// Which lane a kind stands in, and whether it has a duration, is said at each. An event with a duration begins at
/// `at_ns`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    // The client's side: browser, terminal and subscriber lanes.
    /// The client began a request (for a terminal: derived from the first read and the round-trip time).
    RequestSent,
    /// The client opened a connection for it; with duration (Resource Timing).
    Connected,
    /// Upload progress as the browser reported it; `bytes` so far.
    Progress,
    /// Status and header fields are there.
    ResponseHead,
    /// A piece of the response body was read; `bytes` of it.
    ResponseData,
    /// The response is complete; `bytes` of its body.
    ResponseEnd,
    /// The client parsed the response and used it; with duration.
    Consumed,
    /// A stream (SSE) or a WebSocket is open.
    StreamOpened,
    /// A frame was sent on an open WebSocket; `bytes` of its payload.
    Sent,
    /// One message came to this subscriber; `detail.message` is its id.
    Received,
    /// A stream or a WebSocket ended or broke; `detail.why` says which.
    StreamClosed,
    /// The client computed a digest over the file; with duration.
    Hashed,
    /// The person did something that explains what follows (paused, resumed, cancelled): `detail.summary` says what.
    Marked,
    /// The request failed at the client; `detail.why`.
    Failed,
    /// The client gave the request up.
    Aborted,

    // The server's socket, as the tap sees it.
    /// A connection was accepted.
    Accepted,
    /// Bytes were read from the socket.
    Read,
    /// Bytes were written to the socket; with duration where the kernel made the server wait.
    Write,
    /// The connection closed; `detail.why` where the server had a reason.
    Closed,
    /// A fault that was asked for acted here; with duration where it held something back or slowed it. `detail.fault`
    /// is its name, `detail.direction` says whose bytes (`request` or `response`), `detail.summary` what was done to
    /// `bytes` of them; for a cut they are those of the body that passed.
    Fault,

    // The handler.
    /// From the first byte of the head to the parsed request; with duration.
    Parse,
    /// The body was received and parsed; with duration.
    Body,
    /// The handler worked; with duration.
    Process,
    /// The handler handed its response over; `detail.status`.
    Respond,
    /// The handler learned that its client had gone, before it had answered; `detail.summary` is what it does about it.
    Noticed,

    // The topic.
    /// A message was taken and has its id.
    Published,
    /// A subscriber joined.
    Subscribed,
    /// A subscriber left.
    Unsubscribed,
    /// A message was handed to a subscriber's connection.
    Delivered,
    /// A gap was declared to a subscriber.
    Gap,

    // The storage.
    /// An upload was created.
    Created,
    /// Bytes were stored; with duration; `detail.offset` is where.
    Stored,
    /// What was stored was synced to disk; with duration.
    Synced,
    /// The file is whole; `detail.sha256`.
    Finished,
    /// A preview was decoded and encoded anew; with duration.
    Previewed,
    /// An upload was removed.
    Removed,

    /// Something that a later version of Roundtrip records.
    #[serde(other)]
    Unknown,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 37] = [
        Kind::RequestSent,
        Kind::Connected,
        Kind::Sent,
        Kind::Progress,
        Kind::ResponseHead,
        Kind::ResponseData,
        Kind::ResponseEnd,
        Kind::Consumed,
        Kind::StreamOpened,
        Kind::Received,
        Kind::StreamClosed,
        Kind::Hashed,
        Kind::Marked,
        Kind::Failed,
        Kind::Aborted,
        Kind::Accepted,
        Kind::Read,
        Kind::Write,
        Kind::Closed,
        Kind::Fault,
        Kind::Parse,
        Kind::Body,
        Kind::Process,
        Kind::Respond,
        Kind::Noticed,
        Kind::Published,
        Kind::Subscribed,
        Kind::Unsubscribed,
        Kind::Delivered,
        Kind::Gap,
        Kind::Created,
        Kind::Stored,
        Kind::Synced,
        Kind::Finished,
        Kind::Previewed,
        Kind::Removed,
        Kind::Unknown,
    ];

    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::RequestSent => "request_sent",
            Kind::Sent => "sent",
            Kind::Connected => "connected",
            Kind::Progress => "progress",
            Kind::ResponseHead => "response_head",
            Kind::ResponseData => "response_data",
            Kind::ResponseEnd => "response_end",
            Kind::Consumed => "consumed",
            Kind::StreamOpened => "stream_opened",
            Kind::Received => "received",
            Kind::StreamClosed => "stream_closed",
            Kind::Hashed => "hashed",
            Kind::Marked => "marked",
            Kind::Failed => "failed",
            Kind::Aborted => "aborted",
            Kind::Accepted => "accepted",
            Kind::Read => "read",
            Kind::Write => "write",
            Kind::Closed => "closed",
            Kind::Fault => "fault",
            Kind::Parse => "parse",
            Kind::Body => "body",
            Kind::Process => "process",
            Kind::Respond => "respond",
            Kind::Noticed => "noticed",
            Kind::Published => "published",
            Kind::Subscribed => "subscribed",
            Kind::Unsubscribed => "unsubscribed",
            Kind::Delivered => "delivered",
            Kind::Gap => "gap",
            Kind::Created => "created",
            Kind::Stored => "stored",
            Kind::Synced => "synced",
            Kind::Finished => "finished",
            Kind::Previewed => "previewed",
            Kind::Removed => "removed",
            Kind::Unknown => "unknown",
        }
    }

    /// The kind of this name; [`Kind::Unknown`] where this version has none.
    pub fn of_name(name: &str) -> Kind {
        Kind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .unwrap_or(Kind::Unknown)
    }
}

/// Which part of a message bytes belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Start line and header fields, up to and with the empty line.
    Head,
    /// The body, its framing included.
    Body,
    /// Both, in one read or write.
    HeadAndBody,
}

impl Part {
    /// Every part.
    pub const ALL: [Part; 3] = [Part::Head, Part::Body, Part::HeadAndBody];

    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Part::Head => "head",
            Part::Body => "body",
            Part::HeadAndBody => "head_and_body",
        }
    }

    /// The part of this name.
    pub fn of_name(name: &str) -> Option<Part> {
        Part::ALL.into_iter().find(|part| part.name() == name)
    }
}

/// What an event says beyond when and where. Every field is optional; a kind says which it sets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Detail {
    /// The exchange this belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<SpanId>,
    /// The browser page that saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientId>,
    /// The server's number for the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<u64>,
    /// The words for an arrow or a bar: `GET /api/echo`, `200 OK`, `paused`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The HTTP status code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why something ended, failed or is missing, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How a derived figure was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formula: Option<String>,
    /// Which part of the message the bytes belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// Where the bytes begin: within the message, head included, for reads and writes; within the file for storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The length of the message's head, on the read or write that completes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_bytes: Option<u64>,
    /// The bytes, in base64; values of secret header fields are overwritten with `*`, one for each byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_base64: Option<String>,
    /// How many of the event's bytes are not in `data_base64` because of a bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_left_out: Option<u64>,
    /// The topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The message's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The upload's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
    /// SHA-256 in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Whatever else a kind has to say.
    #[serde(flatten)]
    #[cfg_attr(feature = "openapi", schema(value_type = serde_json::Map<String, serde_json::Value>))]
    pub more: More,
}

/// One event of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TraceEvent {
    /// The event's number in the run, from 1, in the order the server took them in. A browser leaves it 0.
    #[serde(default)]
    pub seq: u64,
    /// Where it happened.
    pub lane: Lane,
    /// What happened.
    pub kind: Kind,
    /// When, in nanoseconds since the run's start on the server's clock. What a client did before the run's first
    /// event on the server has a negative time.
    pub at_ns: i64,
    /// How long it took, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ns: Option<u64>,
    /// How far `at_ns` may be off in either direction, in nanoseconds.
    pub error_ns: u64,
    /// Where the figure comes from.
    pub truth: Truth,
    /// How many bytes it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// What else there is to say.
    #[serde(default)]
    pub detail: Detail,
}

impl TraceEvent {
    /// A measured event with nothing but its place and time.
    pub fn new(lane: Lane, kind: Kind, at_ns: i64, error_ns: u64) -> TraceEvent {
        TraceEvent {
            seq: 0,
            lane,
            kind,
            at_ns,
            duration_ns: None,
            error_ns,
            truth: Truth::Measured,
            bytes: None,
            detail: Detail::default(),
        }
    }

    /// When it was over, in nanoseconds since the run's start.
    pub fn end_ns(&self) -> i64 {
        self.at_ns
            .saturating_add_unsigned(self.duration_ns.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_shape_that_the_contract_gives() {
        let mut event = TraceEvent::new(Lane::subscriber(2), Kind::Received, 1_500, 40);
        event.seq = 7;
        event.bytes = Some(12);
        event.detail.message = Some("0000000a-1".into());
        event.detail.more.insert("attempt".into(), 2_u64.into());
        let json = serde_json::to_value(&event).expect("serializes");
        assert_eq!(
            json,
            serde_json::json!({
                "seq": 7, "lane": "subscriber:2", "kind": "received", "at_ns": 1500, "error_ns": 40,
                "truth": "measured", "bytes": 12, "detail": {"message": "0000000a-1", "attempt": 2}
            })
        );
        assert_eq!(
            serde_json::from_value::<TraceEvent>(json).expect("parses"),
            event
        );
    }

    #[test]
    fn a_kind_of_a_later_version_is_kept_as_unknown() {
        let event: TraceEvent = serde_json::from_str(
            r#"{"lane":"socket","kind":"teleported","at_ns":0,"error_ns":0,"truth":"measured"}"#,
        )
        .expect("parses");
        assert_eq!(event.kind, Kind::Unknown);
    }

    #[test]
    fn lanes_stand_in_their_order() {
        let mut lanes = [
            Lane::STORAGE,
            Lane::subscriber(2),
            Lane::SOCKET,
            Lane::BROWSER,
            Lane::subscriber(1),
        ];
        lanes.sort();
        assert_eq!(
            lanes.map(|lane| lane.to_string()),
            [
                "browser",
                "subscriber:1",
                "subscriber:2",
                "socket",
                "storage"
            ]
        );
        assert!("subscriber:x".parse::<Lane>().is_err());
        assert!("nobody".parse::<Lane>().is_err());
    }
}

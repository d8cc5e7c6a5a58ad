//! Topics: names, message ids, the envelope and the gap.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

use crate::{limits::TOPIC_NAME_MAX, trace::SpanId};

/// Is this a topic name: 1–128 of `A–Z a–z 0–9 . _ ~ -`, not beginning with `.`?
pub fn is_topic_name(name: &str) -> bool {
    (1..=TOPIC_NAME_MAX).contains(&name.len())
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-'))
}

/// A message's id: the topic's life and the place in it. Written `{epoch:8 hex}-{offset}`; `{epoch}-0` stands before
/// the first message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId {
    /// Drawn anew each time the topic comes to be.
    pub epoch: u32,
    /// Counts from 1 without holes.
    pub offset: u64,
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}", self.epoch, self.offset)
    }
}

/// Why a text is not a [`MessageId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAMessageId;

impl fmt::Display for NotAMessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message id is eight hex digits, a hyphen and a decimal offset")
    }
}

impl std::error::Error for NotAMessageId {}

impl FromStr for MessageId {
    type Err = NotAMessageId;

    fn from_str(text: &str) -> Result<Self, NotAMessageId> {
        let (epoch, offset) = text.split_once('-').ok_or(NotAMessageId)?;
        let hex = epoch.len() == 8
            && epoch
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let decimal = !offset.is_empty()
            && offset.bytes().all(|b| b.is_ascii_digit())
            && (offset == "0" || !offset.starts_with('0'));
        if !hex || !decimal {
            return Err(NotAMessageId);
        }
        Ok(MessageId {
            epoch: u32::from_str_radix(epoch, 16).map_err(|_| NotAMessageId)?,
            offset: offset.parse().map_err(|_| NotAMessageId)?,
        })
    }
}

impl Serialize for MessageId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// A message as it travels in JSON. Text and JSON stand in `data`, other bytes in `data_base64`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Envelope {
    /// The message's id.
    pub id: MessageId,
    /// When the topic took it: RFC 3339 in UTC with microseconds.
    pub time: String,
    /// The media type it was published with.
    pub content_type: String,
    /// The payload, when it is text or JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The payload in base64, when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_base64: Option<String>,
}

/// Why messages are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The history no longer reaches back that far.
    Evicted,
    /// The topic began a new life since then.
    Epoch,
    /// The subscriber did not read fast enough.
    Slow,
}

/// An explicit gap: what was asked for, what comes next, how many lie between where that can be known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gap {
    /// The id after which messages were asked for, as it was given.
    pub after: String,
    /// The first id that will be delivered.
    pub next: MessageId,
    /// How many messages are missing; `null` where that cannot be known.
    pub missed: Option<u64>,
    /// Why.
    pub reason: GapReason,
}

/// A gap as it travels: `{"gap":{…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GapNotice {
    /// The gap.
    pub gap: Gap,
}

/// What a publish is answered with: 201 and the message's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Published {
    /// The new message's id.
    pub id: MessageId,
}

/// What `GET /api/topics/{t}/messages` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MessagesPage {
    /// The messages, oldest first.
    pub messages: Vec<Envelope>,
    /// What is missing before them, where something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
    /// What to send as `after` next time.
    pub next: MessageId,
}

/// When a publish is acknowledged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Ack {
    /// When the message is in the server's memory. It is lost when the server stops.
    #[default]
    Memory,
    /// When the message is on the server's disk and the disk has said so (`fsync`). It is there after a crash, and so
    /// is the topic's epoch. No subscriber sees it earlier.
    Disk,
}

/// How a subscriber is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// A request that waits for the next message (RFC 6202 §2).
    LongPolling,
    /// An event stream (HTML Standard, "Server-sent events").
    Sse,
    /// A response of one JSON object a line that does not end (NDJSON).
    Stream,
    /// A WebSocket (RFC 6455).
    Websocket,
}

impl Transport {
    /// Every transport, in the order in which they are shown.
    pub const ALL: [Transport; 4] = [
        Transport::LongPolling,
        Transport::Sse,
        Transport::Stream,
        Transport::Websocket,
    ];

    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Transport::LongPolling => "long_polling",
            Transport::Sse => "sse",
            Transport::Stream => "stream",
            Transport::Websocket => "websocket",
        }
    }
}

/// Who is there: how many subscribers a topic has now, by transport.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Presence {
    /// Requests that wait for the next message.
    pub long_polling: u64,
    /// Event streams.
    pub sse: u64,
    /// Streams of lines.
    pub stream: u64,
    /// WebSockets.
    pub websocket: u64,
}

impl Presence {
    /// How many subscribers use this transport.
    pub fn of(&mut self, transport: Transport) -> &mut u64 {
        match transport {
            Transport::LongPolling => &mut self.long_polling,
            Transport::Sse => &mut self.sse,
            Transport::Stream => &mut self.stream,
            Transport::Websocket => &mut self.websocket,
        }
    }

    /// How many there are in all.
    pub fn total(&self) -> u64 {
        self.long_polling + self.sse + self.stream + self.websocket
    }
}

/// Presence as it travels: `{"presence":{…}}`. The first on a socket that was opened without `after` has `place` as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PresenceNotice {
    /// How many subscribers there are, by transport.
    pub presence: Presence,
    /// The socket begins behind this message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<MessageId>,
}

/// What `PUT /api/topics/{t}` takes. What is left out stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TopicSettings {
    /// When a publish is acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ack: Option<Ack>,
    /// What the history keeps at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<HistorySettings>,
}

/// Bounds of a topic's history to set. What is left out stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HistorySettings {
    /// Messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 1_000_000))]
    pub count: Option<u64>,
    /// Bytes of payload. The least is one largest message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 65_536, maximum = 268_435_456))]
    pub bytes: Option<u64>,
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 604_800))]
    pub age_s: Option<u64>,
}

/// The state of a topic, `GET /api/topics/{t}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TopicState {
    /// The topic's name.
    pub topic: String,
    /// The id of the last message; `{epoch}-0` when there is none.
    pub last: MessageId,
    /// How many messages the history holds.
    pub messages: u64,
    /// How many bytes of payload the history holds.
    pub bytes: u64,
    /// How many subscribers there are now.
    pub subscribers: u64,
    /// How they are reached.
    pub presence: Presence,
    /// When a publish is acknowledged.
    pub ack: Ack,
    /// What the history keeps at most.
    pub history: HistoryBounds,
}

/// What a topic's history keeps at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HistoryBounds {
    /// Messages.
    pub count: u64,
    /// Bytes of payload.
    pub bytes: u64,
    /// Seconds.
    pub age_s: u64,
}

/// What is inside a topic at a moment, `GET /api/topics/{t}/inside`: its log, and where its subscribers stand on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TopicInside {
    /// The topic's name.
    pub topic: String,
    /// The id of the newest message; `{epoch}-0` before the first. All offsets are of its epoch.
    pub last: MessageId,
    /// The offset of the oldest message that is kept, or of the next one where none is: as many as are before it were
    /// evicted.
    pub first: u64,
    /// How many messages the history holds.
    pub messages: u64,
    /// How many bytes of payload the history holds.
    pub bytes: u64,
    /// How old its oldest message is, in whole seconds; 0 where there is none.
    pub age_s: u64,
    /// What the history keeps at most.
    pub history: HistoryBounds,
    /// How many subscribers there are.
    pub subscribers: u64,
    /// How many subscribers stand where: offset and count, by rising offsets. Where they stand at many places, several
    /// of these are counted as one.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Vec<u64>>))]
    pub places: Vec<(u64, u64)>,
    /// Some of the subscribers: first those that were asked for, then those that are furthest behind.
    pub cursors: Vec<Cursor>,
    /// How many more there are.
    pub more: u64,
    /// Who left last, the newest first. Polls are not told of.
    pub gone: Vec<Gone>,
}

/// Where one subscriber stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cursor {
    /// The subscribers of a topic's life are counted from 1 in the order in which they join.
    pub number: u64,
    /// The exchange by which it is in a run, where it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<SpanId>,
    /// How it is reached.
    pub transport: Transport,
    /// The offset of the last message that it took, or of the place where it began.
    pub after: u64,
    /// How many messages it has still to take.
    pub lag: u64,
    /// How many messages it was told that it has missed.
    pub missed: u64,
}

/// A subscriber that left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Gone {
    /// Where it stood.
    pub cursor: Cursor,
    /// Why the server cut it off, where it did and knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_names_at_the_limit_and_one_past_it() {
        assert!(is_topic_name("a"));
        assert!(is_topic_name(&"x".repeat(128)));
        assert!(!is_topic_name(&"x".repeat(129)));
        assert!(!is_topic_name(""));
        assert!(!is_topic_name(".hidden"));
        assert!(is_topic_name("A.z_0~-"));
        for bad in ["a b", "a/b", "ü", "a\r", "a\n", "a\0", "a%2e"] {
            assert!(!is_topic_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn message_ids_have_one_spelling() {
        let id = MessageId {
            epoch: 0xab,
            offset: 12,
        };
        assert_eq!(id.to_string(), "000000ab-12");
        assert_eq!("000000ab-12".parse(), Ok(id));
        for bad in [
            "",
            "ab-12",
            "000000AB-12",
            "000000ab-",
            "000000ab-012",
            "000000ab--1",
            "000000ab-99999999999999999999",
        ] {
            assert_eq!(bad.parse::<MessageId>(), Err(NotAMessageId), "{bad}");
        }
    }
}

//! A topic's WebSocket, `GET /api/topics/{t}/socket`: JSON text frames. Down come envelopes, gaps, presence and answers;
//! up go publishes.

use serde::{Deserialize, Serialize};

use crate::{Problem, topics::MessageId};

/// Why the server closes a topic's socket, as the WebSocket's close code (RFC 6455 §7.4).
pub mod close_code {
    /// The topic was ended. Who comes back begins its next life.
    pub const ENDED: u16 = 1000;
    /// The hub restarts, or the server stops: come back with the last id.
    pub const RESTART: u16 = 1001;
    /// The peer does not keep to the protocol (RFC 6455).
    pub const PROTOCOL: u16 = 1002;
    /// A text frame was not UTF-8.
    pub const NOT_TEXT: u16 = 1007;
    /// The peer does what the server's rules do not allow.
    pub const POLICY: u16 = 1008;
    /// A frame was larger than its bound.
    pub const TOO_BIG: u16 = 1009;
    /// The peer did not read what it was sent, or did not answer pings.
    pub const SLOW: u16 = 3008;
    /// There is a gap, and the peer asked to be cut off rather than carried over it (`gaps=close`).
    pub const GAP: u16 = 3010;
}

/// What ties an answer to its question: the client's own, given back as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum Ref {
    /// A whole number.
    Number(u64),
    /// A text of at most 128 bytes.
    Text(String),
}

impl Ref {
    /// The longest text, in bytes.
    pub const TEXT_MAX: usize = 128;
}

/// What a client sends up the socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SocketUp {
    /// The message to publish to the socket's topic.
    pub publish: SocketPublish,
    /// Comes back with the answer.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<Ref>,
}

/// A message to publish: `data` or `data_base64`, one of the two.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SocketPublish {
    /// The media type. Without it, text is `text/plain; charset=utf-8` and bytes are `application/octet-stream`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The payload, when it is text or JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// The payload in base64, when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_base64: Option<String>,
    /// As the header field `Idempotency-Key`: the same key with the same message within 10 minutes is one publish.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What the server answers to what a client sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum SocketAnswer {
    /// It was published.
    Published {
        /// What became of it.
        published: SocketPublished,
    },
    /// It was not, and the socket goes on.
    Refused {
        /// Why.
        error: Problem,
        /// As it was sent.
        #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
        reference: Option<Ref>,
    },
}

/// A publish that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SocketPublished {
    /// As it was sent.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<Ref>,
    /// The message's id.
    pub id: MessageId,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn frames_have_the_shapes_that_the_contract_gives() {
        let up: SocketUp =
            serde_json::from_value(json!({"publish": {"data": "x"}, "ref": 7})).expect("a publish");
        assert_eq!(up.publish.data.as_deref(), Some("x"));
        assert_eq!(up.reference, Some(Ref::Number(7)));
        let id = MessageId {
            epoch: 0xa,
            offset: 1,
        };
        let published = SocketAnswer::Published {
            published: SocketPublished {
                reference: Some(Ref::Text("r".into())),
                id,
            },
        };
        assert_eq!(
            serde_json::to_value(published).expect("serializes"),
            json!({"published": {"ref": "r", "id": "0000000a-1"}})
        );
        let refused = SocketAnswer::Refused {
            error: Problem {
                kind: "/problems/too-large".into(),
                title: "Too large".into(),
                status: 413,
                detail: None,
                limit: None,
            },
            reference: None,
        };
        assert_eq!(
            serde_json::to_value(refused).expect("serializes"),
            json!({"error": {"type": "/problems/too-large", "title": "Too large", "status": 413}})
        );
    }
}

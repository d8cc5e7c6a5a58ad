//! What requests about topics carry, read and bounded.

use axum::{
    body::{Body, HttpBody},
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts},
};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;
use utoipa::IntoParams;
use wire::{
    limits::IDEMPOTENCY_KEY_MAX,
    topics::{MessageId, is_topic_name},
};

use crate::{
    Error, Result,
    extract::Path,
    topics::{self, Unstored},
};

/// The message that a client saw last; in an answer, that behind which a stream begins whose client named none.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The longest `Content-Type` of a message, in bytes.
const CONTENT_TYPE_MAX: usize = 255;

/// The topic that the path names.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct TopicName {
    /// The topic: 1–128 of `A–Z a–z 0–9 . _ ~ -`, not beginning with a full stop.
    #[param(
        min_length = 1,
        max_length = 128,
        pattern = "^[A-Za-z0-9_~-][A-Za-z0-9._~-]*$",
        example = "news"
    )]
    pub(crate) topic: String,
}

impl<S: Send + Sync> FromRequestParts<S> for TopicName {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Path(topic) = Path::<String>::from_request_parts(parts, state).await?;
        if is_topic_name(&topic) {
            Ok(TopicName { topic })
        } else {
            Err(topics::Error::BadName.into())
        }
    }
}

/// Where a subscriber wants to begin.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Since {
    /// The id of the last message seen: the stream begins behind it. Without it, with the next message.
    pub(crate) after: Option<MessageId>,
}

/// The message that a client of an event stream saw last (HTML Standard, `Last-Event-ID`).
pub(crate) fn last_event_id(headers: &HeaderMap) -> Result<Option<MessageId>> {
    match headers.get(LAST_EVENT_ID).map(|value| value.to_str()) {
        // A client that has seen none sends nothing, or nothing in it.
        None | Some(Ok("")) => Ok(None),
        Some(Ok(text)) => match text.parse() {
            Ok(id) => Ok(Some(id)),
            Err(wrong) => Err(Error::BadRequest(format!(
                "Last-Event-ID is wrong: {wrong}."
            ))),
        },
        Some(Err(_)) => Err(Error::BadRequest("Last-Event-ID is not text.".into())),
    }
}

/// The field that tells a program where its stream begins. A client that named a place has it already.
pub(crate) fn begins_behind(place: Option<MessageId>) -> Option<[(HeaderName, HeaderValue); 1]> {
    let value = HeaderValue::try_from(place?.to_string()).ok()?;
    Some([(LAST_EVENT_ID, value)])
}

/// The `Idempotency-Key`, with the quotes that the draft standard asks for or without.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let key = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text);
    checked_key(key).map(|key| Some(key.to_owned()))
}

/// An idempotency key, if it is one.
pub(crate) fn checked_key(key: &str) -> Result<&str> {
    if (1..=IDEMPOTENCY_KEY_MAX).contains(&key.len()) && is_visible(key) {
        Ok(key)
    } else {
        Err(Error::BadRequest(format!(
            "An Idempotency-Key has 1 to {IDEMPOTENCY_KEY_MAX} visible ASCII characters."
        )))
    }
}

/// A message's media type, if it may be one.
pub(crate) fn checked_content_type(text: &str) -> Result<&str> {
    if text.len() <= CONTENT_TYPE_MAX && is_visible(text) {
        Ok(text)
    } else {
        Err(Error::BadRequest(format!(
            "Content-Type has at most {CONTENT_TYPE_MAX} visible ASCII characters."
        )))
    }
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

/// What a message is that says nothing about itself: the bytes decide (RFC 9110 §8.3).
pub(crate) fn guessed_content_type(payload: &[u8]) -> &'static str {
    match std::str::from_utf8(payload) {
        Ok(_) => "text/plain; charset=utf-8",
        Err(_) => "application/octet-stream",
    }
}

/// What the message says it is.
pub(crate) fn content_type(headers: &HeaderMap, payload: &[u8]) -> Result<String> {
    match headers.get(header::CONTENT_TYPE) {
        None => Ok(guessed_content_type(payload).to_owned()),
        Some(value) => {
            // What is not visible ASCII is refused as such.
            let text = value.to_str().unwrap_or("\0");
            checked_content_type(text).map(str::to_owned)
        }
    }
}

/// Reads a message, at most `limit` bytes of it.
pub(crate) async fn payload(body: Body, limit: u64) -> Result<Bytes> {
    let too_large = Error::TooLarge {
        what: "A message",
        limit,
        unit: "bytes",
    };
    // With a Content-Length it need not even come.
    if body.size_hint().lower() > limit {
        return Err(too_large);
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    match Limited::new(body, limit).collect().await {
        // A body in one piece is a part of the buffer that the connection was read into. The topic keeps the message for
        // long, and would keep the whole buffer with it.
        Ok(read) => Ok(Bytes::copy_from_slice(&read.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large),
        Err(error) => Err(Error::BadRequest(format!(
            "The message broke off before its end: {error}."
        ))),
    }
}

impl From<topics::Error> for Error {
    fn from(error: topics::Error) -> Self {
        use topics::Error as E;
        let too_many = |what, limit: usize| Error::TooMany {
            what,
            limit: limit as u64,
        };
        match error {
            E::BadName => Error::BadRequest(
                "A topic name is 1 to 128 of A–Z a–z 0–9 . _ ~ - and does not begin with a full stop.".into(),
            ),
            E::MessageTooLarge(limit) => Error::TooLarge {
                what: "A message",
                limit,
                unit: "bytes",
            },
            E::TooManyTopics(limit) => too_many("Topics", limit),
            E::TooManyTopicsFromAddress(limit) => too_many("Topics from your address", limit),
            E::TooManyDiskTopics(limit) => too_many("Topics on disk", limit),
            E::TooManySubscribers(limit) => too_many("Subscribers of one topic", limit),
            E::TooManyFromAddress(limit) => too_many("Subscribers from your address", limit),
            E::TooManyKeys(limit) => too_many("Remembered idempotency keys", limit),
            E::KeyReused => Error::Unprocessable(
                "This Idempotency-Key was used for another message within the last 10 minutes. Send a new key."
                    .into(),
            ),
            E::DiskBehind(_) => Error::Unavailable(
                "More is being published than the disk takes. Try again in a moment.".into(),
            ),
            E::Unstored(why) => Error::Storage(unstored(why).into()),
            E::Closed => Error::Unavailable("The server is stopping. Try again in a moment.".into()),
        }
    }
}

/// What could not be done, why, and what to do.
fn unstored(why: Unstored) -> &'static str {
    match why {
        Unstored::Full => {
            "The server's disk is full: nothing was published or changed. Make room on it, or let the topic acknowledge in \
             memory."
        }
        Unstored::ReadOnly => {
            "The server's data folder cannot be written to: nothing was published or changed. Start it with another \
             --data-dir, or let the topic acknowledge in memory."
        }
        Unstored::InUse => {
            "Another Roundtrip uses this data folder: nothing was published or changed. Start this one with another \
             --data-dir, or let the topic acknowledge in memory."
        }
        Unstored::Failed => {
            "The server's disk failed: nothing was delivered. The reason is in the server's log. The topic can acknowledge \
             in memory instead."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_does_not_hold_the_buffer_that_it_came_in() {
        let buffer = Bytes::from(vec![b'x'; 400 * 1024]);
        let message = payload(Body::from(buffer.slice(..10)), 10).await;
        assert!(message.is_ok_and(|message| message == buffer[..10] && message.is_unique()));
    }
}

//! One message, encoded once and shared by everyone who reads it.

use std::{fmt::Write, sync::OnceLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use tokio::time::Instant;
use wire::topics::{Envelope, MessageId};

/// RFC 3339 in UTC with microseconds.
const RFC3339_MICROS: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// What a message takes in memory beyond its payload and the encoding of it, in bytes: the structs, their counters, the
/// allocator's own.
const OVERHEAD: u64 = 512;

/// A message as a publisher hands it over.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The media type of the payload.
    pub content_type: String,
    /// The payload as it came.
    pub payload: Bytes,
}

/// A message that a topic took.
#[derive(Debug)]
pub struct Message {
    /// Its place in the topic.
    pub id: MessageId,
    /// When the topic took it.
    pub at: Instant,
    time: OffsetDateTime,
    content_type: String,
    payload: Bytes,
    is_text: bool,
    event: OnceLock<Bytes>,
}

impl Message {
    pub(super) fn new(id: MessageId, at: Instant, new: NewMessage) -> Message {
        Message {
            id,
            at,
            time: OffsetDateTime::now_utc(),
            is_text: is_text(&new.content_type) && std::str::from_utf8(&new.payload).is_ok(),
            content_type: new.content_type,
            payload: new.payload,
            event: OnceLock::new(),
        }
    }

    /// The payload as it came.
    pub fn payload(&self) -> &Bytes {
        &self.payload
    }

    /// The payload, when it is text or JSON.
    fn text(&self) -> Option<&str> {
        self.is_text
            .then(|| std::str::from_utf8(&self.payload).ok())
            .flatten()
    }

    /// The message as it travels in JSON.
    pub fn envelope(&self) -> Envelope {
        let text = self.text();
        Envelope {
            id: self.id,
            time: self.time.format(RFC3339_MICROS).unwrap_or_default(),
            content_type: self.content_type.clone(),
            data: text.map(str::to_owned),
            data_base64: match text {
                Some(_) => None,
                None => Some(STANDARD.encode(&self.payload)),
            },
        }
    }

    /// The message as a block of an event stream (HTML, "Server-sent events"): `id`, then `data` with the payload itself
    /// when it is text that the stream's lines carry unchanged, else with the envelope.
    pub fn event(&self) -> &Bytes {
        self.event.get_or_init(|| {
            // A reader takes CR, CRLF and LF for the same line end and gives back LF: a CR would not come out again.
            match self.text().filter(|text| !text.contains('\r')) {
                Some(text) => block(self.id, None, text),
                None => block(
                    self.id,
                    None,
                    &serde_json::to_string(&self.envelope()).unwrap_or_default(),
                ),
            }
        })
    }

    /// What the message takes in memory, in bytes.
    pub(super) fn weight(&self) -> u64 {
        2 * self.payload.len() as u64 + OVERHEAD
    }
}

/// One block of an event stream: the id, the event's type where it is not the default one, and the data line by line.
pub fn block(id: MessageId, event: Option<&str>, data: &str) -> Bytes {
    let mut out = String::with_capacity(data.len() + 64);
    let _ = writeln!(out, "id: {id}");
    if let Some(event) = event {
        let _ = writeln!(out, "event: {event}");
    }
    for line in data.split('\n') {
        out.push_str("data: ");
        out.push_str(line);
        out.push('\n');
    }
    out.push('\n');
    out.into()
}

/// Does this media type promise text in UTF-8 (or ASCII)? `application/x-www-form-urlencoded` does: it is what
/// `curl -d` says of everything.
fn is_text(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let charset = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.eq_ignore_ascii_case("charset")
            .then(|| value.trim_matches('"').to_ascii_lowercase())
    });
    let unicode = matches!(charset.as_deref(), None | Some("utf-8" | "us-ascii"));
    let text = essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || matches!(
            essence.as_str(),
            "application/json"
                | "application/xml"
                | "application/javascript"
                | "application/x-www-form-urlencoded"
        );
    unicode && text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(content_type: &str, payload: &'static [u8]) -> Message {
        let id = MessageId {
            epoch: 0xabc,
            offset: 7,
        };
        let new = NewMessage {
            content_type: content_type.into(),
            payload: Bytes::from_static(payload),
        };
        Message::new(id, Instant::now(), new)
    }

    fn event(content_type: &str, payload: &'static [u8]) -> String {
        String::from_utf8(message(content_type, payload).event().to_vec()).expect("UTF-8")
    }

    #[test]
    fn text_and_json_stand_in_the_stream_as_they_are() {
        assert_eq!(
            event("text/plain", b"hello"),
            "id: 00000abc-7\ndata: hello\n\n"
        );
        assert_eq!(
            event("application/json", b"{\"a\":1}"),
            "id: 00000abc-7\ndata: {\"a\":1}\n\n"
        );
        assert_eq!(
            event("text/plain;charset=UTF-8", "a\n\n b\u{0}é\n".as_bytes()),
            "id: 00000abc-7\ndata: a\ndata: \ndata:  b\u{0}é\ndata: \n\n"
        );
        assert_eq!(event("text/plain", b""), "id: 00000abc-7\ndata: \n\n");
    }

    #[test]
    fn what_lines_cannot_carry_goes_as_the_envelope() {
        for (content_type, payload, data) in [
            ("text/plain", &b"a\rb"[..], r#""data":"a\rb""#),
            ("text/plain", b"a\r\nb", r#""data":"a\r\nb""#),
            ("text/plain", b"\xff", r#""data_base64":"/w==""#),
            (
                "text/plain; charset=iso-8859-1",
                b"ab",
                r#""data_base64":"YWI=""#,
            ),
            ("image/png", b"ab", r#""data_base64":"YWI=""#),
        ] {
            let event = event(content_type, payload);
            assert!(
                event.starts_with(r#"id: 00000abc-7"#) && event.contains(data),
                "{event}"
            );
            assert_eq!(event.matches("data: {").count(), 1, "{event}");
            assert!(!event.contains('\r'));
        }
    }

    #[test]
    fn the_envelope_says_the_time_with_microseconds() {
        let envelope = message("text/plain", b"x").envelope();
        let form: String = envelope
            .time
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        assert_eq!(form, "0000-00-00T00:00:00.000000Z");
    }
}

//! One message, encoded once for each transport and shared by everyone who reads it.

use std::{fmt::Write, sync::OnceLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use tokio::time::Instant;
use wire::topics::{Envelope, MessageId};

/// RFC 3339 in UTC with microseconds.
const RFC3339_MICROS: &[BorrowedFormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// What a message takes in memory beyond its payload and the encodings of it, in bytes: the structs, their counters, the
/// allocator's own, and in each encoding the id, the time and the names of the fields.
const OVERHEAD: u64 = 768;

/// What an encoding has at most around payload and media type, in bytes: the id, the time and the names of the fields.
const AROUND: u64 = 160;

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
    sizes: Sizes,
    event: OnceLock<Bytes>,
    frame: OnceLock<Frame>,
}

impl Message {
    pub(super) fn new(id: MessageId, at: Instant, new: NewMessage) -> Message {
        Message::taken(id, at, OffsetDateTime::now_utc(), new)
    }

    /// A message that was taken at some time before.
    pub(super) fn taken(
        id: MessageId,
        at: Instant,
        time: OffsetDateTime,
        new: NewMessage,
    ) -> Message {
        let is_text = is_text(&new.content_type) && std::str::from_utf8(&new.payload).is_ok();
        Message {
            id,
            at,
            time,
            is_text,
            sizes: Sizes::of(&new, is_text),
            content_type: new.content_type,
            payload: new.payload,
            event: OnceLock::new(),
            frame: OnceLock::new(),
        }
    }

    /// When the topic took it, on the calendar.
    pub(super) fn time(&self) -> OffsetDateTime {
        self.time
    }

    /// What its publisher said it is.
    pub(super) fn content_type(&self) -> &str {
        &self.content_type
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

    /// The envelope in JSON.
    pub fn json(&self) -> Bytes {
        let frame = self.framed();
        frame.bytes.slice(frame.header..frame.bytes.len() - 1)
    }

    /// The envelope in JSON and the line's end.
    pub fn line(&self) -> Bytes {
        let frame = self.framed();
        frame.bytes.slice(frame.header..)
    }

    /// The envelope as a text frame of a WebSocket, from a server to a client (RFC 6455 §5.2).
    pub fn frame(&self) -> Bytes {
        let frame = self.framed();
        frame.bytes.slice(..frame.bytes.len() - 1)
    }

    /// One piece of memory serves three encodings: header, JSON, line's end.
    fn framed(&self) -> &Frame {
        self.frame.get_or_init(|| {
            let json = serde_json::to_vec(&self.envelope()).unwrap_or_default();
            let mut bytes = Vec::with_capacity(json.len() + FRAME_HEADER_MAX + 1);
            frame_header(Opcode::Text, json.len(), &mut bytes);
            let header = bytes.len();
            bytes.extend_from_slice(&json);
            bytes.push(b'\n');
            Frame {
                bytes: bytes.into(),
                header,
            }
        })
    }

    /// What the message takes in memory, all encodings included, in bytes.
    pub(super) fn weight(&self) -> u64 {
        self.sizes.weight
    }

    /// What its longest encoding takes at most, in bytes.
    pub(super) fn encoded(&self) -> usize {
        self.sizes.encoded
    }
}

#[derive(Debug)]
struct Frame {
    bytes: Bytes,
    /// The length of the frame's header.
    header: usize,
}

/// The longest header of a frame from a server, in bytes.
const FRAME_HEADER_MAX: usize = 10;

/// What a WebSocket's frame holds (RFC 6455 §11.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// Text in UTF-8.
    Text = 1,
    /// Bytes.
    Binary = 2,
}

/// The header of a final, unmasked frame with `len` bytes (RFC 6455 §5.2).
pub fn frame_header(opcode: Opcode, len: usize, out: &mut Vec<u8>) {
    const FINAL: u8 = 0x80;
    out.push(FINAL | opcode as u8);
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..=125), _) => out.push(len),
        (_, Ok(len)) => {
            out.push(126);
            out.extend_from_slice(&len.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

/// A text as a frame of a WebSocket, from a server to a client.
pub fn text_frame(text: &str) -> Bytes {
    let mut frame = Vec::with_capacity(text.len() + FRAME_HEADER_MAX);
    frame_header(Opcode::Text, text.len(), &mut frame);
    frame.extend_from_slice(text.as_bytes());
    frame.into()
}

/// How large a message is before it is encoded: at most.
#[derive(Debug)]
struct Sizes {
    /// In memory, all encodings included.
    weight: u64,
    /// The longest encoding.
    encoded: usize,
}

impl Sizes {
    /// Escaped, text may be six times as long, and each of its lines has a name in an event stream.
    fn of(new: &NewMessage, is_text: bool) -> Sizes {
        let payload = new.payload.len() as u64;
        let content_type = new.content_type.len() as u64;
        let mut json = payload / 3 * 4 + 4;
        let mut event = json;
        if is_text {
            json = 0;
            let mut lines = 0;
            for byte in &new.payload {
                json += match byte {
                    b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
                    ..0x20 => 6,
                    _ => 1,
                };
                lines += u64::from(*byte == b'\n');
            }
            event = if new.payload.contains(&b'\r') {
                json
            } else {
                payload + 6 * lines
            };
        }
        let encoded = json.max(event) + 2 * content_type + AROUND;
        Sizes {
            weight: payload + event + json + 3 * content_type + OVERHEAD,
            encoded: usize::try_from(encoded).unwrap_or(usize::MAX),
        }
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
    fn frames_and_lines_hold_the_same_json() {
        for size in [0, 10, 125, 126, 65_000, 65_535, 65_536] {
            let message = Message::new(
                MessageId {
                    epoch: 0xabc,
                    offset: 7,
                },
                Instant::now(),
                NewMessage {
                    content_type: "text/plain".into(),
                    payload: vec![b'x'; size].into(),
                },
            );
            let json = serde_json::to_vec(&message.envelope()).expect("serializes");
            assert_eq!(message.json(), json);
            assert_eq!(message.line(), [&json[..], b"\n"].concat());
            let frame = message.frame();
            let header: &[u8] = match json.len() {
                len @ 0..126 => &[0x81, len as u8],
                len @ 126..65_536 => &[0x81, 126, (len >> 8) as u8, len as u8],
                len => &[&[0x81, 127][..], &(len as u64).to_be_bytes()].concat(),
            };
            assert_eq!(frame, [header, &json].concat());
            assert_eq!(message.frame().as_ptr(), frame.as_ptr(), "encoded once");
        }
    }

    #[test]
    fn the_weight_covers_every_encoding_at_its_worst() {
        for (content_type, byte) in [
            ("text/plain", b'x'),
            ("text/plain", b'"'),
            ("text/plain", b'\n'),
            ("text/plain", b'\r'),
            ("text/plain", 0),
            ("image/png", 0),
        ] {
            let message = Message::new(
                MessageId {
                    epoch: 1,
                    offset: 1,
                },
                Instant::now(),
                NewMessage {
                    content_type: content_type.into(),
                    payload: vec![byte; 10_000].into(),
                },
            );
            let held = message.payload().len() + message.event().len() + message.frame().len();
            let weight = message.weight();
            assert!(weight >= held as u64, "{content_type} {byte}: {held}");
            assert!(
                weight <= held as u64 + OVERHEAD,
                "{content_type} {byte}: {held}"
            );
            let longest = message.event().len().max(message.frame().len() + 1);
            let encoded = message.encoded();
            assert!(encoded >= longest, "{content_type} {byte}: {longest}");
            assert!(
                encoded <= longest + AROUND as usize,
                "{content_type} {byte}: {longest}"
            );
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

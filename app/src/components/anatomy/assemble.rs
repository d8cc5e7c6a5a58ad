//! From socket events to the bytes of a message.

use wire::{
    base64,
    http1::Direction,
    trace::{Kind, LaneKind, SpanId, TraceEvent},
};

/// The bytes of one message, as far as they are recorded without a hole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Which way it went.
    pub direction: Direction,
    /// The bytes from its beginning.
    pub bytes: Vec<u8>,
    /// How long it is, or was when the last event came, in bytes.
    pub length: u64,
}

impl Message {
    fn new(direction: Direction) -> Message {
        Message {
            direction,
            bytes: Vec::new(),
            length: 0,
        }
    }

    /// How many of its bytes are not at hand: a run records each message up to a bound.
    pub fn not_recorded(&self) -> u64 {
        self.length - self.bytes.len() as u64
    }

    fn take(&mut self, event: &TraceEvent) {
        let offset = event.detail.offset.unwrap_or(self.length);
        if offset == 0 {
            // A stream that was opened again under the same name begins a message of its own.
            self.bytes.clear();
            self.length = 0;
        }
        self.length = self.length.max(offset + event.bytes.unwrap_or(0));
        if offset != self.bytes.len() as u64 {
            return;
        }
        if let Some(text) = &event.detail.data_base64
            && let Some(bytes) = base64::decode(text)
        {
            self.bytes.extend_from_slice(&bytes);
            self.length = self.length.max(self.bytes.len() as u64);
        }
    }
}

/// Both messages of an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Messages {
    /// What the client sent.
    pub request: Message,
    /// What the server answered.
    pub response: Message,
}

/// Puts the messages of an exchange together from the server's socket events.
pub fn assemble<'a>(
    events: impl IntoIterator<Item = &'a TraceEvent>,
    exchange: SpanId,
) -> Messages {
    let mut messages = Messages {
        request: Message::new(Direction::Request),
        response: Message::new(Direction::Response),
    };
    for event in events {
        if event.detail.exchange != Some(exchange) || event.lane.kind != LaneKind::Socket {
            continue;
        }
        match event.kind {
            Kind::Read => messages.request.take(event),
            Kind::Write => messages.response.take(event),
            _ => {}
        }
    }
    messages
}

/// The exchanges whose bytes the server saw, in order, each with its start line's words.
pub fn exchanges<'a>(events: impl IntoIterator<Item = &'a TraceEvent>) -> Vec<(SpanId, String)> {
    let mut found: Vec<(SpanId, String)> = Vec::new();
    for event in events {
        let Some(exchange) = event.detail.exchange else {
            continue;
        };
        let is_read = event.lane.kind == LaneKind::Socket && event.kind == Kind::Read;
        let known = found.iter().position(|(id, _)| *id == exchange);
        if known.is_none() && is_read && event.detail.offset.unwrap_or(0) == 0 {
            found.push((exchange, start_line(event)));
        }
    }
    found
}

fn start_line(event: &TraceEvent) -> String {
    let bytes = event
        .detail
        .data_base64
        .as_deref()
        .and_then(base64::decode)
        .unwrap_or_default();
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let text = String::from_utf8_lossy(line);
    let words: Vec<&str> = text.split_ascii_whitespace().take(2).collect();
    words.join(" ").chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::trace::Lane;

    fn event(kind: Kind, exchange: u64, offset: u64, data: &[u8], bytes: u64) -> TraceEvent {
        let mut event = TraceEvent::new(Lane::SOCKET, kind, 0, 0);
        event.bytes = Some(bytes);
        event.detail.exchange = SpanId::new(exchange);
        event.detail.offset = Some(offset);
        event.detail.data_base64 = Some(base64::encode(data));
        event
    }

    fn span(id: u64) -> SpanId {
        SpanId::new(id).expect("not zero")
    }

    #[test]
    fn messages_are_put_together_by_exchange_and_direction() {
        let events = [
            event(Kind::Read, 1, 0, b"GET /a HT", 9),
            event(Kind::Read, 2, 0, b"GET /b HTTP/1.1\r\n", 17),
            event(Kind::Read, 1, 9, b"TP/1.1\r\n\r\n", 10),
            event(Kind::Write, 1, 0, b"HTTP/1.1 200 OK\r\n\r\n", 19),
        ];
        let messages = assemble(&events, span(1));
        assert_eq!(messages.request.bytes, b"GET /a HTTP/1.1\r\n\r\n");
        assert_eq!(messages.request.not_recorded(), 0);
        assert_eq!(messages.response.length, 19);
        assert_eq!(
            exchanges(&events),
            [
                (span(1), "GET /a".to_owned()),
                (span(2), "GET /b".to_owned())
            ]
        );
    }

    #[test]
    fn behind_a_hole_nothing_is_guessed() {
        let events = [
            event(Kind::Write, 1, 0, b"abcd", 10),
            event(Kind::Write, 1, 10, b"klmn", 4),
        ];
        let response = assemble(&events, span(1)).response;
        assert_eq!(response.bytes, b"abcd");
        assert_eq!((response.length, response.not_recorded()), (14, 10));
    }

    #[test]
    fn a_stream_opened_again_begins_anew() {
        let events = [
            event(Kind::Read, 1, 0, b"GET /old", 8),
            event(Kind::Read, 1, 0, b"GET /new", 8),
        ];
        assert_eq!(assemble(&events, span(1)).request.bytes, b"GET /new");
    }

    #[test]
    fn what_is_no_base64_is_left_out() {
        let mut broken = event(Kind::Read, 1, 0, b"", 5);
        broken.detail.data_base64 = Some("%%%".into());
        let request = assemble(&[broken], span(1)).request;
        assert_eq!((request.bytes.len(), request.length), (0, 5));
    }
}

//! What comes over a stream, read piece by piece: blocks of an event stream, or lines of JSON.

use serde::Deserialize;
use wire::topics::{Gap, MessageId};

/// What a subscriber is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum News {
    /// A message.
    Message(Message),
    /// A gap.
    Gap(Gap),
}

/// A message, as far as the swarm looks at it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Message {
    /// Its id.
    pub(super) id: MessageId,
    /// When the topic took it; an event stream does not say.
    #[serde(default)]
    pub(super) time: String,
    /// Its text.
    #[serde(default)]
    pub(super) data: String,
}

/// A page of messages.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) messages: Vec<Message>,
    pub(super) gap: Option<Gap>,
}

/// A line of NDJSON, or a frame of a WebSocket. What is neither a message nor a gap says who is there.
#[derive(Deserialize)]
struct Line {
    gap: Option<Gap>,
    id: Option<MessageId>,
    #[serde(default)]
    time: String,
    #[serde(default)]
    data: String,
}

/// What an envelope, a gap or something else in JSON says.
pub(super) fn json(text: &[u8]) -> serde_json::Result<Option<News>> {
    let Line {
        gap,
        id,
        time,
        data,
    } = serde_json::from_slice(text)?;
    let message = id.map(|id| News::Message(Message { id, time, data }));
    Ok(gap.map(News::Gap).or(message))
}

/// What a block of an event stream says; nothing where it has no data.
pub(super) fn event(block: &[u8]) -> serde_json::Result<Option<News>> {
    let (mut id, mut data, mut is_gap) = (None, None, false);
    for line in block.split(|byte| *byte == b'\n') {
        if let Some(value) = line.strip_prefix(b"id: ") {
            id = std::str::from_utf8(value)
                .ok()
                .and_then(|id| id.parse().ok());
        } else if let Some(value) = line.strip_prefix(b"data: ") {
            data = data.or(Some(value));
        } else if line == b"event: gap" {
            is_gap = true;
        }
    }
    match (is_gap, id, data) {
        (true, _, Some(data)) => json(data),
        (false, Some(id), Some(data)) => Ok(Some(News::Message(Message {
            id,
            time: String::new(),
            data: String::from_utf8_lossy(data).into_owned(),
        }))),
        _ => Ok(None),
    }
}

/// Bytes of a stream until they are whole.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    bytes: Vec<u8>,
}

impl Pieces {
    /// Takes what came; gives what is whole now, without the `end` behind each.
    pub(super) fn take(&mut self, came: &[u8], end: &[u8], mut whole: impl FnMut(&[u8])) {
        self.bytes.extend_from_slice(came);
        let mut from = 0;
        while let Some(length) = find(&self.bytes[from..], end) {
            whole(&self.bytes[from..from + length]);
            from += length + end.len();
        }
        self.bytes.drain(..from);
        if self.bytes.is_empty() && self.bytes.capacity() > 16 * 1024 {
            self.bytes = Vec::new();
        }
    }
}

fn find(bytes: &[u8], end: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, data: &str) -> News {
        News::Message(Message {
            id: id.parse().expect("an id"),
            time: String::new(),
            data: data.into(),
        })
    }

    #[test]
    fn an_event_stream_is_read_as_it_comes() {
        let text = "\u{feff}id: 0000000a-0\n\nretry: 1000\nid: 0000000a-1\ndata: one\n\n: still here\n\nid: 0000000a-1\n\n\
                    event: gap\ndata: {\"gap\":{\"after\":\"x\",\"next\":\"0000000b-1\",\"missed\":null,\"reason\":\"epoch\"}}\n\n";
        for cut in 0..text.len() {
            let text = text.as_bytes();
            let (mut pieces, mut news) = (Pieces::default(), Vec::new());
            for piece in [&text[..cut], &text[cut..]] {
                pieces.take(piece, b"\n\n", |block| {
                    news.extend(event(block).expect("readable"));
                });
            }
            assert_eq!(news.len(), 2, "cut at {cut}");
            assert_eq!(news[0], message("0000000a-1", "one"));
            assert!(matches!(&news[1], News::Gap(gap) if gap.next.epoch == 0xb));
        }
    }

    #[test]
    fn who_is_there_is_no_news() {
        assert_eq!(json(br#"{"presence":{"sse":1}}"#).expect("JSON"), None);
        let envelope = br#"{"id":"0000000a-2","time":"","content_type":"text/plain","data":"two"}"#;
        assert_eq!(
            json(envelope).expect("JSON"),
            Some(message("0000000a-2", "two"))
        );
        assert!(json(b"{").is_err());
    }
}

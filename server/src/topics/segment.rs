//! Messages that follow one another, shared by everyone who reads them at the same place: what is ready leaves in one
//! write, and a thousand subscribers at the same place write the same bytes.

use std::{
    ops::Deref,
    sync::{Arc, OnceLock},
};

use bytes::{Bytes, BytesMut};

use super::message::Message;

/// Messages in their order. Cloning it costs one reference count.
#[derive(Debug, Clone, Default)]
pub struct Segment(Option<Arc<Shared>>);

#[derive(Debug)]
struct Shared {
    messages: Vec<Arc<Message>>,
    events: OnceLock<Bytes>,
    lines: OnceLock<Bytes>,
    frames: OnceLock<Bytes>,
}

impl From<Vec<Arc<Message>>> for Segment {
    fn from(messages: Vec<Arc<Message>>) -> Segment {
        Segment((!messages.is_empty()).then(|| {
            Arc::new(Shared {
                messages,
                events: OnceLock::new(),
                lines: OnceLock::new(),
                frames: OnceLock::new(),
            })
        }))
    }
}

impl Deref for Segment {
    type Target = [Arc<Message>];

    fn deref(&self) -> &[Arc<Message>] {
        match &self.0 {
            Some(shared) => &shared.messages,
            None => &[],
        }
    }
}

impl Segment {
    /// All of it as blocks of an event stream.
    pub fn events(&self) -> Bytes {
        self.encoded(|shared| &shared.events, |message| message.event().clone())
    }

    /// All of it as lines of JSON.
    pub fn lines(&self) -> Bytes {
        self.encoded(|shared| &shared.lines, Message::line)
    }

    /// All of it as frames of a WebSocket.
    pub fn frames(&self) -> Bytes {
        self.encoded(|shared| &shared.frames, Message::frame)
    }

    fn encoded(
        &self,
        place: impl Fn(&Shared) -> &OnceLock<Bytes>,
        one: impl Fn(&Message) -> Bytes,
    ) -> Bytes {
        let Some(shared) = &self.0 else {
            return Bytes::new();
        };
        if let [message] = &shared.messages[..] {
            // What is alone is encoded once with the message.
            return one(message);
        }
        let all = place(shared).get_or_init(|| {
            let pieces: Vec<Bytes> = shared.messages.iter().map(|m| one(m)).collect();
            let mut all = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
            for piece in pieces {
                all.extend_from_slice(&piece);
            }
            all.freeze()
        });
        all.clone()
    }
}

/// The segment that was read last: the next reader at the same place gets the same.
#[derive(Debug)]
pub(super) struct Recent {
    after: u64,
    /// It ends where it does because of the budget: what has come since does not belong to it.
    full: bool,
    segment: Segment,
}

impl Recent {
    /// `last`: the topic's newest offset.
    pub(super) fn new(after: u64, last: u64, segment: Segment) -> Recent {
        let end = segment.last().map_or(after, |message| message.id.offset);
        Recent {
            after,
            full: end < last,
            segment,
        }
    }

    /// The segment, if a reader behind `after` would read just that.
    pub(super) fn serves(&self, after: u64, last: u64) -> Option<&Segment> {
        let end = self.segment.last()?.id.offset;
        (self.after == after && (self.full || end == last)).then_some(&self.segment)
    }
}

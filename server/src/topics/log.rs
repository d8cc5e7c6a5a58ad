//! A topic's history: an ordered log with an epoch and dense offsets, bounded by count, bytes and age.
//!
//! Pure: the time is an argument, and nobody is woken here.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::time::Instant;
use wire::{
    limits::{DELIVERY_BYTES_MAX, DELIVERY_MESSAGES_MAX},
    topics::{Gap, GapReason, HistoryBounds, MessageId},
};

use super::message::{Message, NewMessage};

/// The log of one life of a topic.
#[derive(Debug)]
pub(super) struct Log {
    epoch: u32,
    /// The offset of the newest message there has been, 0 before the first.
    last: u64,
    /// The newest message of the life before, where it is known: who has it has missed nothing of that.
    before: Option<MessageId>,
    /// The newest of them, without holes: the front has the offset [`Log::first`].
    messages: VecDeque<Arc<Message>>,
    bytes: u64,
    weight: u64,
    bounds: HistoryBounds,
}

/// How much one read takes at most. At least one message is read where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Messages.
    pub count: usize,
    /// Bytes, counted as the longest encoding has them.
    pub bytes: usize,
}

impl Budget {
    /// What goes out to a subscriber in one write.
    pub const DELIVERY: Budget = Budget {
        count: DELIVERY_MESSAGES_MAX,
        bytes: DELIVERY_BYTES_MAX,
    };
}

/// Where a reader stands after asking for what came after an id.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resumed {
    /// The offset after which it reads on.
    pub(super) after: u64,
    /// What it will never see.
    pub(super) gap: Option<Gap>,
}

impl Log {
    pub(super) fn new(epoch: u32, bounds: HistoryBounds) -> Log {
        Log {
            epoch,
            last: 0,
            before: None,
            messages: VecDeque::new(),
            bytes: 0,
            weight: 0,
            bounds,
        }
    }

    /// The id with this offset in this life.
    pub(super) fn id(&self, offset: u64) -> MessageId {
        MessageId {
            epoch: self.epoch,
            offset,
        }
    }

    /// The id of the newest message there has been; `{epoch}-0` before the first.
    pub(super) fn last(&self) -> MessageId {
        self.id(self.last)
    }

    /// The offset of the oldest message that is kept; where none is, the offset that the next one will have.
    pub(super) fn first(&self) -> u64 {
        self.last + 1 - self.messages.len() as u64
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Bytes of payload.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What all of it takes in memory, in bytes.
    pub(super) fn weight(&self) -> u64 {
        self.weight
    }

    pub(super) fn bounds(&self) -> HistoryBounds {
        self.bounds
    }

    pub(super) fn set_bounds(&mut self, bounds: HistoryBounds, now: Instant) {
        self.bounds = bounds;
        self.trim(now);
    }

    /// Takes a message. The newest message is kept whatever the bounds say.
    pub(super) fn push(&mut self, new: NewMessage, now: Instant) -> Arc<Message> {
        let message = Arc::new(Message::new(self.id(self.last + 1), now, new));
        self.append(Arc::clone(&message), now);
        message
    }

    /// Takes a message that has its id, which is the next one.
    pub(super) fn append(&mut self, message: Arc<Message>, now: Instant) {
        debug_assert_eq!(message.id, self.id(self.last + 1), "dense and in order");
        self.last = message.id.offset;
        self.bytes += message.payload().len() as u64;
        self.weight += message.weight();
        self.messages.push_back(message);
        self.trim(now);
    }

    /// The log is that of the life behind this one.
    pub(super) fn follows(&mut self, before: MessageId) {
        self.before = Some(before);
    }

    /// The log as it was when its newest message had the offset `last`: its messages follow by [`Log::append`].
    pub(super) fn resumed(epoch: u32, after: u64, bounds: HistoryBounds) -> Log {
        Log {
            last: after,
            ..Log::new(epoch, bounds)
        }
    }

    /// All that is kept.
    pub(super) fn messages(&self) -> impl ExactSizeIterator<Item = &Arc<Message>> {
        self.messages.iter()
    }

    /// Drops what is over the bounds.
    pub(super) fn trim(&mut self, now: Instant) {
        let age = Duration::from_secs(self.bounds.age_s);
        while let Some(oldest) = self.messages.front() {
            let too_old = now.saturating_duration_since(oldest.at) >= age;
            let too_many = self.messages.len() as u64 > self.bounds.count
                || (self.bytes > self.bounds.bytes && self.messages.len() > 1);
            if !too_old && !too_many {
                return;
            }
            self.drop_oldest();
        }
    }

    /// Drops the oldest messages until `weight` bytes of memory are free, all but the newest `keep` if need be; says how
    /// many bytes it freed.
    pub(super) fn shed(&mut self, weight: u64, keep: usize) -> u64 {
        let before = self.weight;
        while self.messages.len() > keep && before - self.weight < weight {
            self.drop_oldest();
        }
        before - self.weight
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.messages.pop_front() {
            self.bytes -= oldest.payload().len() as u64;
            self.weight -= oldest.weight();
        }
    }

    /// Where a reader stands that has seen everything up to `after`, and what it has missed since.
    pub(super) fn resume(&self, after: MessageId) -> Resumed {
        // An id of this life that has not been given yet is of another one, too: of the same number, by chance or made up.
        if after.epoch != self.epoch || after.offset > self.last {
            let first = self.first();
            let known = (self.before)
                .filter(|before| before.epoch == after.epoch && before.offset >= after.offset);
            return Resumed {
                after: first - 1,
                gap: Some(Gap {
                    after: after.to_string(),
                    next: self.id(first),
                    missed: known.map(|before| before.offset - after.offset + first - 1),
                    reason: GapReason::Epoch,
                }),
            };
        }
        match self.missing(after.offset, GapReason::Evicted) {
            Some(gap) => Resumed {
                after: gap.next.offset - 1,
                gap: Some(gap),
            },
            None => Resumed {
                after: after.offset,
                gap: None,
            },
        }
    }

    /// What a reader that has seen everything up to the offset `after` can no longer get.
    pub(super) fn missing(&self, after: u64, reason: GapReason) -> Option<Gap> {
        let first = self.first();
        (after + 1 < first).then(|| Gap {
            after: self.id(after).to_string(),
            next: self.id(first),
            missed: Some(first - 1 - after),
            reason,
        })
    }

    /// The offset after which the newest `count` messages stand.
    pub(super) fn before_newest(&self, count: usize) -> u64 {
        self.last - self.messages.len().min(count) as u64
    }

    /// The messages that follow the offset `after`, in order. Those no longer kept are silently not among them: ask
    /// [`Log::missing`] first.
    pub(super) fn read(&self, after: u64, budget: Budget) -> Vec<Arc<Message>> {
        let skip = (after + 1).saturating_sub(self.first());
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let mut bytes = 0;
        let mut read = Vec::new();
        for message in self.messages.iter().skip(skip).take(budget.count) {
            bytes += message.encoded();
            if bytes > budget.bytes && !read.is_empty() {
                break;
            }
            read.push(Arc::clone(message));
        }
        read
    }
}

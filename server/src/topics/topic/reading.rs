//! Reading: who is there, and what each gets in one go.

use tokio::{sync::watch, time::Instant};
use wire::topics::{Gap, GapReason, Presence, Transport};

use super::{Ended, Ending, Shared, Topic};
use crate::topics::{
    Error, Limits, Page, Start,
    log::{Budget, Resumed},
    segment::{Recent, Segment},
};

/// What a reader gets in one go: first the gap, then the messages.
#[derive(Debug, Default)]
pub struct Batch {
    /// What is missing before the messages.
    pub gap: Option<Gap>,
    /// The messages, in order.
    pub messages: Segment,
    /// Nothing will follow: the topic's life is over.
    pub ended: Option<Ending>,
}

impl Batch {
    /// Is there neither a gap nor a message?
    pub fn is_empty(&self) -> bool {
        self.gap.is_none() && self.messages.is_empty()
    }
}

impl Topic {
    /// Counts a subscriber in, and says where it stands.
    pub(in crate::topics) fn join(
        &self,
        transport: Transport,
        start: Start,
        limits: &Limits,
    ) -> Result<Result<Resumed, Error>, Ended> {
        self.change(|shared, now| {
            if self.presence.borrow().total() >= limits.subscribers as u64 {
                return Err(Error::TooManySubscribers(limits.subscribers));
            }
            self.presence
                .send_modify(|presence| *presence.of(transport) += 1);
            shared.used = now;
            Ok(start.within(&shared.log))
        })
    }

    /// Counts a subscriber out.
    pub(in crate::topics) fn leave(&self, transport: Transport) {
        let mut shared = self.shared.lock();
        shared.used = Instant::now();
        self.presence.send_modify(|presence| {
            let count = presence.of(transport);
            *count = count.saturating_sub(1);
        });
    }

    pub(in crate::topics) fn watch(&self) -> watch::Receiver<()> {
        self.wake.subscribe()
    }

    pub(in crate::topics) fn watch_presence(&self) -> watch::Receiver<Presence> {
        self.presence.subscribe()
    }

    /// What follows the offset `after`. A reader that was connected all the time and still misses something was slow.
    /// What is left when the life ends can be read to its end.
    pub(in crate::topics) fn read(&self, after: u64, budget: Budget) -> Batch {
        let mut shared = self.shared.lock();
        let ended = shared.ended;
        if ended.is_none() {
            let weight = shared.log.weight();
            shared.log.trim(Instant::now());
            self.account(&shared, weight, shared.keys.len());
        }
        let gap = shared.log.missing(after, GapReason::Slow);
        let from = gap.as_ref().map_or(after, |gap| gap.next.offset - 1);
        let messages = self.segment(&mut shared, from, budget);
        Batch {
            ended: ended.filter(|_| messages.is_empty()),
            gap,
            messages,
        }
    }

    /// The messages behind `after`: the same segment for each of several readers at the same place.
    fn segment(&self, shared: &mut Shared, after: u64, budget: Budget) -> Segment {
        let last = shared.log.last().offset;
        if after == last {
            return Segment::default();
        }
        if budget != Budget::DELIVERY {
            return shared.log.read(after, budget).into();
        }
        if let Some(segment) = shared.recent.as_ref().and_then(|r| r.serves(after, last)) {
            return segment.clone();
        }
        let segment = Segment::from(shared.log.read(after, budget));
        shared.recent = (segment.len() > 1 && self.presence.borrow().total() > 1)
            .then(|| Recent::new(after, last, segment.clone()));
        segment
    }

    /// What a reader gets that does not subscribe. All of it is of the same moment: nothing comes between the messages
    /// and the id of the newest one.
    pub(in crate::topics) fn page(&self, start: Start, budget: Budget) -> Result<Page, Ended> {
        self.change(|shared, now| {
            shared.used = now;
            let at = start.within(&shared.log);
            let messages = Segment::from(shared.log.read(at.after, budget));
            let next = messages.last().map(|message| message.id);
            Page {
                next: next.unwrap_or_else(|| shared.log.id(at.after)),
                last: shared.log.last(),
                batch: Batch {
                    gap: at.gap,
                    messages,
                    ended: None,
                },
            }
        })
    }
}

//! A subscriber: a cursor into the shared log and a wake-up. It holds no queue, so a slow one costs nothing but its place.

use std::sync::Arc;

use tokio::sync::watch;
use wire::topics::{Gap, MessageId};

use super::{
    log::Budget,
    topic::{Batch, Topic},
};

/// Reads one topic from some place on: everything since, once, in order, or an explicit gap.
#[derive(Debug)]
pub struct Subscriber {
    topic: Arc<Topic>,
    wake: watch::Receiver<()>,
    /// The offset of the last message it has taken.
    after: u64,
    /// What it has to be told first.
    gap: Option<Gap>,
}

impl Subscriber {
    /// The topic has counted it in already.
    pub(super) fn new(topic: Arc<Topic>, after: u64, gap: Option<Gap>) -> Subscriber {
        let mut wake = topic.watch();
        // The first wait must look at the log, not only at what comes after.
        wake.mark_changed();
        Subscriber {
            topic,
            wake,
            after,
            gap,
        }
    }

    /// The topic's name.
    pub fn topic(&self) -> &str {
        self.topic.name()
    }

    /// The id of the last message it has taken, or the place it began at.
    pub fn position(&self) -> MessageId {
        self.topic.id(self.after)
    }

    /// The id of the topic's newest message.
    pub fn last(&self) -> MessageId {
        self.topic.last()
    }

    /// What is ready now, within the budget; empty when nothing is.
    pub fn take(&mut self, budget: Budget) -> Batch {
        self.wake.mark_unchanged();
        let mut batch = self.topic.read(self.after, budget);
        if let Some(gap) = self.gap.take() {
            // Still the gap it was told of when it joined, but by now it may reach further.
            batch.gap = Some(match batch.gap.take() {
                Some(later) => Gap {
                    next: later.next,
                    missed: gap
                        .missed
                        .zip(later.missed)
                        .map(|(first, more)| first + more),
                    ..gap
                },
                None => gap,
            });
        }
        if let Some(gap) = &batch.gap {
            self.after = gap.next.offset - 1;
        }
        if let Some(message) = batch.messages.last() {
            self.after = message.id.offset;
        }
        if !batch.is_empty() {
            // The budget may have left some: the next wait looks again.
            self.wake.mark_changed();
        }
        batch
    }

    /// Waits until [`Subscriber::take`] may have something.
    pub async fn ready(&mut self) {
        // The sender lives in the topic, which this holds.
        let _ = self.wake.changed().await;
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.topic.leave();
    }
}

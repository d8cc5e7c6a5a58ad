//! A subscriber: a cursor into the shared log and a wake-up. It holds no queue, so a slow one costs nothing but its place.

use std::{net::IpAddr, sync::Arc};

use tokio::sync::watch;
use wire::{
    topics::{Gap, MessageId, Presence, Transport},
    trace::SpanId,
};

use super::{
    inside::Cursor,
    log::{Budget, Resumed},
    topic::{Batch, Topic},
};
use crate::address::Place;

/// Who subscribes.
#[derive(Debug, Clone, Copy)]
pub struct Reader {
    /// How it is reached.
    pub transport: Transport,
    /// The address that it counts under; none where no cap per address applies.
    pub address: Option<IpAddr>,
    /// The exchange by which it is in a run: who looks into the topic knows it by this.
    pub exchange: Option<SpanId>,
}

/// Reads one topic from some place on: everything since, once, in order, or an explicit gap.
#[derive(Debug)]
pub struct Subscriber {
    topic: Arc<Topic>,
    cursor: Arc<Cursor>,
    transport: Transport,
    wake: watch::Receiver<()>,
    /// The offset of the last message it has taken.
    after: u64,
    /// What it has to be told first.
    gap: Option<Gap>,
    /// Why it leaves, where the server has a reason.
    why: Option<String>,
    _place: Place,
}

impl Subscriber {
    /// The topic has counted it in already.
    pub(super) fn new(topic: Arc<Topic>, reader: &Reader, at: Resumed, place: Place) -> Subscriber {
        let mut wake = topic.watch();
        // The first wait must look at the log, not only at what comes after.
        wake.mark_changed();
        Subscriber {
            cursor: topic.cursors().join(reader, at.after),
            topic,
            transport: reader.transport,
            wake,
            after: at.after,
            gap: at.gap,
            why: None,
            _place: place,
        }
    }

    /// The topic's name.
    pub fn topic(&self) -> &str {
        self.topic.name()
    }

    /// How it is reached.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The id of the last message it has taken, or the place it began at.
    pub fn position(&self) -> MessageId {
        self.topic.id(self.after)
    }

    /// Who else is there, now and from now on.
    pub fn presence(&self) -> watch::Receiver<Presence> {
        self.topic.watch_presence()
    }

    /// What is ready now, within the budget; empty when nothing is.
    pub fn take(&mut self, budget: Budget) -> Batch {
        // Before the look: what is published behind it wakes once more.
        self.wake.mark_unchanged();
        let mut batch = self.topic.read(self.after, budget);
        batch.gap = joined(self.gap.take(), batch.gap);
        if let Some(gap) = &batch.gap {
            self.after = gap.next.offset - 1;
            self.cursor.misses(gap.missed.unwrap_or(0));
        }
        if let Some(message) = batch.messages.last() {
            self.after = message.id.offset;
        }
        self.cursor.stands(self.after);
        if !batch.is_empty() {
            // The budget may have left some, and the end comes last: the next wait looks again.
            batch.ended = None;
            self.wake.mark_changed();
        }
        batch
    }

    /// It will leave, and this is the server's reason.
    pub fn leaves(&mut self, why: &str) {
        self.why = Some(why.to_owned());
    }

    /// The number of the topic's present life, what changes when any of its subscribers may have something, and who is
    /// there: one wake-up for whoever serves many of them.
    pub fn bell(&self) -> (u64, watch::Receiver<()>, watch::Receiver<Presence>) {
        (self.topic.life(), self.topic.watch(), self.presence())
    }

    /// Waits until [`Subscriber::take`] may have something.
    pub async fn ready(&mut self) {
        // The sender lives in the topic, which this holds.
        let _ = self.wake.changed().await;
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.topic.leave(self.transport);
        let last = self.topic.last().offset;
        (self.topic.cursors()).leave(&self.cursor, last, self.why.take());
    }
}

/// The gap that a reader was told of when it joined, which by the time it reads may reach further.
fn joined(first: Option<Gap>, later: Option<Gap>) -> Option<Gap> {
    match (first, later) {
        (Some(first), Some(later)) => Some(Gap {
            next: later.next,
            missed: first
                .missed
                .zip(later.missed)
                .map(|(first, more)| first + more),
            ..first
        }),
        (first, later) => first.or(later),
    }
}

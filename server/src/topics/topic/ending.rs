//! How a life ends, and what the next one takes over.

use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;
use wire::topics::{Ack, HistoryBounds, MessageId};

use super::{Shared, Topic};
use crate::address::Place;

/// How a topic's life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Somebody ended the topic: its history is gone.
    Deleted,
    /// The topic was restarted: whoever comes back finds its next life.
    Restarted,
    /// The server stops.
    Closed,
}

/// The topic's life is over: whoever wants the topic must ask for its next one.
#[derive(Debug)]
pub(in crate::topics) struct Ended;

impl Topic {
    /// When it was last used, if nobody reads it now, nothing waits for it and it promises nothing beyond memory.
    pub(in crate::topics) fn idle_since(&self) -> Option<Instant> {
        let shared = self.shared.lock();
        self.is_idle(&shared).then_some(shared.used)
    }

    fn is_idle(&self, shared: &Shared) -> bool {
        self.presence.borrow().total() == 0 && shared.ack == Ack::Memory && shared.waiting == 0
    }

    /// Ends this life if it is idle, has been for long enough, and in the case of `empty` holds nothing.
    pub(in crate::topics) fn end_idle(self: &Arc<Self>, enough: Duration, empty: bool) -> bool {
        self.end_if(Ending::Deleted, |shared| {
            let idle = self.is_idle(shared) && shared.used.elapsed() >= enough;
            idle && !(empty && shared.log.len() > 0)
        })
    }

    /// Ends this life if nothing would be lost with it: nobody reads it, nothing was published, and it was told nothing.
    pub(in crate::topics) fn end_blank(self: &Arc<Self>, bounds: HistoryBounds) -> bool {
        self.end_if(Ending::Deleted, |shared| {
            let blank = shared.log.last().offset == 0 && shared.log.bounds() == bounds;
            blank && self.is_idle(shared)
        })
    }

    /// Ends this life unless it promises more than memory.
    pub(in crate::topics) fn end_in_memory(self: &Arc<Self>, ending: Ending) -> bool {
        self.end_if(ending, |shared| shared.ack == Ack::Memory)
    }

    /// Ends this life: nothing is taken any more, and readers read what is left. As long as they hold it, it counts.
    pub(in crate::topics) fn end(self: &Arc<Self>, ending: Ending) {
        self.end_if(ending, |_| true);
    }

    /// Decides whether to end this life, and ends it, in one step. Is it over?
    fn end_if(self: &Arc<Self>, ending: Ending, decide: impl FnOnce(&Shared) -> bool) -> bool {
        let mut shared = self.shared.lock();
        if shared.ended.is_some() {
            return true;
        }
        if !decide(&shared) {
            return false;
        }
        shared.ended = Some(ending);
        let keys = std::mem::take(&mut shared.keys);
        // A next life takes it over.
        let place = match ending {
            Ending::Restarted => None,
            Ending::Deleted | Ending::Closed => shared.place.take(),
        };
        drop(shared);
        drop(place);
        self.totals.keys.fetch_sub(keys.len(), Relaxed);
        if self.presence.borrow().total() > 0 {
            self.totals.add_ended(self);
        }
        self.wake.send_replace(());
        true
    }

    /// Has this life been closed because the server stops?
    pub(in crate::topics) fn is_closed(&self) -> bool {
        self.shared.lock().ended == Some(Ending::Closed)
    }

    /// This is the life behind that one.
    pub(in crate::topics) fn follows(&self, before: MessageId) {
        self.shared.lock().log.follows(before);
    }

    /// The place under an address, for the next life.
    pub(in crate::topics) fn take_place(&self) -> Option<Place> {
        self.shared.lock().place.take()
    }

    /// This is the next life of one that is over: what waited for that waits for this now, in its place.
    pub(in crate::topics) fn takes_over(&self, place: Option<Place>, waiting: usize) {
        let mut shared = self.shared.lock();
        shared.place = place;
        shared.waiting = waiting;
    }

    /// Is this one of as many topics as its address may begin?
    pub(in crate::topics) fn is_one_of(&self, most: usize) -> bool {
        let shared = self.shared.lock();
        shared
            .place
            .as_ref()
            .is_some_and(|place| place.is_one_of(most))
    }
}

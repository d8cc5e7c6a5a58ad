//! What is inside a topic, as it is told to those who look: the log and, on it, where each subscriber stands.
//!
//! A subscriber writes its place into its [`Cursor`] when it takes something: one store, which nobody waits for. Whoever
//! looks reads the places one after the other, so a look is of a moment, not of an instant.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;
use wire::{
    limits::{INSIDE_GONE_MAX, INSIDE_PLACES_MAX},
    topics::{Cursor as Told, Gone, TopicInside, Transport},
    trace::SpanId,
};

use super::Reader;

/// Where one subscriber stands.
#[derive(Debug)]
pub(super) struct Cursor {
    /// Counted in the order in which they joined this life of the topic.
    number: u64,
    transport: Transport,
    exchange: Option<SpanId>,
    /// The offset of the last message that it has taken.
    after: AtomicU64,
    /// How many messages it was told that it has missed.
    missed: AtomicU64,
}

impl Cursor {
    /// It has taken everything up to here.
    pub(super) fn stands(&self, after: u64) {
        self.after.store(after, Relaxed);
    }

    /// It was told of a gap.
    pub(super) fn misses(&self, count: u64) {
        self.missed.fetch_add(count, Relaxed);
    }

    fn told(&self, last: u64) -> Told {
        // It may have gone on since the log was looked at.
        let after = self.after.load(Relaxed).min(last);
        Told {
            number: self.number,
            exchange: self.exchange,
            transport: self.transport,
            after,
            lag: last - after,
            missed: self.missed.load(Relaxed),
        }
    }
}

/// The subscribers of one life of a topic.
#[derive(Debug, Default)]
pub(super) struct Cursors(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    joined: u64,
    there: BTreeMap<u64, Arc<Cursor>>,
    /// Who left last, the newest first.
    gone: VecDeque<Gone>,
}

impl Cursors {
    /// A subscriber joins behind this offset.
    pub(super) fn join(&self, reader: &Reader, after: u64) -> Arc<Cursor> {
        let mut known = self.0.lock();
        known.joined += 1;
        let cursor = Arc::new(Cursor {
            number: known.joined,
            transport: reader.transport,
            exchange: reader.exchange,
            after: after.into(),
            missed: 0.into(),
        });
        known.there.insert(cursor.number, Arc::clone(&cursor));
        cursor
    }

    /// It leaves; `last` is the topic's newest offset, `why` the server's reason, if it has one.
    pub(super) fn leave(&self, cursor: &Cursor, last: u64, why: Option<String>) {
        let mut known = self.0.lock();
        known.there.remove(&cursor.number);
        // A poll that is answered leaves, and the next one comes: that is no news.
        if cursor.transport != Transport::LongPolling {
            known.gone.truncate(INSIDE_GONE_MAX - 1);
            let cursor = cursor.told(last);
            known.gone.push_front(Gone { cursor, why });
        }
    }

    /// All of it; `last` is the topic's newest offset.
    pub(super) fn look(&self, last: u64) -> (Vec<Told>, Vec<Gone>) {
        let known = self.0.lock();
        let there: Vec<_> = known.there.values().map(Arc::clone).collect();
        let gone = known.gone.iter().cloned().collect();
        drop(known);
        (there.iter().map(|cursor| cursor.told(last)).collect(), gone)
    }
}

/// What is inside a topic at a moment: the same for all who look at that moment.
#[derive(Debug)]
pub struct Inside {
    /// What everyone is told: the cursors are missing in it.
    common: TopicInside,
    /// All cursors, the furthest behind first.
    cursors: Vec<Told>,
}

impl Inside {
    /// `common` has the log's part.
    pub(super) fn new(
        mut common: TopicInside,
        (mut cursors, gone): (Vec<Told>, Vec<Gone>),
    ) -> Inside {
        cursors.sort_by_key(|cursor| (cursor.after, cursor.number));
        common.subscribers = cursors.len() as u64;
        common.places = places(&cursors, common.last.offset);
        common.gone = gone;
        Inside { common, cursors }
    }

    /// What somebody is told: at most `most` subscribers, first those that are theirs, then those that are furthest
    /// behind.
    pub fn told(&self, mine: &[SpanId], most: usize) -> TopicInside {
        let is_mine = |cursor: &&Told| cursor.exchange.is_some_and(|it| mine.contains(&it));
        let (own, others): (Vec<&Told>, Vec<&Told>) = if mine.is_empty() {
            (Vec::new(), self.cursors.iter().take(most).collect())
        } else {
            self.cursors.iter().partition(is_mine)
        };
        let cursors: Vec<Told> = own.into_iter().chain(others).take(most).copied().collect();
        TopicInside {
            more: self.common.subscribers - cursors.len() as u64,
            cursors,
            ..self.common.clone()
        }
    }
}

/// How many subscribers stand where, in steps that are small enough for a picture.
fn places(cursors: &[Told], last: u64) -> Vec<(u64, u64)> {
    let Some(least) = cursors.first().map(|cursor| cursor.after) else {
        return Vec::new();
    };
    let step = (last - least) / INSIDE_PLACES_MAX + 1;
    let mut places: Vec<(u64, u64)> = Vec::new();
    for cursor in cursors {
        // The step's end, so that who has everything stands at the newest message.
        let place = last - (last - cursor.after) / step * step;
        match places.last_mut() {
            Some((at, count)) if *at == place => *count += 1,
            _ => places.push((place, 1)),
        }
    }
    places
}

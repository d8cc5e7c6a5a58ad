//! The cap on what the messages of all topics take in memory.

use std::{
    cmp::Reverse,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use super::{Map, topic::Totals};

/// Brings what all topics hold below the cap. What is left of lives that are over goes first, then the oldest messages of
/// the largest topics, and where that is not enough their newest ones, too.
pub(super) fn relieve(topics: &Map, totals: &Totals, cap: u64) {
    let over = || totals.weight.load(Relaxed).saturating_sub(cap);
    if over() == 0 {
        return;
    }
    // Whoever had to wait here finds it done.
    let _relief = totals.relief.lock();
    let over = over();
    if over == 0 {
        return;
    }
    // A little more than needed, so that not every publish has to look for the largest.
    let mut wanted = over + cap / 64;
    for topic in totals.ended() {
        wanted = wanted.saturating_sub(topic.shed(wanted, 0));
    }
    if wanted == 0 {
        return;
    }
    let mut largest: Vec<_> = topics.lock().values().map(Arc::clone).collect();
    largest.sort_by_cached_key(|topic| Reverse(topic.weight()));
    for keep in [1, 0] {
        for topic in &largest {
            wanted = wanted.saturating_sub(topic.shed(wanted, keep));
            if wanted == 0 {
                return;
            }
        }
    }
}

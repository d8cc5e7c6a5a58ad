//! Which epoch the next life of a topic has. It is settled before the life begins, so that who reads a topic that is not
//! there can be told where to read on, and nothing has to be kept of it.

use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

/// How many names share a count of lives: the more, the fewer.
const SLOTS: usize = 16 * 1024;

/// Epochs that differ from one life to the next, and from one run of the server to the next.
#[derive(Debug)]
pub(super) struct Epochs {
    secret: RandomState,
    /// How many lives have begun of the names that share a slot.
    begun: Vec<AtomicU32>,
}

impl Default for Epochs {
    fn default() -> Epochs {
        Epochs {
            secret: RandomState::new(),
            begun: (0..SLOTS).map(|_| AtomicU32::new(0)).collect(),
        }
    }
}

impl Epochs {
    /// The epoch of the name's next life, if none of a name that shares its slot begins before.
    pub(super) fn next(&self, name: &str) -> u32 {
        self.nth(name, self.begun(name).load(Relaxed))
    }

    /// Begins that life.
    pub(super) fn begin(&self, name: &str) -> u32 {
        self.nth(name, self.begun(name).fetch_add(1, Relaxed))
    }

    fn begun(&self, name: &str) -> &AtomicU32 {
        let slots = self.begun.len() as u64;
        let slot = self.secret.hash_one(name) % slots;
        &self.begun[usize::try_from(slot).unwrap_or_default()]
    }

    fn nth(&self, name: &str, life: u32) -> u32 {
        let hash = self.secret.hash_one((name, life));
        u32::try_from(hash >> 32).unwrap_or_default()
    }
}

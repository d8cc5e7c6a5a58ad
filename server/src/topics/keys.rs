//! Idempotency keys: the same key within ten minutes is the same publish
//! (draft-ietf-httpapi-idempotency-key-header).

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;
use wire::{limits::IDEMPOTENCY_S, topics::MessageId};

use super::topic::Keyed;

/// What a key was used for, as a digest of the message.
pub(super) type Fingerprint = [u8; 32];

/// The keys that one topic remembers.
#[derive(Debug, Default)]
pub(super) struct Keys {
    seen: HashMap<Arc<str>, (Fingerprint, MessageId)>,
    /// In the order in which they are forgotten.
    order: VecDeque<(Instant, Arc<str>)>,
}

impl Keys {
    /// What this key was used for, if it was.
    pub(super) fn recall(&self, key: &str) -> Option<&(Fingerprint, MessageId)> {
        self.seen.get(key)
    }

    pub(super) fn remember(&mut self, keyed: &Keyed, id: MessageId, now: Instant) {
        self.order.push_back((now, Arc::clone(&keyed.key)));
        self.seen
            .insert(Arc::clone(&keyed.key), (keyed.fingerprint, id));
    }

    /// Forgets those that are old enough and says how many.
    pub(super) fn forget(&mut self, now: Instant) -> usize {
        let age = Duration::from_secs(IDEMPOTENCY_S);
        let mut forgotten = 0;
        while let Some((at, _)) = self.order.front() {
            if now.saturating_duration_since(*at) < age {
                break;
            }
            if let Some((_, key)) = self.order.pop_front() {
                self.seen.remove(&key);
                forgotten += 1;
            }
        }
        forgotten
    }

    /// The keys that are remembered, by the offsets of their messages.
    pub(super) fn by_offset(&self) -> HashMap<u64, Arc<str>> {
        let seen = self.seen.iter();
        seen.map(|(key, (_, id))| (id.offset, Arc::clone(key)))
            .collect()
    }

    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }
}

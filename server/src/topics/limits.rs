//! How much there may be of everything.

use std::time::Duration;

use wire::{
    limits::{
        DISK_TOPICS_MAX, HISTORY_AGE_S, HISTORY_BYTES, HISTORY_COUNT, IDEMPOTENCY_KEYS_MAX,
        MESSAGE_BYTES_MAX, PRESENCE_GAP_MS, SUBSCRIBERS_PER_ADDRESS_MAX, SUBSCRIBERS_PER_TOPIC_MAX,
        TOPIC_IDLE_S, TOPICS_MAX, TOPICS_MEMORY_MAX, TOPICS_PER_ADDRESS_MAX,
    },
    topics::{HistoryBounds, Presence},
};

/// How much there may be of everything.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Topics at once.
    pub topics: usize,
    /// Topics at once that were begun from one address.
    pub topics_per_address: usize,
    /// Topics that are kept on disk.
    pub disk_topics: usize,
    /// Subscribers of one topic at once, over all transports.
    pub subscribers: usize,
    /// Subscribers from one address at once, over all topics and transports.
    pub subscribers_per_address: usize,
    /// The largest message, in bytes.
    pub message_bytes: u64,
    /// What the messages of all topics may take in memory, in bytes.
    pub memory_bytes: u64,
    /// Idempotency keys that are remembered at once.
    pub keys: usize,
    /// How long a topic without subscribers must be unused before it makes room for a new one.
    pub idle: Duration,
    /// What a topic's history keeps unless told otherwise.
    pub history: HistoryBounds,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            topics: TOPICS_MAX,
            topics_per_address: TOPICS_PER_ADDRESS_MAX,
            disk_topics: DISK_TOPICS_MAX,
            subscribers: SUBSCRIBERS_PER_TOPIC_MAX,
            subscribers_per_address: SUBSCRIBERS_PER_ADDRESS_MAX,
            message_bytes: MESSAGE_BYTES_MAX,
            memory_bytes: TOPICS_MEMORY_MAX,
            keys: IDEMPOTENCY_KEYS_MAX,
            idle: Duration::from_secs(TOPIC_IDLE_S),
            history: HistoryBounds {
                count: HISTORY_COUNT as u64,
                bytes: HISTORY_BYTES,
                age_s: HISTORY_AGE_S,
            },
        }
    }
}

/// How long it takes at least from one time that readers are told who is there to the next: the more are told, the longer.
pub fn presence_gap(presence: Presence) -> Duration {
    Duration::from_millis(PRESENCE_GAP_MS).max(Duration::from_micros(100 * presence.total()))
}

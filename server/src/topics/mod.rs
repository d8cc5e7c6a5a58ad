//! Topics, their history and their subscribers. Knows no HTTP.
//!
//! A topic is an ordered log ([`log`]); a publish appends to it and wakes its readers; a [`Subscriber`] is a place in the
//! log. Nothing is copied for a subscriber: a message is encoded once and shared ([`message`]). Who asks for what came
//! after an id gets everything since, once, in order, or is told what is missing.

mod keys;
mod log;
#[cfg(test)]
mod log_tests;
pub mod message;
mod subscriber;
#[cfg(test)]
mod tests;
mod topic;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;
use wire::{
    limits::{
        HISTORY_AGE_S, HISTORY_BYTES, HISTORY_COUNT, IDEMPOTENCY_KEYS_MAX, MESSAGE_BYTES_MAX,
        SUBSCRIBERS_PER_TOPIC_MAX, TOPIC_IDLE_S, TOPICS_MAX, TOPICS_MEMORY_MAX,
    },
    topics::{HistoryBounds, MessageId, TopicState, is_topic_name},
};

pub use log::Budget;
pub use message::{Message, NewMessage};
pub use subscriber::Subscriber;
pub use topic::{Batch, Publication};

use log::Resumed;
use topic::{Ended, Topic, Totals};

/// How much there may be of everything.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Topics at once.
    pub topics: usize,
    /// Subscribers of one topic at once.
    pub subscribers: usize,
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
            subscribers: SUBSCRIBERS_PER_TOPIC_MAX,
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

/// Why a topic did not do what it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The name is none.
    #[error("a topic name is 1 to 128 of A–Z a–z 0–9 . _ ~ - and does not begin with a full stop")]
    BadName,
    /// The message is too large.
    #[error("a message has at most {0} bytes")]
    MessageTooLarge(u64),
    /// The cap of topics is reached, and none of them is idle.
    #[error("there are {0} topics already")]
    TooManyTopics(usize),
    /// The cap of subscribers of this topic is reached.
    #[error("the topic has {0} subscribers already")]
    TooManySubscribers(usize),
    /// The cap of idempotency keys is reached.
    #[error("{0} idempotency keys are remembered already")]
    TooManyKeys(usize),
    /// The idempotency key was used for another message.
    #[error("the idempotency key was used for another message")]
    KeyReused,
    /// The server is stopping.
    #[error("the server is stopping")]
    Closed,
}

/// Where a subscriber begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the next message.
    Now,
    /// With the newest this many.
    Newest(usize),
    /// Behind this message.
    After(MessageId),
}

/// All topics. Cloning it costs one reference count.
#[derive(Debug, Clone, Default)]
pub struct Topics {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    limits: Limits,
    topics: Mutex<HashMap<String, Arc<Topic>>>,
    totals: Arc<Totals>,
    closed: AtomicBool,
}

impl Topics {
    /// No topic yet.
    pub fn new(limits: Limits) -> Topics {
        Topics {
            inner: Arc::new(Inner {
                limits,
                ..Inner::default()
            }),
        }
    }

    /// The bounds in force.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Appends a message and wakes the topic's subscribers. Under the same idempotency key the same message is
    /// published once.
    pub fn publish(
        &self,
        topic: &str,
        new: NewMessage,
        key: Option<&str>,
    ) -> Result<Publication, Error> {
        if new.payload.len() as u64 > self.inner.limits.message_bytes {
            return Err(Error::MessageTooLarge(self.inner.limits.message_bytes));
        }
        let published =
            self.alive(topic, |topic| topic.publish(&new, key, &self.inner.limits))??;
        self.relieve();
        Ok(published)
    }

    /// Subscribes from some place on.
    pub fn subscribe(&self, topic: &str, start: Start) -> Result<Subscriber, Error> {
        self.alive(topic, |topic| {
            let joined = topic.join(
                |log| match start {
                    Start::Now => Resumed {
                        after: log.last().offset,
                        gap: None,
                    },
                    Start::Newest(count) => Resumed {
                        after: log.before_newest(count),
                        gap: None,
                    },
                    Start::After(id) => log.resume(id),
                },
                &self.inner.limits,
            )?;
            Ok(joined.map(|at| Subscriber::new(Arc::clone(topic), at.after, at.gap)))
        })?
    }

    /// Changes what a topic's history keeps, making the topic where it is not there.
    pub fn set_bounds(
        &self,
        topic: &str,
        bounds: impl Fn(HistoryBounds) -> HistoryBounds,
    ) -> Result<TopicState, Error> {
        self.alive(topic, |topic| {
            topic.set_bounds(&bounds)?;
            topic.state()
        })
    }

    /// The state of a topic; `None` where there is none of this name.
    pub fn state(&self, topic: &str) -> Option<TopicState> {
        let topic = self.inner.topics.lock().get(topic).map(Arc::clone)?;
        topic.state().ok()
    }

    /// Ends a topic with its history; its subscribers read to no end but this one. False where there was none.
    pub fn end(&self, topic: &str) -> bool {
        let topic = self.inner.topics.lock().remove(topic);
        if let Some(topic) = &topic {
            topic.end();
        }
        topic.is_some()
    }

    /// Ends all topics for good: the server is stopping, and no stream may hold it up.
    pub fn close(&self) {
        self.inner.closed.store(true, Relaxed);
        let topics = std::mem::take(&mut *self.inner.topics.lock());
        for topic in topics.values() {
            topic.end();
        }
    }

    /// Drops messages and keys that are too old, and topics that hold nothing and that nobody has used for a while.
    pub fn sweep(&self) {
        let topics: Vec<_> = self.inner.topics.lock().values().map(Arc::clone).collect();
        for topic in &topics {
            topic.sweep();
        }
        let now = Instant::now();
        self.inner.topics.lock().retain(|_, topic| {
            let idle = topic.idle_since(true).is_some_and(|since| {
                now.saturating_duration_since(since) >= self.inner.limits.idle
            });
            if idle {
                topic.end();
            }
            !idle
        });
    }

    /// Does something with the topic's present life; begins one where there is none.
    fn alive<R>(
        &self,
        name: &str,
        act: impl Fn(&Arc<Topic>) -> Result<R, Ended>,
    ) -> Result<R, Error> {
        if !is_topic_name(name) {
            return Err(Error::BadName);
        }
        loop {
            let topic = self.find_or_begin(name)?;
            // A life that ended between the two steps is no longer in the map: the next turn begins another.
            if let Ok(result) = act(&topic) {
                return Ok(result);
            }
        }
    }

    fn find_or_begin(&self, name: &str) -> Result<Arc<Topic>, Error> {
        let mut topics = self.inner.topics.lock();
        if self.inner.closed.load(Relaxed) {
            return Err(Error::Closed);
        }
        if let Some(topic) = topics.get(name) {
            return Ok(Arc::clone(topic));
        }
        if topics.len() >= self.inner.limits.topics && !self.make_room(&mut topics) {
            return Err(Error::TooManyTopics(self.inner.limits.topics));
        }
        let totals = Arc::clone(&self.inner.totals);
        let topic = Arc::new(Topic::new(name, totals, self.inner.limits.history));
        topics.insert(name.to_owned(), Arc::clone(&topic));
        Ok(topic)
    }

    /// Ends the topic that has been idle the longest, if one has been for long enough.
    fn make_room(&self, topics: &mut HashMap<String, Arc<Topic>>) -> bool {
        let longest = topics
            .values()
            .filter_map(|topic| Some((topic.idle_since(false)?, topic)))
            .min_by_key(|(since, _)| *since)
            .filter(|(since, _)| since.elapsed() >= self.inner.limits.idle)
            .map(|(_, topic)| Arc::clone(topic));
        match longest {
            Some(topic) => {
                topics.remove(topic.name());
                topic.end();
                true
            }
            None => false,
        }
    }

    /// Brings what all topics hold below the cap: the largest one loses its oldest messages.
    fn relieve(&self) {
        let cap = self.inner.limits.memory_bytes;
        let over = self.inner.totals.weight.load(Relaxed).saturating_sub(cap);
        if over == 0 {
            return;
        }
        let topics = self.inner.topics.lock();
        let largest = topics
            .values()
            .max_by_key(|topic| topic.weight())
            .map(Arc::clone);
        drop(topics);
        if let Some(topic) = largest {
            // A little more than needed, so that not every publish has to look for the largest.
            topic.shed(over + cap / 64);
        }
    }
}

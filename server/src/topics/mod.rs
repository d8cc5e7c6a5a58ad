//! Topics, their history and their subscribers. Knows no HTTP.
//!
//! A topic is an ordered log ([`log`]); a publish appends to it and wakes its readers; a [`Subscriber`] is a place in the
//! log. Nothing is copied for a subscriber: a message is encoded once for each transport and shared ([`message`]), and so
//! is what several read at the same place ([`segment`]). Who asks for what came after an id gets everything since, once,
//! in order, or is told what is missing.
//!
//! What a topic promises with an acknowledgement is chosen for each: that the message is in memory, or on disk ([`disk`]).

mod begin;
mod disk;
#[cfg(test)]
mod disk_tests;
mod epochs;
mod error;
mod hub;
#[cfg(test)]
mod hub_tests;
mod inside;
#[cfg(test)]
mod inside_tests;
mod keys;
mod limits;
mod log;
#[cfg(test)]
mod log_tests;
mod memory;
pub mod message;
mod on_disk;
#[cfg(test)]
mod platter;
mod restore;
mod segment;
mod store;
mod subscriber;
#[cfg(test)]
mod tests;
mod topic;

use std::{
    collections::HashMap,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use parking_lot::Mutex;
use tokio::time::Instant;
use wire::topics::{MessageId, TopicState, is_topic_name};

pub use disk::Synced;
pub use error::Error;
pub use hub::{Hub, Page, Publishing, Settings};
pub use inside::Inside;
pub use limits::{Limits, presence_gap};
pub use log::Budget;
pub use message::{Message, NewMessage};
pub use segment::Segment;
pub use store::Unstored;
pub use subscriber::{Reader, Subscriber};
pub use topic::{Batch, Ending, Publication};

use crate::address::PerAddress;
use disk::{Ask, Disk};
use epochs::Epochs;
use log::{Log, Resumed};
use store::Store;
use topic::{Attempt, Keyed, Topic, Totals};

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

impl Start {
    /// The place in a log.
    fn within(self, log: &Log) -> Resumed {
        let at = |after| Resumed { after, gap: None };
        match self {
            Start::Now => at(log.last().offset),
            Start::Newest(count) => at(log.before_newest(count)),
            Start::After(id) => log.resume(id),
        }
    }
}

/// The topics by their names.
type Map = Arc<Mutex<HashMap<Arc<str>, Arc<Topic>>>>;

/// All topics of this process: the hub that is there unless told otherwise. Cloning it costs one reference count.
#[derive(Debug, Clone, Default)]
pub struct Topics {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    limits: Limits,
    topics: Map,
    totals: Arc<Totals>,
    epochs: Arc<Epochs>,
    /// Subscribers.
    addresses: Arc<PerAddress>,
    /// Topics, by the address that began them.
    beginners: Arc<PerAddress>,
    /// When there was last found to be no room for another topic.
    crowded: Mutex<Option<Instant>>,
    closed: AtomicBool,
    /// Where topics are kept that acknowledge on disk.
    folder: Option<PathBuf>,
    disk: OnceLock<Disk>,
}

impl Topics {
    /// No topic yet, and no disk.
    pub fn new(limits: Limits) -> Topics {
        Topics {
            inner: Arc::new(Inner {
                limits,
                ..Inner::default()
            }),
        }
    }

    /// The topics that this folder keeps, with all that was acknowledged.
    pub fn open(limits: Limits, folder: &Path) -> Result<Topics, Unstored> {
        let topics = Topics {
            inner: Arc::new(Inner {
                limits,
                folder: Some(folder.to_owned()),
                ..Inner::default()
            }),
        };
        if Store::is_in(folder) {
            topics.start(Store::in_folder(folder))?;
        }
        Ok(topics)
    }

    /// Publishes at once, or puts the message into the disk's queue.
    fn begin_publish(&self, topic: &str, new: NewMessage, key: Option<&str>) -> Publishing {
        let limits = &self.inner.limits;
        if new.payload.len() as u64 > limits.message_bytes {
            return Err(Error::MessageTooLarge(limits.message_bytes)).into();
        }
        let keyed = key.map(|key| Keyed::new(key, &new));
        let attempt = self.alive(topic, |topic| {
            let attempt = topic.publish(&new, keyed.as_ref(), limits)?;
            Ok(match attempt {
                Attempt::Done(decided) => Attempted::Done(decided),
                Attempt::ForDisk => Attempted::ForDisk(Arc::clone(topic)),
            })
        });
        match attempt {
            Err(error) => Err(error).into(),
            Ok(Attempted::Done(decided)) => {
                self.relieve();
                decided.into()
            }
            Ok(Attempted::ForDisk(topic)) => self.publish_on_disk(topic, new, keyed),
        }
    }

    fn present(&self, topic: &str) -> Option<Arc<Topic>> {
        self.inner.topics.lock().get(topic).map(Arc::clone)
    }

    /// Begins the next life of a topic that is kept in memory: it has nothing of this one. False where the disk has the
    /// topic.
    fn restart_in_memory(&self, topic: &Arc<Topic>) -> bool {
        let mut topics = self.inner.topics.lock();
        if !topic.end_in_memory(Ending::Restarted) {
            return false;
        }
        let name = topic.name();
        if topics.get(name).is_some_and(|now| Arc::ptr_eq(now, topic)) {
            let totals = Arc::clone(&self.inner.totals);
            let epoch = self.inner.epochs.begin(name);
            let next = Topic::new(name, totals, epoch, topic.bounds(), None);
            next.takes_over(topic.take_place(), topic.waiting());
            next.follows(topic.last());
            topics.insert(Arc::clone(name), Arc::new(next));
        }
        true
    }

    /// Ends a topic of which nothing can be on disk. Was there one? None where the disk's thread has to say.
    fn end_in_memory(&self, name: &str) -> Option<bool> {
        let mut topics = self.inner.topics.lock();
        let Some(topic) = topics.get(name) else {
            return Some(false);
        };
        let ended = self.inner.disk.get().is_none() && topic.end_in_memory(Ending::Deleted);
        ended.then(|| topics.remove(name).is_some())
    }

    /// What is read of a topic. Of one that is not there it is what it would be if the topic had just begun.
    fn page(&self, name: &str, start: Start, budget: Budget) -> Result<Page, Error> {
        if !is_topic_name(name) {
            return Err(Error::BadName);
        }
        let inner = &self.inner;
        let unbegun = || {
            let (totals, epoch) = (Arc::clone(&inner.totals), inner.epochs.next(name));
            let topic = Topic::new(name, totals, epoch, inner.limits.history, None);
            Arc::new(topic)
        };
        loop {
            if inner.closed.load(Relaxed) {
                return Err(Error::Closed);
            }
            let topic = self.present(name).unwrap_or_else(unbegun);
            if let Ok(page) = topic.page(start, budget) {
                return Ok(page);
            }
        }
    }

    /// Brings what all topics hold below the cap.
    fn relieve(&self) {
        let inner = &self.inner;
        memory::relieve(&inner.topics, &inner.totals, inner.limits.memory_bytes);
    }
}

/// [`Attempt`], with the topic that the disk has to publish to.
enum Attempted {
    Done(Result<Publication, Error>),
    ForDisk(Arc<Topic>),
}

impl Hub for Topics {
    fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    fn begin(&self, topic: &str, address: Option<IpAddr>) -> Result<(), Error> {
        self.alive_from(topic, address, |_| Ok(()))
    }

    fn publish(&self, topic: &str, new: NewMessage, key: Option<&str>) -> Publishing {
        self.begin_publish(topic, new, key)
    }

    fn subscribe<'a>(
        &'a self,
        topic: &'a str,
        start: Start,
        reader: Reader,
    ) -> BoxFuture<'a, Result<Subscriber, Error>> {
        let limits = &self.inner.limits;
        let subscribed = || {
            let cap = limits.subscribers_per_address;
            let place = self.inner.addresses.take(reader.address, cap);
            let place = place.ok_or(Error::TooManyFromAddress(cap))?;
            let (topic, at) = self.alive_from(topic, reader.address, |topic| {
                let joined = topic.join(reader.transport, start, limits)?;
                Ok(joined.map(|at| (Arc::clone(topic), at)))
            })??;
            Ok(Subscriber::new(topic, &reader, at, place))
        };
        std::future::ready(subscribed()).boxed()
    }

    fn read<'a>(
        &'a self,
        topic: &'a str,
        start: Start,
        budget: Budget,
    ) -> BoxFuture<'a, Result<Page, Error>> {
        std::future::ready(self.page(topic, start, budget)).boxed()
    }

    fn configure<'a>(
        &'a self,
        topic: &'a str,
        settings: Settings,
    ) -> BoxFuture<'a, Result<TopicState, Error>> {
        async move {
            let taken = self.alive(topic, |topic| topic.configure_in_memory(&settings))?;
            if !taken {
                self.ask(topic, |topic, reply| Ask::Configure {
                    topic,
                    settings,
                    reply,
                })
                .await?;
            }
            self.alive(topic, |topic| topic.state())
        }
        .boxed()
    }

    fn state<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Option<TopicState>> {
        let state = self.present(topic).and_then(|topic| topic.state().ok());
        std::future::ready(state).boxed()
    }

    fn inside(&self, topic: &str, age: Duration) -> Option<Arc<Inside>> {
        self.present(topic)?.inside(age).ok()
    }

    fn end<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<bool, Error>> {
        async move {
            if let Some(ended) = self.end_in_memory(topic) {
                return Ok(ended);
            }
            // The disk's thread knows whether it has the topic, or is about to.
            self.ask(topic, |topic, reply| Ask::Remove { topic, reply })
                .await?;
            Ok(true)
        }
        .boxed()
    }

    fn restart<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Option<TopicState>, Error>> {
        async move {
            let Some(present) = self.present(topic) else {
                return Ok(None);
            };
            let mut restarted = self.restart_in_memory(&present);
            while !restarted {
                let told = self.ask(topic, |topic, reply| Ask::Restart { topic, reply });
                restarted = told.await?
                    || self
                        .present(topic)
                        .is_none_or(|present| self.restart_in_memory(&present));
            }
            self.alive(topic, |topic| topic.state()).map(Some)
        }
        .boxed()
    }

    fn close(&self) {
        self.inner.closed.store(true, Relaxed);
        let topics = std::mem::take(&mut *self.inner.topics.lock());
        for topic in topics.values() {
            topic.end(Ending::Closed);
        }
    }

    fn sweep(&self) {
        let topics: Vec<_> = self.inner.topics.lock().values().map(Arc::clone).collect();
        for topic in &topics {
            topic.sweep();
        }
        let limits = &self.inner.limits;
        self.inner.topics.lock().retain(|_, topic| {
            // Who has begun as many as there may be from one address gets room without waiting for others to need it.
            let empty = !topic.is_one_of(limits.topics_per_address);
            !topic.end_idle(limits.idle, empty)
        });
        if let Some(disk) = self.inner.disk.get() {
            // Where the queue is full it is done the next time.
            let _ = disk.ask(Ask::Trim);
        }
    }
}

//! Topics, their history and their subscribers. Knows no HTTP.
//!
//! A topic is an ordered log ([`log`]); a publish appends to it and wakes its readers; a [`Subscriber`] is a place in the
//! log. Nothing is copied for a subscriber: a message is encoded once for each transport and shared ([`message`]), and so
//! is what several read at the same place ([`segment`]). Who asks for what came after an id gets everything since, once,
//! in order, or is told what is missing.
//!
//! What a topic promises with an acknowledgement is chosen for each: that the message is in memory, or on disk ([`disk`]).

mod disk;
#[cfg(test)]
mod disk_tests;
mod epochs;
mod hub;
#[cfg(test)]
mod hub_tests;
mod inside;
#[cfg(test)]
mod inside_tests;
mod keys;
mod log;
#[cfg(test)]
mod log_tests;
mod memory;
pub mod message;
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
    collections::{HashMap, HashSet},
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
use tokio::{sync::oneshot, time::Instant};
use wire::{
    limits::{
        DISK_TOPICS_MAX, HISTORY_AGE_S, HISTORY_BYTES, HISTORY_COUNT, IDEMPOTENCY_KEYS_MAX,
        MESSAGE_BYTES_MAX, PRESENCE_GAP_MS, SUBSCRIBERS_PER_ADDRESS_MAX, SUBSCRIBERS_PER_TOPIC_MAX,
        TOPIC_IDLE_S, TOPICS_MAX, TOPICS_MEMORY_MAX, TOPICS_PER_ADDRESS_MAX,
    },
    topics::{HistoryBounds, MessageId, Presence, TopicState, is_topic_name},
};

pub use disk::Synced;
pub use hub::{Hub, Page, Publishing, Settings};
pub use inside::Inside;
pub use log::Budget;
pub use message::{Message, NewMessage};
pub use segment::Segment;
pub use store::Unstored;
pub use subscriber::{Reader, Subscriber};
pub use topic::{Batch, Ending, Publication};

use crate::address::PerAddress;
use disk::{Ask, Disk, Reply};
use epochs::Epochs;
use log::{Log, Resumed};
use restore::restored;
use store::Store;
use topic::{Attempt, Ended, Keyed, Topic, Totals};

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
    /// The cap of topics begun from this address is reached.
    #[error("there are {0} topics from this address already")]
    TooManyTopicsFromAddress(usize),
    /// The cap of topics on disk is reached.
    #[error("there are {0} topics on disk already")]
    TooManyDiskTopics(usize),
    /// The cap of subscribers of this topic is reached.
    #[error("the topic has {0} subscribers already")]
    TooManySubscribers(usize),
    /// The cap of subscribers from this address is reached.
    #[error("there are {0} subscribers from this address already")]
    TooManyFromAddress(usize),
    /// The cap of idempotency keys is reached.
    #[error("{0} idempotency keys are remembered already")]
    TooManyKeys(usize),
    /// The idempotency key was used for another message.
    #[error("the idempotency key was used for another message")]
    KeyReused,
    /// More is published than the disk takes.
    #[error("{0} messages wait for the disk already")]
    DiskBehind(usize),
    /// It could not be stored; nothing of it was delivered.
    #[error(transparent)]
    Unstored(Unstored),
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

/// How long it takes at least from one time that readers are told who is there to the next: the more are told, the longer.
pub fn presence_gap(presence: Presence) -> Duration {
    Duration::from_millis(PRESENCE_GAP_MS).max(Duration::from_micros(100 * presence.total()))
}

/// How long it is taken for granted that there is no room for another topic: looking for some takes all of them.
const CROWDED: Duration = Duration::from_secs(1);

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

    /// Takes the store's topics in, and starts the thread that keeps them.
    fn start(&self, mut store: Store) -> Result<(), Unstored> {
        let mut kept = HashSet::new();
        for stored in store.load(None)? {
            let totals = Arc::clone(&self.inner.totals);
            let topic = Arc::new(restored(stored, totals));
            kept.insert(Arc::clone(topic.name()));
            let mut topics = self.inner.topics.lock();
            topics.insert(Arc::clone(topic.name()), topic);
        }
        self.relieve();
        let disk = self.disk_thread(store, kept)?;
        // Nobody else has started one: this is the beginning.
        let _ = self.inner.disk.set(disk);
        Ok(())
    }

    fn disk_thread(&self, store: Store, kept: HashSet<Arc<str>>) -> Result<Disk, Unstored> {
        let inner = &self.inner;
        let hub = disk::Shared {
            topics: Arc::clone(&inner.topics),
            totals: Arc::clone(&inner.totals),
            epochs: Arc::clone(&inner.epochs),
            limits: inner.limits.clone(),
        };
        Disk::start(store, kept, hub).map_err(|cause| {
            tracing::error!(%cause, "the thread that keeps topics on disk does not start");
            Unstored::Failed
        })
    }

    /// The way to the disk, which begins with the first topic that wants it.
    fn disk(&self) -> Result<&Disk, Error> {
        if let Some(disk) = self.inner.disk.get() {
            return Ok(disk);
        }
        let folder = self.inner.folder.as_deref();
        let store = Store::in_folder(folder.ok_or(Error::Unstored(Unstored::ReadOnly))?);
        let disk = self
            .disk_thread(store, HashSet::new())
            .map_err(Error::Unstored)?;
        Ok(self.inner.disk.get_or_init(|| disk))
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

    fn publish_on_disk(
        &self,
        topic: Arc<Topic>,
        new: NewMessage,
        keyed: Option<Keyed>,
    ) -> Publishing {
        let name = Arc::clone(topic.name());
        let (reply, told) = oneshot::channel();
        let ask = Ask::Publish {
            topic,
            new: new.clone(),
            keyed: keyed.clone(),
            reply,
        };
        if let Err(error) = self.disk().and_then(|disk| disk.ask(ask)) {
            // What waits is its present life's: with the map held, none follows it.
            let topics = self.inner.topics.lock();
            if let Some(topic) = topics.get(&name) {
                topic.waits_no_more();
            }
            return Err(error).into();
        }
        let topics = self.clone();
        let told = async move {
            match told.await {
                Ok(Ok(told)) => told,
                // The topic had gone before the turn came: it begins anew.
                Ok(Err(Ended)) => {
                    let key = keyed.as_ref().map(|keyed| &*keyed.key);
                    topics.begin_publish(&name, new, key).await
                }
                Err(_) => Err(Error::Unstored(Unstored::Failed)),
            }
        };
        Publishing::Waiting(told.boxed())
    }

    /// Asks the disk's thread for something about a topic, until it is told about a life that has not ended.
    async fn ask<T>(
        &self,
        name: &str,
        ask: impl Fn(Arc<Topic>, Reply<T>) -> Ask,
    ) -> Result<T, Error> {
        loop {
            let topic = self.alive(name, |topic| Ok(Arc::clone(topic)))?;
            let (reply, told) = oneshot::channel();
            self.disk()?.ask(ask(topic, reply))?;
            match told.await {
                Ok(Ok(told)) => return told,
                Ok(Err(Ended)) => {}
                Err(_) => return Err(Error::Unstored(Unstored::Failed)),
            }
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

    /// Does something with the topic's present life; begins one where there is none.
    fn alive<R>(
        &self,
        name: &str,
        act: impl Fn(&Arc<Topic>) -> Result<R, Ended>,
    ) -> Result<R, Error> {
        self.alive_from(name, None, act)
    }

    /// The same; a life that is begun counts under the address.
    fn alive_from<R>(
        &self,
        name: &str,
        address: Option<IpAddr>,
        act: impl Fn(&Arc<Topic>) -> Result<R, Ended>,
    ) -> Result<R, Error> {
        if !is_topic_name(name) {
            return Err(Error::BadName);
        }
        loop {
            let topic = self.find_or_begin(name, address)?;
            // A life that ended between the two steps is no longer in the map: the next turn begins another.
            if let Ok(result) = act(&topic) {
                return Ok(result);
            }
        }
    }

    fn find_or_begin(&self, name: &str, address: Option<IpAddr>) -> Result<Arc<Topic>, Error> {
        let (inner, limits) = (&self.inner, &self.inner.limits);
        let mut topics = inner.topics.lock();
        if inner.closed.load(Relaxed) {
            return Err(Error::Closed);
        }
        if let Some(topic) = topics.get(name) {
            return Ok(Arc::clone(topic));
        }
        let cap = limits.topics_per_address;
        let place = inner.beginners.take(address, cap);
        let place = place.ok_or(Error::TooManyTopicsFromAddress(cap))?;
        if topics.len() >= limits.topics && !self.make_room(&mut topics) {
            return Err(Error::TooManyTopics(limits.topics));
        }
        let epoch = inner.epochs.begin(name);
        let totals = Arc::clone(&inner.totals);
        let topic = Arc::new(Topic::new(name, totals, epoch, limits.history, Some(place)));
        topics.insert(Arc::clone(topic.name()), Arc::clone(&topic));
        Ok(topic)
    }

    /// Ends the topics with which nothing is lost, or else the one that has been idle the longest, if one has been for
    /// long enough.
    fn make_room(&self, topics: &mut HashMap<Arc<str>, Arc<Topic>>) -> bool {
        let limits = &self.inner.limits;
        let mut crowded = self.inner.crowded.lock();
        if crowded.is_some_and(|since| since.elapsed() < CROWDED) {
            return false;
        }
        let before = topics.len();
        topics.retain(|_, topic| !topic.end_blank(limits.history));
        if topics.len() < before {
            return true;
        }
        let longest = topics
            .values()
            .filter_map(|topic| Some((topic.idle_since()?, topic)))
            .min_by_key(|(since, _)| *since)
            .map(|(_, topic)| Arc::clone(topic));
        let ended = longest.filter(|topic| topic.end_idle(limits.idle, false));
        *crowded = ended.is_none().then(Instant::now);
        ended.is_some_and(|topic| topics.remove(topic.name()).is_some())
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

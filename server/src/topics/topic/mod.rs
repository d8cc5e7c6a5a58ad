//! One life of a topic: its log, who reads it, and the wake-up.

mod ending;
mod publishing;
mod reading;

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};
use wire::topics::{Ack, HistoryBounds, MessageId, Presence, TopicInside, TopicState};

pub(super) use ending::Ended;
pub use ending::Ending;
pub use publishing::Publication;
pub(super) use publishing::{Attempt, Keyed};
pub use reading::Batch;

use super::{
    Settings,
    inside::{Cursors, Inside},
    keys::Keys,
    log::Log,
    message::Message,
    segment::Recent,
};
use crate::address::Place;

/// What all topics together hold.
#[derive(Debug, Default)]
pub(super) struct Totals {
    /// Bytes of memory.
    pub(super) weight: AtomicU64,
    /// Idempotency keys.
    pub(super) keys: AtomicUsize,
    /// How many lives have begun.
    lives: AtomicU64,
    /// The lives that were over while somebody still read them.
    ended: Mutex<Vec<Weak<Topic>>>,
    /// Held while memory is being freed.
    pub(super) relief: Mutex<()>,
}

impl Totals {
    /// The lives that are over and still held by their readers.
    pub(super) fn ended(&self) -> Vec<Arc<Topic>> {
        self.ended.lock().iter().filter_map(Weak::upgrade).collect()
    }

    fn add_ended(&self, topic: &Arc<Topic>) {
        let mut ended = self.ended.lock();
        ended.retain(|topic| topic.strong_count() > 0);
        ended.push(Arc::downgrade(topic));
    }
}

#[derive(Debug)]
pub(super) struct Topic {
    name: Arc<str>,
    /// Which life it is, of all topics.
    life: u64,
    totals: Arc<Totals>,
    shared: Mutex<Shared>,
    /// Told whenever there is something to read, or nothing any more.
    wake: watch::Sender<()>,
    presence: watch::Sender<Presence>,
    cursors: Cursors,
    /// What was seen inside last, for those who look at the same time.
    seen: Mutex<Option<(Instant, Arc<Inside>)>>,
}

#[derive(Debug)]
struct Shared {
    log: Log,
    keys: Keys,
    ack: Ack,
    used: Instant,
    ended: Option<Ending>,
    recent: Option<Recent>,
    /// How many publishes wait for the disk's thread: whatever is published meanwhile comes behind them.
    waiting: usize,
    /// Where it counts under an address: that of who began it.
    place: Option<Place>,
}

impl Topic {
    /// A life that begins.
    pub(super) fn new(
        name: &str,
        totals: Arc<Totals>,
        epoch: u32,
        bounds: HistoryBounds,
        place: Option<Place>,
    ) -> Topic {
        let log = Log::new(epoch, bounds);
        let mut topic = Topic::of(name.into(), totals, log, Keys::default(), Ack::Memory);
        topic.shared.get_mut().place = place;
        topic
    }

    /// A life that goes on with what was kept of it.
    pub(super) fn of(name: Arc<str>, totals: Arc<Totals>, log: Log, keys: Keys, ack: Ack) -> Topic {
        totals.weight.fetch_add(log.weight(), Relaxed);
        totals.keys.fetch_add(keys.len(), Relaxed);
        Topic {
            name,
            life: totals.lives.fetch_add(1, Relaxed),
            totals,
            shared: Mutex::new(Shared {
                log,
                keys,
                ack,
                used: Instant::now(),
                ended: None,
                recent: None,
                waiting: 0,
                place: None,
            }),
            wake: watch::Sender::new(()),
            presence: watch::Sender::default(),
            cursors: Cursors::default(),
            seen: Mutex::default(),
        }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Does something to what is shared and keeps the totals right.
    fn change<R>(&self, act: impl FnOnce(&mut Shared, Instant) -> R) -> Result<R, Ended> {
        let mut shared = self.shared.lock();
        if shared.ended.is_some() {
            return Err(Ended);
        }
        let now = Instant::now();
        let (weight, keys) = (shared.log.weight(), shared.keys.len());
        shared.log.trim(now);
        let result = act(&mut shared, now);
        self.account(&shared, weight, keys);
        Ok(result)
    }

    fn account(&self, shared: &Shared, weight_before: u64, keys_before: usize) {
        // Two steps each, and the sum may not pass below zero between them.
        let (weight, keys) = (shared.log.weight(), shared.keys.len());
        if weight != weight_before {
            self.totals.weight.fetch_add(weight, Relaxed);
            self.totals.weight.fetch_sub(weight_before, Relaxed);
        }
        if keys != keys_before {
            self.totals.keys.fetch_add(keys, Relaxed);
            self.totals.keys.fetch_sub(keys_before, Relaxed);
        }
    }

    /// Says when publishes are acknowledged from now on.
    pub(super) fn set_ack(&self, ack: Ack) -> Result<(), Ended> {
        self.change(|shared, now| {
            shared.ack = ack;
            shared.used = now;
        })
    }

    /// All that there is to keep of it.
    pub(super) fn kept(&self) -> Kept {
        let shared = self.shared.lock();
        let keys = shared.keys.by_offset();
        let messages = shared.log.messages().map(|message| {
            let key = keys.get(&message.id.offset).map(Arc::clone);
            (Arc::clone(message), key)
        });
        Kept {
            last: shared.log.last(),
            bounds: shared.log.bounds(),
            messages: messages.collect(),
        }
    }

    pub(super) fn ack(&self) -> Ack {
        self.shared.lock().ack
    }

    pub(super) fn set_bounds(&self, bounds: HistoryBounds) -> Result<(), Ended> {
        self.change(|shared, now| {
            shared.used = now;
            shared.log.set_bounds(bounds, now);
        })
    }

    /// Takes the settings, unless the disk has to hear of them. Has it taken them?
    pub(super) fn configure_in_memory(&self, settings: &Settings) -> Result<bool, Ended> {
        self.change(|shared, now| {
            let in_memory = shared.ack == Ack::Memory && settings.ack != Some(Ack::Disk);
            if in_memory {
                let bounds = settings.bounds(shared.log.bounds());
                shared.used = now;
                shared.log.set_bounds(bounds, now);
            }
            in_memory
        })
    }

    pub(super) fn bounds(&self) -> HistoryBounds {
        self.shared.lock().log.bounds()
    }

    pub(super) fn state(&self) -> Result<TopicState, Ended> {
        let presence = *self.presence.borrow();
        self.change(|shared, _| TopicState {
            topic: self.name.to_string(),
            last: shared.log.last(),
            messages: shared.log.len() as u64,
            bytes: shared.log.bytes(),
            subscribers: presence.total(),
            presence,
            ack: shared.ack,
            history: shared.log.bounds(),
        })
    }

    /// The subscribers and where they stand.
    pub(super) fn cursors(&self) -> &Cursors {
        &self.cursors
    }

    /// What is inside: seen at most `age` ago.
    pub(super) fn inside(&self, age: Duration) -> Result<Arc<Inside>, Ended> {
        let mut seen = self.seen.lock();
        if let Some((at, inside)) = &*seen
            && at.elapsed() < age
        {
            return Ok(Arc::clone(inside));
        }
        let common = self.change(|shared, now| {
            let log = &shared.log;
            let oldest = log.messages().next().map(|message| message.at);
            TopicInside {
                topic: self.name.to_string(),
                last: log.last(),
                first: log.first(),
                messages: log.len() as u64,
                bytes: log.bytes(),
                age_s: oldest.map_or(0, |at| now.saturating_duration_since(at).as_secs()),
                history: log.bounds(),
                subscribers: 0,
                places: Vec::new(),
                cursors: Vec::new(),
                more: 0,
                gone: Vec::new(),
            }
        })?;
        let last = common.last.offset;
        let inside = Arc::new(Inside::new(common, self.cursors.look(last)));
        *seen = Some((Instant::now(), Arc::clone(&inside)));
        Ok(inside)
    }

    pub(super) fn life(&self) -> u64 {
        self.life
    }

    pub(super) fn id(&self, offset: u64) -> MessageId {
        self.shared.lock().log.id(offset)
    }

    pub(super) fn last(&self) -> MessageId {
        self.shared.lock().log.last()
    }

    /// The offset of the oldest message that is kept, or of the next one.
    pub(super) fn first(&self) -> u64 {
        self.shared.lock().log.first()
    }

    /// What the topic holds in memory, in bytes.
    pub(super) fn weight(&self) -> u64 {
        self.shared.lock().log.weight()
    }

    /// Frees `weight` bytes of memory if it can without the newest `keep` messages; says how many it freed. What is left
    /// of a life that is over can be freed as well.
    pub(super) fn shed(&self, weight: u64, keep: usize) -> u64 {
        let mut shared = self.shared.lock();
        let before = shared.log.weight();
        let freed = shared.log.shed(weight, keep);
        shared.recent = None;
        self.account(&shared, before, shared.keys.len());
        freed
    }

    /// Drops what is too old.
    pub(super) fn sweep(&self) {
        let _ = self.change(|shared, now| {
            shared.keys.forget(now);
            shared.recent = None;
        });
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        let shared = self.shared.get_mut();
        self.totals.weight.fetch_sub(shared.log.weight(), Relaxed);
        self.totals.keys.fetch_sub(shared.keys.len(), Relaxed);
    }
}

/// What a topic holds at some moment.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) last: MessageId,
    pub(super) bounds: HistoryBounds,
    /// Each with its idempotency key, where that is remembered.
    pub(super) messages: Vec<(Arc<Message>, Option<Arc<str>>)>,
}

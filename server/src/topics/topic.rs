//! One life of a topic: its log, who reads it, and the wake-up.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::{sync::watch, time::Instant};
use wire::topics::{Ack, Gap, HistoryBounds, MessageId, TopicState};

use super::{
    Error, Limits,
    keys::{Fingerprint, Keys},
    log::{Budget, Log, Resumed},
    message::{Message, NewMessage},
};

/// What all topics together hold.
#[derive(Debug, Default)]
pub(super) struct Totals {
    /// Bytes of memory.
    pub(super) weight: AtomicU64,
    /// Idempotency keys.
    pub(super) keys: AtomicUsize,
}

#[derive(Debug)]
pub(super) struct Topic {
    name: String,
    totals: Arc<Totals>,
    shared: Mutex<Shared>,
    /// Told whenever there is something to read, or nothing any more.
    wake: watch::Sender<()>,
}

#[derive(Debug)]
struct Shared {
    log: Log,
    keys: Keys,
    subscribers: usize,
    used: Instant,
    ended: bool,
}

/// The topic's life is over: whoever wants the topic must ask for its next one.
#[derive(Debug)]
pub(super) struct Ended;

/// What a publish came to.
#[derive(Debug)]
pub enum Publication {
    /// The topic took the message.
    New(Arc<Message>),
    /// The idempotency key was used before, for this message.
    Known(MessageId),
}

impl Publication {
    /// The message's id.
    pub fn id(&self) -> MessageId {
        match self {
            Publication::New(message) => message.id,
            Publication::Known(id) => *id,
        }
    }
}

/// What a reader gets in one go: first the gap, then the messages.
#[derive(Debug, Default)]
pub struct Batch {
    /// What is missing before the messages.
    pub gap: Option<Gap>,
    /// The messages, in order.
    pub messages: Vec<Arc<Message>>,
    /// Nothing will follow: the topic was ended.
    pub ended: bool,
}

impl Batch {
    /// Is there neither a gap nor a message?
    pub fn is_empty(&self) -> bool {
        self.gap.is_none() && self.messages.is_empty()
    }
}

impl Topic {
    pub(super) fn new(name: &str, totals: Arc<Totals>, bounds: HistoryBounds) -> Topic {
        Topic {
            name: name.to_owned(),
            totals,
            shared: Mutex::new(Shared {
                log: Log::new(random_epoch(), bounds),
                keys: Keys::default(),
                subscribers: 0,
                used: Instant::now(),
                ended: false,
            }),
            wake: watch::Sender::new(()),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Does something to what is shared and keeps the totals right. `None` when the life is over.
    fn change<R>(&self, act: impl FnOnce(&mut Shared, Instant) -> R) -> Result<R, Ended> {
        let mut shared = self.shared.lock();
        if shared.ended {
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
        self.totals.weight.fetch_add(shared.log.weight(), Relaxed);
        self.totals.weight.fetch_sub(weight_before, Relaxed);
        self.totals.keys.fetch_add(shared.keys.len(), Relaxed);
        self.totals.keys.fetch_sub(keys_before, Relaxed);
    }

    pub(super) fn publish(
        &self,
        new: &NewMessage,
        key: Option<&str>,
        limits: &Limits,
    ) -> Result<Result<Publication, Error>, Ended> {
        let keyed = key.map(|key| (key, fingerprint(new)));
        let published = self.change(|shared, now| {
            shared.used = now;
            let forgotten = shared.keys.forget(now);
            if let Some((key, fingerprint)) = &keyed {
                if let Some((seen, id)) = shared.keys.recall(key) {
                    return if seen == fingerprint {
                        Ok(Publication::Known(*id))
                    } else {
                        Err(Error::KeyReused)
                    };
                }
                // What was forgotten just now is not off the total yet.
                if self.totals.keys.load(Relaxed) - forgotten >= limits.keys {
                    return Err(Error::TooManyKeys(limits.keys));
                }
            }
            let message = shared.log.push(new.clone(), now);
            if let Some((key, fingerprint)) = keyed {
                shared.keys.remember(key, fingerprint, message.id, now);
            }
            Ok(Publication::New(message))
        })?;
        if let Ok(Publication::New(_)) = published {
            self.wake.send_replace(());
        }
        Ok(published)
    }

    pub(super) fn set_bounds(
        &self,
        bounds: impl FnOnce(HistoryBounds) -> HistoryBounds,
    ) -> Result<(), Ended> {
        self.change(|shared, now| {
            shared.used = now;
            let bounds = bounds(shared.log.bounds());
            shared.log.set_bounds(bounds, now);
        })
    }

    pub(super) fn state(&self) -> Result<TopicState, Ended> {
        self.change(|shared, _| TopicState {
            topic: self.name.clone(),
            last: shared.log.last(),
            messages: shared.log.len() as u64,
            bytes: shared.log.bytes(),
            subscribers: shared.subscribers as u64,
            ack: Ack::Memory,
            history: shared.log.bounds(),
        })
    }

    /// Counts a subscriber in.
    pub(super) fn join(
        &self,
        from: impl FnOnce(&Log) -> Resumed,
        limits: &Limits,
    ) -> Result<Result<Resumed, Error>, Ended> {
        self.change(|shared, now| {
            if shared.subscribers >= limits.subscribers {
                return Err(Error::TooManySubscribers(limits.subscribers));
            }
            shared.subscribers += 1;
            shared.used = now;
            Ok(from(&shared.log))
        })
    }

    /// Counts a subscriber out.
    pub(super) fn leave(&self) {
        let mut shared = self.shared.lock();
        shared.subscribers = shared.subscribers.saturating_sub(1);
        shared.used = Instant::now();
    }

    pub(super) fn watch(&self) -> watch::Receiver<()> {
        self.wake.subscribe()
    }

    /// What follows the offset `after`. A reader that was connected all the time and still misses something was slow.
    pub(super) fn read(&self, after: u64, budget: Budget) -> Batch {
        self.change(|shared, _| {
            let gap = shared.log.missing(after, wire::topics::GapReason::Slow);
            Batch {
                messages: shared.log.read(after, budget),
                gap,
                ended: false,
            }
        })
        .unwrap_or(Batch {
            ended: true,
            ..Batch::default()
        })
    }

    pub(super) fn id(&self, offset: u64) -> MessageId {
        self.shared.lock().log.id(offset)
    }

    pub(super) fn last(&self) -> MessageId {
        self.shared.lock().log.last()
    }

    /// What the topic holds in memory, in bytes.
    pub(super) fn weight(&self) -> u64 {
        self.shared.lock().log.weight()
    }

    /// Frees `weight` bytes of memory if it can.
    pub(super) fn shed(&self, weight: u64) {
        let _ = self.change(|shared, _| shared.log.shed(weight));
    }

    /// Drops what is too old.
    pub(super) fn sweep(&self) {
        let _ = self.change(|shared, now| shared.keys.forget(now));
    }

    /// When it was last used, if nobody reads it now; `empty`: and it holds nothing.
    pub(super) fn idle_since(&self, empty: bool) -> Option<Instant> {
        let shared = self.shared.lock();
        let idle = shared.subscribers == 0 && !(empty && shared.log.len() > 0);
        idle.then_some(shared.used)
    }

    /// Ends this life: readers get what is left of nothing, and the memory is free.
    pub(super) fn end(&self) {
        let mut shared = self.shared.lock();
        if !shared.ended {
            shared.ended = true;
            self.totals.weight.fetch_sub(shared.log.weight(), Relaxed);
            self.totals.keys.fetch_sub(shared.keys.len(), Relaxed);
            drop(shared);
            self.wake.send_replace(());
        }
    }
}

/// What tells one message from another under the same key.
fn fingerprint(new: &NewMessage) -> Fingerprint {
    let mut hasher = Sha256::new();
    hasher.update((new.content_type.len() as u64).to_be_bytes());
    hasher.update(&new.content_type);
    hasher.update(&new.payload);
    hasher.finalize().into()
}

/// Eight hex digits that differ from one life to the next.
fn random_epoch() -> u32 {
    rand::random()
}

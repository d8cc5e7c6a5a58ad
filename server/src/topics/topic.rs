//! One life of a topic: its log, who reads it, and the wake-up.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::{sync::watch, time::Instant};
use wire::topics::{
    Ack, Gap, GapReason, HistoryBounds, MessageId, Presence, TopicInside, TopicState, Transport,
};

use super::{
    Error, Limits, Page, Settings, Start,
    disk::Synced,
    inside::{Cursors, Inside},
    keys::{Fingerprint, Keys},
    log::{Budget, Log, Resumed},
    message::{Message, NewMessage},
    segment::{Recent, Segment},
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

/// How a topic's life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Somebody ended the topic: its history is gone.
    Deleted,
    /// The topic was restarted: whoever comes back finds its next life.
    Restarted,
    /// The server stops.
    Closed,
}

/// The topic's life is over: whoever wants the topic must ask for its next one.
#[derive(Debug)]
pub(super) struct Ended;

/// What trying to publish came to.
#[derive(Debug)]
pub(super) enum Attempt {
    /// It is decided.
    Done(Result<Publication, Error>),
    /// The disk's thread publishes, as the topic acknowledges on disk, or did when others were published that still wait.
    ForDisk,
}

/// What a publish came to.
#[derive(Debug)]
pub enum Publication {
    /// The topic took the message.
    New {
        /// The message.
        message: Arc<Message>,
        /// How it came to the disk, where the topic acknowledges on disk.
        synced: Option<Synced>,
    },
    /// The idempotency key was used before, for this message.
    Known(MessageId),
}

impl Publication {
    /// The message's id.
    pub fn id(&self) -> MessageId {
        match self {
            Publication::New { message, .. } => message.id,
            Publication::Known(id) => *id,
        }
    }
}

/// An idempotency key and what it is used for.
#[derive(Debug, Clone)]
pub(super) struct Keyed {
    pub(super) key: Arc<str>,
    pub(super) fingerprint: Fingerprint,
}

impl Keyed {
    pub(super) fn new(key: &str, message: &NewMessage) -> Keyed {
        Keyed {
            key: key.into(),
            fingerprint: fingerprint(message),
        }
    }
}

/// What a reader gets in one go: first the gap, then the messages.
#[derive(Debug, Default)]
pub struct Batch {
    /// What is missing before the messages.
    pub gap: Option<Gap>,
    /// The messages, in order.
    pub messages: Segment,
    /// Nothing will follow: the topic's life is over.
    pub ended: Option<Ending>,
}

impl Batch {
    /// Is there neither a gap nor a message?
    pub fn is_empty(&self) -> bool {
        self.gap.is_none() && self.messages.is_empty()
    }
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

    /// Publishes, unless the disk's thread has to: then it waits for that.
    pub(super) fn publish(
        &self,
        new: &NewMessage,
        keyed: Option<&Keyed>,
        limits: &Limits,
    ) -> Result<Attempt, Ended> {
        let attempt = self.change(|shared, now| {
            if shared.ack == Ack::Disk || shared.waiting > 0 {
                shared.waiting += 1;
                return Attempt::ForDisk;
            }
            Attempt::Done(self.take(shared, new, keyed, limits, now))
        })?;
        if let Attempt::Done(taken) = &attempt {
            self.tell(taken);
        }
        Ok(attempt)
    }

    /// The turn of a publish that waited has come, and its topic acknowledges in memory by now. None where it does not.
    pub(super) fn publish_at_last(
        &self,
        new: &NewMessage,
        keyed: Option<&Keyed>,
        limits: &Limits,
    ) -> Result<Option<Result<Publication, Error>>, Ended> {
        let taken = self.change(|shared, now| {
            if shared.ack == Ack::Disk {
                return None;
            }
            shared.waiting = shared.waiting.saturating_sub(1);
            Some(self.take(shared, new, keyed, limits, now))
        })?;
        if let Some(taken) = &taken {
            self.tell(taken);
        }
        Ok(taken)
    }

    /// Takes a message into the log, unless its key decides.
    fn take(
        &self,
        shared: &mut Shared,
        new: &NewMessage,
        keyed: Option<&Keyed>,
        limits: &Limits,
        now: Instant,
    ) -> Result<Publication, Error> {
        if let Some(decided) = self.recall(shared, keyed, limits, now) {
            return decided;
        }
        let message = shared.log.push(new.clone(), now);
        shared.used = now;
        if let Some(keyed) = keyed {
            shared.keys.remember(keyed, message.id, now);
        }
        Ok(Publication::New {
            message,
            synced: None,
        })
    }

    /// Wakes the readers where there is a message for them.
    fn tell(&self, taken: &Result<Publication, Error>) {
        if let Ok(Publication::New { .. }) = taken {
            self.wake.send_replace(());
        }
    }

    /// A publish does not wait for the disk's thread any more.
    pub(super) fn waits_no_more(&self) {
        let mut shared = self.shared.lock();
        shared.waiting = shared.waiting.saturating_sub(1);
    }

    /// What the key decides, if it does.
    fn recall(
        &self,
        shared: &mut Shared,
        keyed: Option<&Keyed>,
        limits: &Limits,
        now: Instant,
    ) -> Option<Result<Publication, Error>> {
        let forgotten = shared.keys.forget(now);
        let keyed = keyed?;
        if let Some((seen, id)) = shared.keys.recall(&keyed.key) {
            return Some(if *seen == keyed.fingerprint {
                Ok(Publication::Known(*id))
            } else {
                Err(Error::KeyReused)
            });
        }
        // What was forgotten just now is not off the total yet.
        let full = self.totals.keys.load(Relaxed) - forgotten >= limits.keys;
        full.then_some(Err(Error::TooManyKeys(limits.keys)))
    }

    /// The turn of a publish that waited has come: what its key decides, if it does.
    pub(super) fn recall_for_disk(
        &self,
        keyed: Option<&Keyed>,
        limits: &Limits,
    ) -> Result<Option<Result<Publication, Error>>, Ended> {
        self.change(|shared, now| {
            shared.waiting = shared.waiting.saturating_sub(1);
            self.recall(shared, keyed, limits, now)
        })
    }

    /// Takes messages that are on disk, in order, and wakes the readers once.
    pub(super) fn append(&self, messages: Vec<(Arc<Message>, Option<Keyed>)>) -> Result<(), Ended> {
        self.change(|shared, now| {
            shared.used = now;
            for (message, keyed) in messages {
                if let Some(keyed) = keyed {
                    shared.keys.remember(&keyed, message.id, now);
                }
                shared.log.append(message, now);
            }
        })?;
        self.wake.send_replace(());
        Ok(())
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

    /// Counts a subscriber in, and says where it stands.
    pub(super) fn join(
        &self,
        transport: Transport,
        start: Start,
        limits: &Limits,
    ) -> Result<Result<Resumed, Error>, Ended> {
        self.change(|shared, now| {
            if self.presence.borrow().total() >= limits.subscribers as u64 {
                return Err(Error::TooManySubscribers(limits.subscribers));
            }
            self.presence
                .send_modify(|presence| *presence.of(transport) += 1);
            shared.used = now;
            Ok(start.within(&shared.log))
        })
    }

    /// Counts a subscriber out.
    pub(super) fn leave(&self, transport: Transport) {
        let mut shared = self.shared.lock();
        shared.used = Instant::now();
        self.presence.send_modify(|presence| {
            let count = presence.of(transport);
            *count = count.saturating_sub(1);
        });
    }

    pub(super) fn life(&self) -> u64 {
        self.life
    }

    pub(super) fn watch(&self) -> watch::Receiver<()> {
        self.wake.subscribe()
    }

    pub(super) fn watch_presence(&self) -> watch::Receiver<Presence> {
        self.presence.subscribe()
    }

    /// What follows the offset `after`. A reader that was connected all the time and still misses something was slow.
    /// What is left when the life ends can be read to its end.
    pub(super) fn read(&self, after: u64, budget: Budget) -> Batch {
        let mut shared = self.shared.lock();
        let ended = shared.ended;
        if ended.is_none() {
            let weight = shared.log.weight();
            shared.log.trim(Instant::now());
            self.account(&shared, weight, shared.keys.len());
        }
        let gap = shared.log.missing(after, GapReason::Slow);
        let from = gap.as_ref().map_or(after, |gap| gap.next.offset - 1);
        let messages = self.segment(&mut shared, from, budget);
        Batch {
            ended: ended.filter(|_| messages.is_empty()),
            gap,
            messages,
        }
    }

    /// The messages behind `after`: the same segment for each of several readers at the same place.
    fn segment(&self, shared: &mut Shared, after: u64, budget: Budget) -> Segment {
        let last = shared.log.last().offset;
        if after == last {
            return Segment::default();
        }
        if budget != Budget::DELIVERY {
            return shared.log.read(after, budget).into();
        }
        if let Some(segment) = shared.recent.as_ref().and_then(|r| r.serves(after, last)) {
            return segment.clone();
        }
        let segment = Segment::from(shared.log.read(after, budget));
        shared.recent = (segment.len() > 1 && self.presence.borrow().total() > 1)
            .then(|| Recent::new(after, last, segment.clone()));
        segment
    }

    /// What a reader gets that does not subscribe. All of it is of the same moment: nothing comes between the messages
    /// and the id of the newest one.
    pub(super) fn page(&self, start: Start, budget: Budget) -> Result<Page, Ended> {
        self.change(|shared, now| {
            shared.used = now;
            let at = start.within(&shared.log);
            let messages = Segment::from(shared.log.read(at.after, budget));
            let next = messages.last().map(|message| message.id);
            Page {
                next: next.unwrap_or_else(|| shared.log.id(at.after)),
                last: shared.log.last(),
                batch: Batch {
                    gap: at.gap,
                    messages,
                    ended: None,
                },
            }
        })
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

    /// When it was last used, if nobody reads it now, nothing waits for it and it promises nothing beyond memory.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let shared = self.shared.lock();
        self.is_idle(&shared).then_some(shared.used)
    }

    fn is_idle(&self, shared: &Shared) -> bool {
        self.presence.borrow().total() == 0 && shared.ack == Ack::Memory && shared.waiting == 0
    }

    /// Ends this life if it is idle, has been for long enough, and in the case of `empty` holds nothing.
    pub(super) fn end_idle(self: &Arc<Self>, enough: Duration, empty: bool) -> bool {
        self.end_if(Ending::Deleted, |shared| {
            let idle = self.is_idle(shared) && shared.used.elapsed() >= enough;
            idle && !(empty && shared.log.len() > 0)
        })
    }

    /// Ends this life if nothing would be lost with it: nobody reads it, nothing was published, and it was told nothing.
    pub(super) fn end_blank(self: &Arc<Self>, bounds: HistoryBounds) -> bool {
        self.end_if(Ending::Deleted, |shared| {
            let blank = shared.log.last().offset == 0 && shared.log.bounds() == bounds;
            blank && self.is_idle(shared)
        })
    }

    /// This is the life behind that one.
    pub(super) fn follows(&self, before: MessageId) {
        self.shared.lock().log.follows(before);
    }

    /// The place under an address, for the next life.
    pub(super) fn take_place(&self) -> Option<Place> {
        self.shared.lock().place.take()
    }

    /// This is the next life of one that is over: what waited for that waits for this now, in its place.
    pub(super) fn takes_over(&self, place: Option<Place>, waiting: usize) {
        let mut shared = self.shared.lock();
        shared.place = place;
        shared.waiting = waiting;
    }

    /// How many publishes wait for the disk's thread. Once the life is over they do not become more.
    pub(super) fn waiting(&self) -> usize {
        self.shared.lock().waiting
    }

    /// Ends this life unless it promises more than memory.
    pub(super) fn end_in_memory(self: &Arc<Self>, ending: Ending) -> bool {
        self.end_if(ending, |shared| shared.ack == Ack::Memory)
    }

    /// Is this one of as many topics as its address may begin?
    pub(super) fn is_one_of(&self, most: usize) -> bool {
        let shared = self.shared.lock();
        shared
            .place
            .as_ref()
            .is_some_and(|place| place.is_one_of(most))
    }

    /// Ends this life: nothing is taken any more, and readers read what is left. As long as they hold it, it counts.
    pub(super) fn end(self: &Arc<Self>, ending: Ending) {
        self.end_if(ending, |_| true);
    }

    /// Decides whether to end this life, and ends it, in one step. Is it over?
    fn end_if(self: &Arc<Self>, ending: Ending, decide: impl FnOnce(&Shared) -> bool) -> bool {
        let mut shared = self.shared.lock();
        if shared.ended.is_some() {
            return true;
        }
        if !decide(&shared) {
            return false;
        }
        shared.ended = Some(ending);
        let keys = std::mem::take(&mut shared.keys);
        // A next life takes it over.
        let place = match ending {
            Ending::Restarted => None,
            Ending::Deleted | Ending::Closed => shared.place.take(),
        };
        drop(shared);
        drop(place);
        self.totals.keys.fetch_sub(keys.len(), Relaxed);
        if self.presence.borrow().total() > 0 {
            self.totals.add_ended(self);
        }
        self.wake.send_replace(());
        true
    }

    /// Has this life been closed because the server stops?
    pub(super) fn is_closed(&self) -> bool {
        self.shared.lock().ended == Some(Ending::Closed)
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

/// What tells one message from another under the same key.
pub(super) fn fingerprint(new: &NewMessage) -> Fingerprint {
    let mut hasher = Sha256::new();
    hasher.update((new.content_type.len() as u64).to_be_bytes());
    hasher.update(&new.content_type);
    hasher.update(&new.payload);
    hasher.finalize().into()
}

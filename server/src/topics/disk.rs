//! Topics that are acknowledged on disk, on a thread of their own: it takes all publishes that wait, writes them in one
//! commit, and only when the disk has said that they are there delivers and acknowledges them. Many publishers share the
//! price of one sync (group commit).
//!
//! Only this thread gives a disk topic's messages their ids, so that nothing has to be taken back when a commit fails. What
//! waits for it keeps its turn whatever becomes of the topic meanwhile: restarted, ended, or told to acknowledge in memory.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use tokio::{sync::oneshot, time::Instant as Clock};
use wire::{
    limits::{DISK_QUEUE_MAX, HISTORY_BYTES},
    topics::{Ack, MessageId},
};

use super::{
    Error, Limits, Map, Settings,
    epochs::Epochs,
    memory,
    message::{Message, NewMessage},
    restore::restored,
    store::{Change, Store, Unstored},
    topic::{Ended, Ending, Kept, Keyed, Publication, Topic, Totals},
};

/// How many bytes of messages one commit takes at most.
const COMMIT_BYTES: usize = HISTORY_BYTES as usize;

/// The commit that a message came to the disk with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Synced {
    /// When it began.
    pub since: Instant,
    /// When the disk said that everything is there.
    pub until: Instant,
    /// How many messages shared it.
    pub messages: usize,
}

/// What is answered: `Ended` where the topic's life was over before its turn came.
pub(super) type Reply<T> = oneshot::Sender<Result<Result<T, Error>, Ended>>;

/// What the thread is asked for.
#[derive(Debug)]
pub(super) enum Ask {
    /// Publish a message to a disk topic.
    Publish {
        topic: Arc<Topic>,
        new: NewMessage,
        keyed: Option<Keyed>,
        reply: Reply<Publication>,
    },
    /// Change when a topic acknowledges, and what its history keeps.
    Configure {
        topic: Arc<Topic>,
        settings: Settings,
        reply: Reply<()>,
    },
    /// Remove a disk topic.
    Remove { topic: Arc<Topic>, reply: Reply<()> },
    /// Begin a disk topic's next life with what is on disk.
    Restart {
        topic: Arc<Topic>,
        reply: Reply<bool>,
    },
    /// Forget on disk what the histories no longer hold.
    Trim,
}

/// The way to the thread. Dropping it waits until the thread has done what it was asked for.
pub(super) struct Disk {
    asks: Option<SyncSender<Ask>>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").finish_non_exhaustive()
    }
}

/// What the thread shares with the hub.
pub(super) struct Shared {
    pub(super) topics: Map,
    pub(super) totals: Arc<Totals>,
    pub(super) epochs: Arc<Epochs>,
    pub(super) limits: Limits,
}

impl Shared {
    /// The topic's present life.
    fn present(&self, name: &str) -> Option<Arc<Topic>> {
        self.topics.lock().get(name).map(Arc::clone)
    }
}

impl Disk {
    /// Starts the thread. `kept`: the names of the topics that the store holds already.
    pub(super) fn start(
        store: Store,
        kept: HashSet<Arc<str>>,
        hub: Shared,
    ) -> std::io::Result<Disk> {
        let (asks, queue) = sync_channel(DISK_QUEUE_MAX);
        let worker = Worker {
            store,
            trimmed: kept.into_iter().map(|topic| (topic, 0)).collect(),
            doubts: HashMap::new(),
            hub,
        };
        let thread = thread::Builder::new()
            .name("topics-disk".into())
            .spawn(move || worker.run(&queue))?;
        Ok(Disk {
            asks: Some(asks),
            thread: Some(thread),
        })
    }

    /// Puts something into the queue; its place there is its place in time.
    pub(super) fn ask(&self, ask: Ask) -> Result<(), Error> {
        let failed = Error::Unstored(Unstored::Failed);
        let asks = self.asks.as_ref().ok_or(failed)?;
        asks.try_send(ask).map_err(|refused| match refused {
            TrySendError::Full(_) => Error::DiskBehind(DISK_QUEUE_MAX),
            TrySendError::Disconnected(_) => failed,
        })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.asks.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that keeps topics on disk failed");
        }
    }
}

struct Worker {
    store: Store,
    /// The topics on disk, and from which offset on their messages are there at most.
    trimmed: HashMap<Arc<str>, u64>,
    /// What commits that failed may have changed on disk all the same: the next one puts it right.
    doubts: HashMap<Arc<str>, Doubt>,
    hub: Shared,
}

impl Worker {
    fn run(mut self, queue: &Receiver<Ask>) {
        let mut next = None;
        while let Some(ask) = next.take().or_else(|| queue.recv().ok()) {
            let mut group = Group::default();
            let mut ask = Some(ask);
            // Everything that waits by now shares the commit, as long as it is publishes.
            while let Some(Ask::Publish {
                topic,
                new,
                keyed,
                reply,
            }) = ask
            {
                group.add(&self.hub, &topic, new, keyed, reply);
                ask = if group.bytes < COMMIT_BYTES {
                    queue.try_recv().ok()
                } else {
                    None
                };
                if !matches!(ask, None | Some(Ask::Publish { .. })) {
                    next = ask.take();
                }
            }
            self.publish(group);
            match ask {
                None | Some(Ask::Publish { .. }) => {}
                Some(Ask::Configure {
                    topic,
                    settings,
                    reply,
                }) => {
                    let _ = reply.send(self.configure(&topic, &settings));
                }
                Some(Ask::Remove { topic, reply }) => {
                    let _ = reply.send(Ok(self.remove(&topic)));
                }
                Some(Ask::Restart { topic, reply }) => {
                    let _ = reply.send(Ok(self.restart(&topic)));
                }
                Some(Ask::Trim) => self.trim(),
            }
        }
        // Where it fails it has been said already.
        let _ = self.commit(Vec::new());
    }

    /// Commits the changes, and before them what puts right whatever is in doubt.
    fn commit(&mut self, changes: Vec<Change>) -> Result<(), Unstored> {
        let mut all = Vec::new();
        for doubt in self.doubts.values() {
            all.extend(doubt.put_right(&mut self.store)?);
        }
        all.extend(changes);
        self.store.commit(&all)?;
        self.doubts.clear();
        Ok(())
    }

    /// A commit about the topic failed; `removing`: it would have removed it.
    fn doubt(&mut self, topic: &Arc<Topic>, removing: bool) {
        let before = self.doubts.remove(topic.name());
        let doubt = Doubt {
            topic: Arc::clone(topic),
            removing: removing || before.is_some_and(|doubt| doubt.removing),
        };
        self.doubts.insert(Arc::clone(topic.name()), doubt);
    }

    /// Writes a group of messages, then delivers and acknowledges them.
    fn publish(&mut self, group: Group) {
        let mut changes = Vec::new();
        for staged in &group.staged {
            let topic = staged.topic.name();
            // What the history let go of since the last time goes with this commit.
            let first = staged.topic.first();
            if let Some(trimmed) = self.trimmed.get_mut(topic)
                && *trimmed < first
            {
                *trimmed = first;
                changes.push(Change::Trim {
                    topic: Arc::clone(topic),
                    first,
                });
            }
            changes.push(Change::Topic {
                topic: Arc::clone(topic),
                last: staged.last,
                bounds: staged.topic.bounds(),
            });
            let messages = staged.messages.iter();
            changes.extend(messages.map(|(message, keyed)| Change::Append {
                topic: Arc::clone(topic),
                message: Arc::clone(message),
                key: keyed.as_ref().map(|keyed| Arc::clone(&keyed.key)),
            }));
        }
        let since = Instant::now();
        let committed = self.commit(changes);
        let synced = Synced {
            since,
            until: Instant::now(),
            messages: group.staged.iter().map(|s| s.messages.len()).sum(),
        };
        if committed.is_ok() {
            for staged in group.staged {
                // A topic that was closed while its messages went to the disk has them in its next life.
                let _ = staged.topic.append(staged.messages);
            }
            // Whether or not the publishers still wait.
            self.relieve();
        } else {
            self.forget_trims();
            for staged in &group.staged {
                self.doubt(&staged.topic, false);
            }
        }
        for (waiting, reply) in group.waiting {
            let answer = committed.map_err(Error::Unstored).map(|()| match waiting {
                Waiting::New(message) => Publication::New {
                    message,
                    synced: Some(synced),
                },
                Waiting::Known(id) => Publication::Known(id),
            });
            let _ = reply.send(Ok(answer));
        }
    }

    fn configure(
        &mut self,
        topic: &Arc<Topic>,
        settings: &Settings,
    ) -> Result<Result<(), Error>, Ended> {
        let name = topic.name();
        // Only this thread changes it.
        let before = topic.ack();
        let ack = settings.ack.unwrap_or(before);
        let known = self.trimmed.contains_key(name);
        if ack == Ack::Disk && !known && self.trimmed.len() >= self.hub.limits.disk_topics {
            return Ok(Err(Error::TooManyDiskTopics(self.hub.limits.disk_topics)));
        }
        if before == Ack::Memory && ack == Ack::Memory {
            return topic.configure_in_memory(settings).map(|_| Ok(()));
        }
        if before == Ack::Memory {
            // From here on whatever is published waits behind this.
            topic.set_ack(ack)?;
        }
        let bounds = settings.bounds(topic.bounds());
        let changes = match (before, ack) {
            (_, Ack::Memory) => vec![removal(name)],
            (Ack::Memory, Ack::Disk) => {
                let kept = topic.kept();
                whole(name, Kept { bounds, ..kept })
            }
            (Ack::Disk, Ack::Disk) => vec![Change::Topic {
                topic: Arc::clone(name),
                last: topic.last(),
                bounds,
            }],
        };
        if let Err(unstored) = self.commit(changes) {
            self.doubt(topic, ack == Ack::Memory);
            topic.set_ack(before)?;
            return Ok(Err(Error::Unstored(unstored)));
        }
        match ack {
            Ack::Memory => {
                self.trimmed.remove(name);
                topic.set_ack(ack)?;
            }
            Ack::Disk => {
                self.trimmed.entry(Arc::clone(name)).or_insert(0);
            }
        }
        topic.set_bounds(bounds)?;
        Ok(Ok(()))
    }

    fn remove(&mut self, topic: &Arc<Topic>) -> Result<(), Error> {
        let name = topic.name();
        if self.trimmed.contains_key(name) {
            if let Err(unstored) = self.commit(vec![removal(name)]) {
                self.doubt(topic, true);
                return Err(Error::Unstored(unstored));
            }
            self.trimmed.remove(name);
        }
        let mut topics = self.hub.topics.lock();
        if topics.get(name).is_some_and(|now| Arc::ptr_eq(now, topic)) {
            let place = topic.take_place();
            topic.end(Ending::Deleted);
            topics.remove(name);
            let waiting = topic.waiting();
            if waiting > 0 {
                // What was published behind the end begins the next life, and whatever comes now comes behind that.
                let hub = &self.hub;
                let (totals, epoch) = (Arc::clone(&hub.totals), hub.epochs.begin(name));
                let next = Topic::new(name, totals, epoch, hub.limits.history, None);
                next.takes_over(place, waiting);
                topics.insert(Arc::clone(name), Arc::new(next));
            }
        }
        Ok(())
    }

    /// False where the topic is only in memory by now.
    fn restart(&mut self, topic: &Arc<Topic>) -> Result<bool, Error> {
        let settled = self.commit(Vec::new());
        let stored = settled.and_then(|()| self.store.load(Some(topic.name())));
        let stored = stored.map_err(Error::Unstored)?.pop();
        let mut topics = self.hub.topics.lock();
        let current = topics
            .get(topic.name())
            .is_some_and(|now| Arc::ptr_eq(now, topic));
        if !current {
            // It is over already.
            return Ok(true);
        }
        let Some(stored) = stored else {
            return Ok(topic.ack() != Ack::Memory);
        };
        let next = restored(stored, Arc::clone(&self.hub.totals));
        topic.end(Ending::Restarted);
        next.takes_over(topic.take_place(), topic.waiting());
        topics.insert(Arc::clone(topic.name()), Arc::new(next));
        drop(topics);
        self.relieve();
        Ok(true)
    }

    fn relieve(&self) {
        let hub = &self.hub;
        memory::relieve(&hub.topics, &hub.totals, hub.limits.memory_bytes);
    }

    fn trim(&mut self) {
        let topics: Vec<Arc<Topic>> = {
            let topics = self.hub.topics.lock();
            let kept = self.trimmed.keys();
            kept.filter_map(|name| topics.get(name).map(Arc::clone))
                .collect()
        };
        let mut changes = Vec::new();
        for topic in topics {
            let first = topic.first();
            let trimmed = self.trimmed.entry(Arc::clone(topic.name())).or_insert(0);
            if *trimmed < first {
                *trimmed = first;
                changes.push(Change::Trim {
                    topic: Arc::clone(topic.name()),
                    first,
                });
            }
        }
        if self.commit(changes).is_err() {
            self.forget_trims();
        }
    }

    /// What was trimmed may still be there: the next time trims it again.
    fn forget_trims(&mut self) {
        self.trimmed.values_mut().for_each(|first| *first = 0);
    }
}

/// A topic about which a commit failed. The disk may have it as it was before, or as it would have been.
struct Doubt {
    topic: Arc<Topic>,
    /// The topic may be gone.
    removing: bool,
}

impl Doubt {
    /// What makes the disk's the topic that the hub has.
    fn put_right(&self, store: &mut Store) -> Result<Vec<Change>, Unstored> {
        let name = self.topic.name();
        if self.topic.ack() == Ack::Memory {
            return Ok(vec![removal(name)]);
        }
        if self.removing && !store.holds(name)? {
            return Ok(whole(name, self.topic.kept()));
        }
        let last = self.topic.last();
        Ok(vec![
            Change::Topic {
                topic: Arc::clone(name),
                last,
                bounds: self.topic.bounds(),
            },
            Change::Cut {
                topic: Arc::clone(name),
                last: last.offset,
            },
        ])
    }
}

fn removal(topic: &Arc<str>) -> Change {
    Change::Remove {
        topic: Arc::clone(topic),
    }
}

/// The whole topic in place of whatever is there of this name.
fn whole(topic: &Arc<str>, kept: Kept) -> Vec<Change> {
    let state = Change::Topic {
        topic: Arc::clone(topic),
        last: kept.last,
        bounds: kept.bounds,
    };
    let messages = kept.messages.into_iter();
    let appends = messages.map(|(message, key)| Change::Append {
        topic: Arc::clone(topic),
        message,
        key,
    });
    [removal(topic), state].into_iter().chain(appends).collect()
}

/// What a publish comes to when its turn has come.
enum Turn {
    /// Nothing has to be written.
    Decided(Result<Publication, Error>),
    ForDisk,
}

impl Turn {
    fn of(
        topic: &Topic,
        new: &NewMessage,
        keyed: Option<&Keyed>,
        limits: &Limits,
    ) -> Result<Turn, Ended> {
        // The topic may have been told to acknowledge in memory meanwhile.
        let decided = match topic.publish_at_last(new, keyed, limits)? {
            None => topic.recall_for_disk(keyed, limits)?,
            decided => decided,
        };
        Ok(decided.map_or(Turn::ForDisk, Turn::Decided))
    }
}

/// Messages that share a commit.
#[derive(Default)]
struct Group {
    staged: Vec<Staged>,
    /// In the order in which they were asked for.
    waiting: Vec<(Waiting, Reply<Publication>)>,
    bytes: usize,
}

/// What one topic gets in a commit.
struct Staged {
    topic: Arc<Topic>,
    last: MessageId,
    messages: Vec<(Arc<Message>, Option<Keyed>)>,
}

/// What is answered once the commit is through.
enum Waiting {
    New(Arc<Message>),
    Known(MessageId),
}

impl Group {
    /// Takes a publish into the group, or answers it where nothing has to be written.
    fn add(
        &mut self,
        hub: &Shared,
        asked: &Topic,
        new: NewMessage,
        keyed: Option<Keyed>,
        reply: Reply<Publication>,
    ) {
        // The life that it was asked of may be over: what waited for that waits for the one that follows.
        while let Some(topic) = hub.present(asked.name()) {
            if let Ok(turn) = Turn::of(&topic, &new, keyed.as_ref(), &hub.limits) {
                match turn {
                    Turn::Decided(decided) => drop(reply.send(Ok(decided))),
                    Turn::ForDisk => self.add_for_disk(topic, new, keyed, reply),
                }
                return;
            }
        }
        let closed = asked.is_closed().then_some(Err(Error::Closed));
        let _ = reply.send(closed.ok_or(Ended));
    }

    fn add_for_disk(
        &mut self,
        topic: Arc<Topic>,
        new: NewMessage,
        keyed: Option<Keyed>,
        reply: Reply<Publication>,
    ) {
        let staged = self.stage(topic);
        if let Some(keyed) = &keyed
            && let Some((message, earlier)) = staged.with_key(&keyed.key)
        {
            if earlier.fingerprint == keyed.fingerprint {
                let known = Waiting::Known(message.id);
                self.waiting.push((known, reply));
            } else {
                let _ = reply.send(Ok(Err(Error::KeyReused)));
            }
            return;
        }
        staged.last.offset += 1;
        let bytes = new.payload.len();
        let message = Arc::new(Message::new(staged.last, Clock::now(), new));
        staged.messages.push((Arc::clone(&message), keyed));
        self.waiting.push((Waiting::New(message), reply));
        self.bytes += bytes;
    }

    fn stage(&mut self, topic: Arc<Topic>) -> &mut Staged {
        let at = self
            .staged
            .iter()
            .position(|staged| Arc::ptr_eq(&staged.topic, &topic));
        let at = at.unwrap_or_else(|| {
            self.staged.push(Staged {
                last: topic.last(),
                topic,
                messages: Vec::new(),
            });
            self.staged.len() - 1
        });
        &mut self.staged[at]
    }
}

impl Staged {
    /// The message of this group that was published with the key.
    fn with_key(&self, key: &str) -> Option<(&Arc<Message>, &Keyed)> {
        self.messages.iter().find_map(|(message, keyed)| {
            let keyed = keyed.as_ref()?;
            (*keyed.key == *key).then_some((message, keyed))
        })
    }
}

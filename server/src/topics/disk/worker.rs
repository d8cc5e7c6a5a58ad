//! What the thread does with what it is asked for.

use std::{
    collections::HashMap,
    sync::{Arc, mpsc::Receiver},
    time::Instant,
};

use wire::{limits::HISTORY_BYTES, topics::Ack};

use super::{
    Ask, Shared, Synced,
    doubt::{Doubt, removal, whole},
    group::{Group, Waiting},
};
use crate::topics::{
    Error, Settings, memory,
    restore::restored,
    store::{Change, Store, Unstored},
    topic::{Ended, Ending, Kept, Publication, Topic},
};

/// How many bytes of messages one commit takes at most.
const COMMIT_BYTES: usize = HISTORY_BYTES as usize;

pub(super) struct Worker {
    pub(super) store: Store,
    /// The topics on disk, and from which offset on their messages are there at most.
    pub(super) trimmed: HashMap<Arc<str>, u64>,
    /// What commits that failed may have changed on disk all the same: the next one puts it right.
    pub(super) doubts: HashMap<Arc<str>, Doubt>,
    pub(super) hub: Shared,
}

impl Worker {
    pub(super) fn run(mut self, queue: &Receiver<Ask>) {
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

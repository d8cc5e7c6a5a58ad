//! Publishing: what it comes to, what an idempotency key decides, and what waits for the disk.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use sha2::{Digest, Sha256};
use tokio::time::Instant;
use wire::topics::{Ack, MessageId};

use super::{Ended, Shared, Topic};
use crate::topics::{
    Error, Limits,
    disk::Synced,
    keys::Fingerprint,
    message::{Message, NewMessage},
};

/// What trying to publish came to.
#[derive(Debug)]
pub(in crate::topics) enum Attempt {
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
pub(in crate::topics) struct Keyed {
    pub(in crate::topics) key: Arc<str>,
    pub(in crate::topics) fingerprint: Fingerprint,
}

impl Keyed {
    pub(in crate::topics) fn new(key: &str, message: &NewMessage) -> Keyed {
        Keyed {
            key: key.into(),
            fingerprint: fingerprint(message),
        }
    }
}

impl Topic {
    /// Publishes, unless the disk's thread has to: then it waits for that.
    pub(in crate::topics) fn publish(
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
    pub(in crate::topics) fn publish_at_last(
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
    pub(in crate::topics) fn waits_no_more(&self) {
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
    pub(in crate::topics) fn recall_for_disk(
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
    pub(in crate::topics) fn append(
        &self,
        messages: Vec<(Arc<Message>, Option<Keyed>)>,
    ) -> Result<(), Ended> {
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

    /// How many publishes wait for the disk's thread. Once the life is over they do not become more.
    pub(in crate::topics) fn waiting(&self) -> usize {
        self.shared.lock().waiting
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

//! Publishes that share a commit.

use std::sync::Arc;

use tokio::time::Instant as Clock;
use wire::topics::MessageId;

use super::{Reply, Shared};
use crate::topics::{
    Error, Limits,
    message::{Message, NewMessage},
    topic::{Ended, Keyed, Publication, Topic},
};

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
pub(super) struct Group {
    pub(super) staged: Vec<Staged>,
    /// In the order in which they were asked for.
    pub(super) waiting: Vec<(Waiting, Reply<Publication>)>,
    pub(super) bytes: usize,
}

/// What one topic gets in a commit.
pub(super) struct Staged {
    pub(super) topic: Arc<Topic>,
    pub(super) last: MessageId,
    pub(super) messages: Vec<(Arc<Message>, Option<Keyed>)>,
}

/// What is answered once the commit is through.
pub(super) enum Waiting {
    New(Arc<Message>),
    Known(MessageId),
}

impl Group {
    /// Takes a publish into the group, or answers it where nothing has to be written.
    pub(super) fn add(
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

//! What a commit that failed leaves in doubt, and what puts it right.

use std::sync::Arc;

use wire::topics::Ack;

use crate::topics::{
    store::{Change, Store, Unstored},
    topic::{Kept, Topic},
};

/// A topic about which a commit failed. The disk may have it as it was before, or as it would have been.
pub(super) struct Doubt {
    pub(super) topic: Arc<Topic>,
    /// The topic may be gone.
    pub(super) removing: bool,
}

impl Doubt {
    /// What makes the disk's the topic that the hub has.
    pub(super) fn put_right(&self, store: &mut Store) -> Result<Vec<Change>, Unstored> {
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

pub(super) fn removal(topic: &Arc<str>) -> Change {
    Change::Remove {
        topic: Arc::clone(topic),
    }
}

/// The whole topic in place of whatever is there of this name.
pub(super) fn whole(topic: &Arc<str>, kept: Kept) -> Vec<Change> {
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

//! A topic's socket while only the server speaks: it needs no task of its own, and holds next to nothing.

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    super::topic::streaming,
    peer::{Peer, Rested},
    subscription::Subscription,
};
use crate::{
    connection::streams::{Bare, Bell, Conversation, Next, Upgraded},
    topics::Batch,
};

/// One subscriber whose socket is written with those of others.
struct Resting {
    subscription: Subscription,
    rested: Rested,
    /// What was taken and is more than frames: a gap, or the end.
    taken: Batch,
}

/// Lets it rest until there is more to do than to send frames.
pub(super) fn rest(subscription: Subscription, bare: Bare, rested: Rested) {
    bare.rest(Box::new(Resting {
        subscription,
        rested,
        taken: Batch::default(),
    }));
}

impl Conversation for Resting {
    fn next(&mut self) -> Next {
        if let Some(frame) = self.subscription.presence_frame() {
            return Next::Bytes(frame);
        }
        let batch = self.subscription.take();
        if batch.gap.is_some() || batch.ended.is_some() {
            self.taken = batch;
            return Next::End;
        }
        match batch.is_empty() {
            true => Next::Nothing,
            false => Next::Bytes(batch.messages.frames()),
        }
    }

    fn bell(&self) -> Bell {
        streaming::bell(self.subscription.subscriber())
    }

    fn due(&self) -> Instant {
        self.rested.due()
    }

    fn back(self: Box<Self>, connection: Upgraded, unsent: Bytes) {
        let Resting {
            subscription,
            rested,
            taken,
        } = *self;
        let peer = Peer::rouse(connection, rested, &unsent);
        tokio::spawn(subscription.go_on(peer, taken, true));
    }
}

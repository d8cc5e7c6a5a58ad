//! A topic's socket: what is ready goes down in one write, publishes come up, and who is there is told.

use bytes::Bytes;
use futures_util::{StreamExt, stream::FuturesOrdered};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tungstenite::Message;
use wire::{
    limits::SOCKET_PUBLISHES_MAX,
    socket::close_code,
    topics::{GapNotice, Presence, PresenceNotice},
};

use super::{
    super::topic::delivery::Traced,
    Gaps, Terms,
    peer::{End, Peer},
    publish::{self, Answering},
    resting,
};
use crate::{
    AppState,
    connection::Exchange,
    topics::{Batch, Budget, Ending, Subscriber, message::text_frame, presence_gap},
};

/// One subscriber and its socket.
pub(super) struct Subscription {
    app: AppState,
    subscriber: Traced,
    /// Its place is told once, to a peer that named none.
    terms: Terms,
    presence: watch::Receiver<Presence>,
    /// When who is there may be told again.
    presence_due: Instant,
    /// Publishes under way, answered in their order.
    publishes: FuturesOrdered<Answering>,
}

impl Subscription {
    pub(super) fn new(
        app: AppState,
        exchange: Exchange,
        subscriber: Subscriber,
        terms: Terms,
    ) -> Subscription {
        let mut presence = subscriber.presence();
        presence.mark_changed();
        Subscription {
            app,
            subscriber: Traced::new(subscriber, exchange),
            terms,
            presence,
            presence_due: Instant::now(),
            publishes: FuturesOrdered::new(),
        }
    }

    /// Converses until one side ends it, or there is nothing to do but to send.
    pub(super) async fn run(mut self, peer: Peer) {
        let batch = self.take();
        self.go_on(peer, batch, false).await;
    }

    /// Sends what was taken, and converses.
    ///
    /// One that `came_back` was wanted for something: it does not rest before that has come.
    pub(super) async fn go_on(mut self, mut peer: Peer, mut batch: Batch, mut came_back: bool) {
        let end = loop {
            if let Err(end) = self.send(&mut peer, batch).await {
                break end;
            }
            if !came_back && self.may_rest() && peer.may_rest() {
                if let Some((bare, rested)) = peer.rest() {
                    resting::rest(self, bare, rested);
                }
                return;
            }
            came_back = false;
            if let Err(end) = self.wait(&mut peer).await {
                break end;
            }
            batch = self.take();
        };
        // From here on it is no subscriber any more, however long the goodbye takes.
        self.subscriber.leave(end.why());
        peer.close(&end).await;
    }

    /// Is there nothing to do but to send what comes?
    fn may_rest(&self) -> bool {
        self.publishes.is_empty() && !self.presence.has_changed().unwrap_or(false)
    }

    /// Waits for what comes first.
    async fn wait(&mut self, peer: &mut Peer) -> Result<(), End> {
        let publishing = self.publishes.len();
        tokio::select! {
            () = self.subscriber.ready() => {}
            // A client that publishes faster than its topic takes it is not read any further.
            message = peer.receive(), if publishing < SOCKET_PUBLISHES_MAX => {
                if let Some(message @ (Message::Text(_) | Message::Binary(_))) = message? {
                    let topic = self.subscriber.topic();
                    let from = publish::From {
                        exchange: self.subscriber.exchange(),
                        address: self.terms.address,
                    };
                    let answering = publish::take(&self.app, from, topic, &message);
                    self.publishes.push_back(answering);
                }
            }
            Some(answer) = self.publishes.next(), if publishing > 0 => {
                peer.queue(&json_frame(&answer));
            }
            () = changed(&mut self.presence, self.presence_due) => {}
        }
        Ok(())
    }

    async fn send(&mut self, peer: &mut Peer, batch: Batch) -> Result<(), End> {
        if let Some(frame) = self.presence_frame() {
            peer.queue(&frame);
        }
        if let Some(gap) = batch.gap {
            peer.queue(&json_frame(&GapNotice { gap }));
            if self.terms.gaps == Gaps::Close {
                peer.flush().await?;
                let why = "there is a gap, and gaps=close";
                return Err(End::Close(close_code::GAP, why.into()));
            }
        }
        peer.send(batch.messages.frames()).await?;
        match batch.ended {
            None => Ok(()),
            Some(ending) => {
                self.answer_all(peer).await?;
                Err(ended(ending))
            }
        }
    }

    /// Who is there, if that is to be told now.
    pub(super) fn presence_frame(&mut self) -> Option<Bytes> {
        let is_due =
            self.presence.has_changed().unwrap_or(false) && Instant::now() >= self.presence_due;
        is_due.then(|| {
            let presence = *self.presence.borrow_and_update();
            self.presence_due = Instant::now() + presence_gap(presence);
            let place = self.terms.place.take();
            json_frame(&PresenceNotice { presence, place })
        })
    }

    pub(super) fn subscriber(&self) -> &Subscriber {
        &self.subscriber
    }

    /// What is ready now.
    pub(super) fn take(&mut self) -> Batch {
        self.subscriber.take(Budget::DELIVERY)
    }

    /// What was published before the end is answered before it.
    async fn answer_all(&mut self, peer: &mut Peer) -> Result<(), End> {
        while let Some(answer) = self.publishes.next().await {
            peer.queue(&json_frame(&answer));
        }
        peer.flush().await
    }
}

/// Resolves when who is there has changed and may be told.
async fn changed(presence: &mut watch::Receiver<Presence>, due: Instant) {
    // The sender lives in the topic, which the subscriber holds.
    let _ = presence.changed().await;
    presence.mark_changed();
    sleep_until(due).await;
}

fn ended(ending: Ending) -> End {
    let (code, why) = match ending {
        Ending::Deleted => (close_code::ENDED, "the topic was ended"),
        Ending::Restarted => (close_code::RESTART, "the topic restarts"),
        Ending::Closed => (close_code::RESTART, "the server stops"),
    };
    End::Close(code, why.into())
}

fn json_frame(value: &impl serde::Serialize) -> Bytes {
    // Numbers, text and JSON values: it always serializes.
    text_frame(&serde_json::to_string(value).unwrap_or_default())
}

//! A topic's socket: what is ready goes down in one write, publishes come up, and who is there is told.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream::FuturesOrdered};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tungstenite::Message;
use wire::{
    limits::{PRESENCE_GAP_MS, SOCKET_PUBLISHES_MAX},
    socket::close_code,
    topics::{GapNotice, Presence, PresenceNotice},
};

use super::{
    super::topic::delivery::Traced,
    Gaps, Terms,
    peer::{End, Peer},
    publish::{self, Answering},
};
use crate::{
    AppState,
    connection::Exchange,
    topics::{Budget, Ending, Subscriber, message::text_frame},
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

    /// Converses until one side ends it.
    pub(super) async fn run(mut self, mut peer: Peer) {
        let end = loop {
            if let Err(end) = self.turn(&mut peer).await {
                break end;
            }
        };
        // From here on it is no subscriber any more, however long the goodbye takes.
        self.subscriber.leave(end.why());
        peer.close(&end).await;
    }

    /// Sends what is ready, then waits for what comes first.
    async fn turn(&mut self, peer: &mut Peer) -> Result<(), End> {
        self.send_ready(peer).await?;
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

    async fn send_ready(&mut self, peer: &mut Peer) -> Result<(), End> {
        if self.presence.has_changed().unwrap_or(false) && Instant::now() >= self.presence_due {
            let presence = *self.presence.borrow_and_update();
            let place = self.terms.place.take();
            peer.queue(&json_frame(&PresenceNotice { presence, place }));
            self.presence_due = Instant::now() + presence_gap(presence);
        }
        let batch = self.subscriber.take(Budget::DELIVERY);
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

/// How long it takes at least from one frame that says who is there to the next: the more are told, the longer.
fn presence_gap(presence: Presence) -> Duration {
    Duration::from_millis(PRESENCE_GAP_MS).max(Duration::from_micros(100 * presence.total()))
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

//! What the trace says of a message's way: to its topic, to the disk, to a subscriber.

use std::{
    ops::{Deref, DerefMut},
    time::Instant,
};

use wire::{
    topics::{Gap, GapReason},
    trace::{Kind, Lane},
};

use crate::{
    connection::Exchange,
    topics::{Batch, Budget, Publication, Subscriber},
    trace::Draft,
};

/// Says in the publisher's run that the topic took a message; before, where it has one, that the disk has it.
pub(crate) fn published(exchange: &Exchange, topic: &str, publication: &Publication) {
    let Publication::New { message, synced } = publication else {
        return;
    };
    let about = |draft: Draft| {
        draft.bytes(message.payload().len() as u64).with(|detail| {
            detail.topic = Some(topic.to_owned());
            detail.message = Some(message.id.to_string());
        })
    };
    if let Some(synced) = synced {
        exchange.emit(|| {
            let draft = Draft::new(Lane::STORAGE, Kind::Synced, synced.since).until(synced.until);
            about(draft).with(|detail| {
                let together = synced.messages.into();
                detail.more.insert("messages".into(), together);
            })
        });
    }
    // A message on disk is its readers' only from then on.
    let at = synced.map_or(message.at.into_std(), |synced| synced.until);
    exchange.emit(|| about(Draft::new(Lane::TOPIC, Kind::Published, at)));
}

/// A subscriber whose run is told that it joined, what it takes and, when this is dropped, that it left: whoever ended it.
pub(crate) struct Traced {
    subscriber: Subscriber,
    exchange: Exchange,
    /// Why it leaves, where the server has a reason.
    why: Option<String>,
}

impl Traced {
    /// Says that it joined, and where.
    pub(crate) fn new(subscriber: Subscriber, exchange: Exchange) -> Traced {
        exchange.emit(|| place(Kind::Subscribed, &subscriber));
        Traced {
            subscriber,
            exchange,
            why: None,
        }
    }

    /// Its exchange.
    pub(crate) fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// What is ready now: it is handed to the connection.
    pub(crate) fn take(&mut self, budget: Budget) -> Batch {
        let batch = self.subscriber.take(budget);
        delivered(&self.exchange, self.subscriber.topic(), &batch);
        batch
    }

    /// It leaves, and this is why.
    pub(crate) fn leave(mut self, why: Option<&str>) {
        self.why = why.map(str::to_owned);
        if let Some(why) = why {
            self.subscriber.leaves(why);
        }
    }
}

impl Deref for Traced {
    type Target = Subscriber;

    fn deref(&self) -> &Subscriber {
        &self.subscriber
    }
}

impl DerefMut for Traced {
    fn deref_mut(&mut self) -> &mut Subscriber {
        &mut self.subscriber
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        let why = self.why.take();
        self.exchange
            .emit(|| place(Kind::Unsubscribed, &self.subscriber).with(|detail| detail.why = why));
    }
}

fn place(kind: Kind, subscriber: &Subscriber) -> Draft {
    Draft::new(Lane::TOPIC, kind, Instant::now()).with(|detail| {
        detail.topic = Some(subscriber.topic().to_owned());
        detail.message = Some(subscriber.position().to_string());
        let transport = subscriber.transport().name().into();
        detail.more.insert("transport".into(), transport);
        let present = subscriber.presence().borrow().total().into();
        detail.more.insert("subscribers".into(), present);
    })
}

/// Says in the subscriber's run what is handed to its connection now.
pub(crate) fn delivered(exchange: &Exchange, topic: &str, batch: &Batch) {
    let Some(run) = exchange.run() else { return };
    let now = Instant::now();
    if let Some(gap) = &batch.gap {
        exchange.emit(|| {
            Draft::new(Lane::TOPIC, Kind::Gap, now).with(|detail| {
                detail.topic = Some(topic.to_owned());
                detail.message = Some(gap.next.to_string());
                detail.why = Some(why(gap));
                detail.more.insert("missed".into(), gap.missed.into());
            })
        });
    }
    for message in &*batch.messages {
        exchange.emit(|| {
            Draft::new(Lane::TOPIC, Kind::Delivered, now)
                .bytes(message.payload().len() as u64)
                .with(|detail| {
                    detail.topic = Some(topic.to_owned());
                    detail.message = Some(message.id.to_string());
                    let published_at_ns = run.at_ns(message.at.into_std());
                    detail
                        .more
                        .insert("published_at_ns".into(), published_at_ns.into());
                })
        });
    }
}

fn why(gap: &Gap) -> String {
    match gap.reason {
        GapReason::Evicted => "the history no longer reaches back that far",
        GapReason::Epoch => "the topic began a new life since then",
        GapReason::Slow => "the subscriber did not read fast enough",
    }
    .to_owned()
}

//! What the trace says of a message's way to a subscriber.

use std::time::Instant;

use wire::{
    topics::{Gap, GapReason},
    trace::{Kind, Lane},
};

use crate::{
    connection::Exchange,
    topics::{Batch, Subscriber},
    trace::Draft,
};

/// Says in the subscriber's run that it joined, and where.
pub(super) fn subscribed(exchange: &Exchange, subscriber: &Subscriber) {
    exchange.emit(|| place(Kind::Subscribed, subscriber));
}

/// Says in the subscriber's run that it left, and where it was.
pub(super) fn unsubscribed(exchange: &Exchange, subscriber: &Subscriber) {
    exchange.emit(|| place(Kind::Unsubscribed, subscriber));
}

fn place(kind: Kind, subscriber: &Subscriber) -> Draft {
    Draft::new(Lane::TOPIC, kind, Instant::now()).with(|detail| {
        detail.topic = Some(subscriber.topic().to_owned());
        detail.message = Some(subscriber.position().to_string());
    })
}

/// Says in the subscriber's run what is handed to its connection now.
pub(super) fn delivered(exchange: &Exchange, topic: &str, batch: &Batch) {
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
    for message in &batch.messages {
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

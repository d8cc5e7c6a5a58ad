//! A chat, by asking and by push.

use wire::{
    time::duration,
    trace::{Kind, SpanId, TraceEvent},
};

use super::{Asked, CameTo, say};
use crate::{components::topic::figures::Figures, run::Run};

pub(super) fn came_to(run: &Run, asked: &Asked) -> CameTo {
    let asks = Figures::of(run, &asked.orders);
    let told = Figures::of(run, &asked.looks);
    let point = match (asks.ways.count, told.ways.count) {
        (0, _) | (_, 0) => String::new(),
        _ => [
            "By asking, a message was seen ",
            &duration(asks.ways.mean_ns()),
            " after it was taken, with ",
            &asks.requests.to_string(),
            " requests, ",
            &asks.empty.to_string(),
            " of them for nothing; by push ",
            &duration(told.ways.mean_ns()),
            " after, on ",
            &match told.requests {
                1 => "one request.".to_owned(),
                many => say(&[&many.to_string(), " requests."]),
            },
        ]
        .concat(),
    };
    CameTo {
        point,
        rows: vec![
            ("By asking seen after", asks.way_words()),
            ("its requests", asks.request_words()),
            ("By push seen after", told.way_words()),
            ("its requests", told.request_words()),
        ],
    }
}

/// How long after the topic took it a message came by one of these requests.
pub fn seen_after(run: &Run, spans: &[SpanId], message: &str) -> Option<i64> {
    let exchanges = spans.iter().filter_map(|span| run.exchange(*span));
    exchanges
        .flat_map(|exchange| {
            let is_it = |event: &&TraceEvent| event.detail.message.as_deref() == Some(message);
            let of = |kind| {
                exchange
                    .events(run)
                    .find(|event| event.kind == kind && is_it(event))
            };
            let published_ns = of(Kind::Delivered)?
                .detail
                .more
                .get("published_at_ns")?
                .as_i64()?;
            Some((of(Kind::Received)?.at_ns - published_ns).max(0))
        })
        .next()
}

//! A client that leaves.

use wire::{
    time::duration,
    trace::{Kind, TraceEvent},
};

use super::{
    Asked, CameTo, between, none_or, say, words,
    worked::{Worked, given_up_ns},
};
use crate::{
    labs::limits::knobs::{Knobs, THEN, WORK_MS},
    run::{Exchange, Run},
};

pub(super) fn came_to(run: &Run, knobs: &Knobs, asked: &Asked) -> CameTo {
    let order = asked.orders.first().and_then(|span| run.exchange(*span));
    let steps = order.map(|order| order.steps(run)).unwrap_or_default();
    let noticed = order.and_then(|order| noticed(order, run));
    let worked = Worked::of(run, &asked.orders, given_up_ns(&steps));
    let left_ns = between(steps.sent, steps.broken);
    let late_ns = between(steps.broken, noticed);
    let spared_ns = knobs.numbers[WORK_MS] as i64 * 1_000_000 - worked.ns;
    let cancels = knobs.choices[THEN] == 1;
    let point = match (steps.broken, noticed) {
        (Some(_), Some(_)) => [
            "The client left after ",
            &words(left_ns),
            "; the server noticed ",
            &words(late_ns),
            " later and ",
            if cancels { "stopped" } else { "went on" },
            ": ",
            &duration(worked.for_nobody_ns),
            " of work for nobody",
            &match cancels {
                true => say(&[", ", &duration(spared_ns.max(0)), " spared."]),
                false if worked.is_over => ".".to_owned(),
                false => " so far.".to_owned(),
            },
        ]
        .concat(),
        (Some(_), None) => "The client has left, and the server does not know.".to_owned(),
        _ if steps.end.is_some() => "The answer came before the client left.".to_owned(),
        _ => String::new(),
    };
    CameTo {
        point,
        rows: vec![
            ("Left after", words(left_ns)),
            ("Noticed after", words(late_ns)),
            ("Worked", duration(worked.ns)),
            ("of it for nobody", none_or(worked.for_nobody_ns)),
        ],
    }
}

fn noticed<'a>(exchange: &'a Exchange, run: &'a Run) -> Option<&'a TraceEvent> {
    exchange
        .events(run)
        .find(|event| event.kind == Kind::Noticed)
}

//! A job that is held, or accepted and looked after.

use wire::{
    time::duration,
    trace::{Kind, SpanId},
};

use super::{
    Asked, CameTo, between, none_or, say, words,
    worked::{Worked, given_up_ns},
};
use crate::{
    labs::limits::knobs::{ANSWER, Knobs, LONG_POLL, STREAM, WORK_MS},
    run::Run,
};

pub(super) fn came_to(run: &Run, knobs: &Knobs, asked: &Asked) -> CameTo {
    let first = asked.orders.first().and_then(|span| run.exchange(*span));
    let steps = first.map(|order| order.steps(run)).unwrap_or_default();
    let answered_ns = between(steps.sent, steps.head);
    let worked = Worked::of(run, &asked.orders, given_up_ns(&steps));
    let known_ns = match worked.end_ns {
        Some(end_ns) if worked.is_over => known_ns(run, asked, end_ns),
        _ => None,
    };
    let mut point = match (steps.status(), given_up_ns(&steps)) {
        (Some(504), Some(_)) | (None, Some(_)) => say(&[
            match steps.broken {
                Some(_) => "The connection was over after ",
                None => "The gateway gave up after ",
            },
            &words(between(steps.sent, steps.broken.or(steps.head))),
            "; the server worked ",
            &duration(worked.for_nobody_ns),
            " more, for nobody.",
        ]),
        (Some(202), _) => {
            let mut words = say(&["Accepted after ", &words(answered_ns), ". "]);
            words.push_str(&followed(run, knobs, asked, &worked, known_ns));
            words
        }
        (Some(200), _) => [
            "The response was held for ",
            &words(answered_ns),
            "; until then the page knew nothing of the job.",
        ]
        .concat(),
        _ => String::new(),
    };
    if asked.orders.len() > 1 && asked.jobs > 0 {
        point.push_str(match asked.jobs {
            1 => " Two presses made one job.",
            _ => " Two presses made two jobs.",
        });
    }
    CameTo {
        point,
        rows: vec![
            ("Answered after", words(answered_ns)),
            (
                "Requests",
                (asked.orders.len() + asked.looks.len()).to_string(),
            ),
            ("Worked", duration(worked.ns)),
            ("of it for nobody", none_or(worked.for_nobody_ns)),
            ("Known after the end", words(known_ns)),
        ],
    }
}

/// How long after the job's end the page knew of it.
fn known_ns(run: &Run, asked: &Asked, end_ns: i64) -> Option<i64> {
    let spans = asked.looks.iter().chain(&asked.orders);
    let events = spans.filter_map(|span| run.exchange(*span));
    let known = events
        .flat_map(|exchange| exchange.events(run))
        .filter(|event| matches!(event.kind, Kind::ResponseEnd | Kind::ResponseData))
        // Two clocks may disagree by as much as their error.
        .filter(|event| event.at_ns + event.error_ns as i64 >= end_ns)
        .map(|event| event.at_ns)
        .min()?;
    Some((known - end_ns).max(0))
}

/// What it took to learn of an accepted job.
fn followed(
    run: &Run,
    knobs: &Knobs,
    asked: &Asked,
    worked: &Worked,
    known_ns: Option<i64>,
) -> String {
    if worked.was_cancelled {
        let spared_ns = knobs.numbers[WORK_MS] as i64 * 1_000_000 - worked.ns;
        return [
            "Cancelled when ",
            &duration(worked.ns),
            " were worked; ",
            &duration(spared_ns.max(0)),
            " were spared.",
        ]
        .concat();
    }
    let Some(known_ns) = known_ns else {
        return "The job goes on, and no connection has to wait for it.".to_owned();
    };
    let (what, count) = match knobs.choices[ANSWER] {
        STREAM => ("Events", pieces(run, &asked.looks)),
        LONG_POLL => ("Held questions", asked.looks.len()),
        _ => ("Looks", asked.looks.len()),
    };
    say(&[
        what,
        ": ",
        &count.to_string(),
        "; the last told ",
        &duration(known_ns),
        " after the job was done.",
    ])
}

/// How many pieces of a response came by these requests.
fn pieces(run: &Run, spans: &[SpanId]) -> usize {
    let exchanges = spans.iter().filter_map(|span| run.exchange(*span));
    let events = exchanges.flat_map(|exchange| exchange.events(run));
    events
        .filter(|event| event.kind == Kind::ResponseData)
        .count()
}

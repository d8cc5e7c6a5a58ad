//! More requests at once than a browser has connections.

use wire::{time::duration, trace::SpanId};

use super::{Asked, CameTo, NOT_YET, between, say};
use crate::run::{Run, Steps};

/// How one of several requests stands that are open at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The browser has sent nothing of it yet.
    InLine,
    /// The server has it, so long after the page asked.
    Open(i64),
    /// It is over; so long it had waited before.
    Over(i64),
    /// It was given up before the server had anything of it.
    GivenUp,
}

/// How these requests stand, in their order.
pub fn places(run: &Run, spans: &[SpanId]) -> Vec<Place> {
    let place = |span: &SpanId| {
        let steps = run.exchange(*span)?.steps(run);
        // The clocks may differ by more than a quick request takes.
        let waited_ns = steps
            .first_read
            .map(|_| between(steps.sent, steps.first_read).unwrap_or(0));
        Some(match (waited_ns, steps.end.or(steps.broken)) {
            (None, None) => Place::InLine,
            (None, Some(_)) => Place::GivenUp,
            (Some(ns), None) => Place::Open(ns),
            (Some(ns), Some(_)) => Place::Over(ns),
        })
    };
    let places = spans
        .iter()
        .map(|span| place(span).unwrap_or(Place::InLine));
    places.collect()
}

/// Several times, of which the longest is told.
#[derive(Debug, Default)]
struct Several {
    count: u64,
    most_ns: i64,
}

impl Several {
    fn take(&mut self, ns: i64) {
        self.count += 1;
        self.most_ns = self.most_ns.max(ns);
    }

    fn words(&self) -> String {
        match self.count {
            0 => NOT_YET.to_owned(),
            _ => say(&["at most ", &duration(self.most_ns)]),
        }
    }
}

pub(super) fn came_to(run: &Run, asked: &Asked) -> CameTo {
    let exchanges = || asked.looks.iter().filter_map(|span| run.exchange(*span));
    let steps: Vec<Steps<'_>> = exchanges().map(|exchange| exchange.steps(run)).collect();
    let ends = steps.iter().filter_map(|steps| steps.end.or(steps.broken));
    // Before the first of them ended, no connection became free.
    let first_end_ns = ends.map(|event| event.at_ns).min().unwrap_or(i64::MAX);
    let (mut at_once, mut waited) = (Several::default(), Several::default());
    let mut in_line = 0_u64;
    for steps in &steps {
        match (steps.first_read, between(steps.sent, steps.first_read)) {
            (Some(read), Some(ns)) if read.at_ns < first_end_ns => at_once.take(ns),
            (Some(_), Some(ns)) => waited.take(ns),
            _ if steps.broken.is_none() => in_line += 1,
            _ => {}
        }
    }
    let all = asked.looks.len().to_string();
    let (quick, slow) = (at_once.count.to_string(), waited.count.to_string());
    let mut point = String::new();
    if at_once.count > 0 {
        let rest = match (in_line, waited.count) {
            (0, 0) => ".".to_owned(),
            (0, _) => say(&[
                "; ",
                &slow,
                " waited in the browser until a connection was free, up to ",
                &duration(waited.most_ns),
                ".",
            ]),
            (count, _) => say(&[
                "; ",
                &count.to_string(),
                " in line in the browser: the server has not heard of ",
                if count == 1 { "it." } else { "them." },
            ]),
        };
        point = say(&[
            &quick,
            " of ",
            &all,
            " requests reached the server at once",
            &rest,
        ]);
    }
    CameTo {
        point,
        rows: vec![
            ("At the server at once", quick),
            ("after", at_once.words()),
            ("In line before", slow),
            ("for", waited.words()),
        ],
    }
}

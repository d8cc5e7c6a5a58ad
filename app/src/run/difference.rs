//! What two runs differ in, in words.

use wire::{time::duration, trace::TraceEvent};

use super::{Run, Steps};

/// Differences below this share of the longer time are not worth a word.
const SAME_SHARE: f64 = 0.03;

impl Run {
    /// How the last answered request of this run compares with that of a kept one, in a sentence; where neither has an
    /// answered request, how long each run lasts.
    pub fn difference_from(&self, kept: &Run) -> String {
        let length = |run: &Run| {
            run.span_ns()
                .map_or(0, |(first, last)| last.saturating_sub(first))
        };
        match (answered(self), answered(kept)) {
            (Some(this), Some(other)) => of_requests(&this, &other),
            (None, Some(other)) => format!(
                "This run has no answer so far; the kept one took {}.",
                duration(whole(&other))
            ),
            (Some(this), None) => format!(
                "This run took {}; the kept one has no answer.",
                duration(whole(&this))
            ),
            (None, None) => sentence(length(self), length(kept), ""),
        }
    }
}

/// The last exchange that has both its ends.
fn answered(run: &Run) -> Option<Steps<'_>> {
    run.exchanges()
        .iter()
        .rev()
        .map(|exchange| exchange.steps(run))
        .find(|steps| steps.whole().or_else(|| steps.at_server()).is_some())
}

/// How long an exchange took, in nanoseconds: at the browser if it was there, else at the server.
fn whole(steps: &Steps<'_>) -> i64 {
    let stretch = steps.whole().or_else(|| steps.at_server());
    stretch.map_or(0, |stretch| stretch.ns())
}

fn of_requests(this: &Steps<'_>, kept: &Steps<'_>) -> String {
    let took =
        |event: Option<&TraceEvent>| event.and_then(|event| event.duration_ns).unwrap_or(0) as i64;
    let parts = |steps: &Steps<'_>| {
        [
            (took(steps.parse), "parsing"),
            (took(steps.body), "on the body"),
            (steps.worked_ns, "working"),
            (steps.on_the_way_ns().unwrap_or(0), "on the way"),
        ]
    };
    let (a, b) = (whole(this), whole(kept));
    // The part that differs most, in the direction in which the whole differs.
    let sign = (a - b).signum();
    let most = parts(this)
        .into_iter()
        .zip(parts(kept))
        .map(|((x, name), (y, _))| ((x - y) * sign, name))
        .max();
    let because = match most {
        Some((ns, name)) if ns > 0 && ns as f64 > (a - b).abs() as f64 * 0.3 => {
            format!(", {} of it {name}", duration(ns.min((a - b).abs())))
        }
        _ => String::new(),
    };
    sentence(a, b, &because)
}

fn sentence(this_ns: i64, kept_ns: i64, because: &str) -> String {
    let apart = this_ns - kept_ns;
    let (this, kept) = (duration(this_ns), duration(kept_ns));
    if (apart.abs() as f64) <= this_ns.max(kept_ns) as f64 * SAME_SHARE {
        return format!("This run took {this}, the kept one {kept}: as long.");
    }
    let word = if apart < 0 { "quicker" } else { "slower" };
    format!(
        "This run took {this}, the kept one {kept}: {} {word}{because}.",
        duration(apart.abs())
    )
}

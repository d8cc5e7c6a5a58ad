//! What two runs differ in, in words.

use wire::{time::duration, trace::TraceEvent};

use super::{Run, Steps};

/// Differences below this share of the longer time are not worth a word.
const SAME_SHARE: f64 = 0.03;

impl Run {
    /// How the last answered request of this run compares with that of a kept one, in a sentence; without an answered
    /// request, how long each run lasts.
    pub fn difference_from(&self, kept: &Run) -> String {
        if let (Some(this), Some(other)) = (answered(self), answered(kept)) {
            return of_requests(&this, &other);
        }
        let length = |run: &Run| {
            run.span_ns()
                .map_or(0, |(first, last)| last.saturating_sub(first))
        };
        sentence(length(self), length(kept), "")
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

fn of_requests(this: &Steps<'_>, kept: &Steps<'_>) -> String {
    let whole = |steps: &Steps<'_>| {
        let stretch = steps.whole().or_else(|| steps.at_server());
        stretch.map_or(0, |stretch| stretch.ns())
    };
    let took =
        |event: Option<&TraceEvent>| event.and_then(|event| event.duration_ns).unwrap_or(0) as i64;
    let parts = |steps: &Steps<'_>| {
        [
            (took(steps.parse), "parsing"),
            (took(steps.body), "on the body"),
            (took(steps.process), "working"),
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

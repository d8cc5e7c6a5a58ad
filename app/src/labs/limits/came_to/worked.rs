//! The work that a job took, and how much of it was for nobody.

use wire::trace::{Kind, SpanId};

use crate::run::{Run, Steps};

/// How long a job was worked on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Worked {
    pub(super) ns: i64,
    /// Since nobody waited any more.
    pub(super) for_nobody_ns: i64,
    /// When its last step so far was over.
    pub(super) end_ns: Option<i64>,
    /// Is it over?
    pub(super) is_over: bool,
    pub(super) was_cancelled: bool,
}

impl Worked {
    /// The work that these requests ordered; since `given_up_ns` nobody waits for it.
    pub(super) fn of(run: &Run, orders: &[SpanId], given_up_ns: Option<i64>) -> Worked {
        let mut worked = Worked::default();
        let exchanges = orders.iter().filter_map(|span| run.exchange(*span));
        for event in exchanges.flat_map(|exchange| exchange.events(run)) {
            let words = event.detail.summary.as_deref().unwrap_or_default();
            if event.kind != Kind::Process || !words.starts_with("step ") {
                continue;
            }
            let end_ns = event.end_ns();
            worked.ns += end_ns - event.at_ns;
            if let Some(given_up_ns) = given_up_ns {
                worked.for_nobody_ns += (end_ns - event.at_ns.max(given_up_ns)).max(0);
            }
            worked.end_ns = worked.end_ns.max(Some(end_ns));
            worked.was_cancelled |= words.ends_with(", cancelled");
            worked.is_over |= worked.was_cancelled || words.starts_with("step 20 ");
        }
        worked
    }
}

/// When nobody waited any more: the gateway gave up, the client left, or the connection broke.
pub(super) fn given_up_ns(steps: &Steps<'_>) -> Option<i64> {
    let gateway = steps
        .respond
        .filter(|event| event.detail.status == Some(504));
    Some(gateway.or(steps.broken)?.at_ns)
}

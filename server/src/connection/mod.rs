//! Connections: the accept loop, deadlines and caps, the tap that sees each connection's bytes and times, and what every
//! request passes on its way to a handler.
//!
//! Architecture invariant: no handler and no lab knows the tap. They see an [`Exchange`], which is there for every
//! request and records nothing when the request joined no run.

mod accept;
mod admission;
mod again;
mod entry;
mod exchange;
mod faults;
mod gate;
mod headers;
mod host;
mod lockfree;
mod mask;
mod messages;
mod open;
mod order;
mod origin;
mod probe;
mod recording;
mod refusal;
mod settling;
mod signals;
pub(crate) mod streams;
mod system;
mod tap;
#[cfg(test)]
mod tests;
mod upgraded;

pub use accept::serve;
pub use admission::Connections;
pub(crate) use exchange::Arrival;
pub use exchange::Exchange;
pub use faults::describe as describe_faults;
pub use probe::router;

use axum::{Router, extract::DefaultBodyLimit, middleware::from_fn_with_state};

use crate::{AppState, extract::DEFAULT_BODY_MAX};

/// Wraps the routes in what every request passes: joining a run, host and origin checks, problem documents for every
/// error, `Server-Timing` and the header fields that all responses carry. A body that a handler wants in memory has a
/// limit; one that streams its body counts for itself.
pub fn layers(routes: Router<AppState>, state: &AppState) -> Router<AppState> {
    routes
        .layer(DefaultBodyLimit::max(
            usize::try_from(DEFAULT_BODY_MAX).unwrap_or(usize::MAX),
        ))
        .layer(from_fn_with_state(state.clone(), gate::pass))
}

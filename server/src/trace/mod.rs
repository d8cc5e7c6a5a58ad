//! The trace: runs, what is recorded into them, and who watches.
//!
//! Architecture invariant: nothing here knows a lab, HTTP's framing or the connection below; it takes events and hands
//! them out. Emitting never waits: what cannot be taken is dropped and counted.

mod recorder;

pub use recorder::{Draft, Recorder, RunHandle};

use utoipa_axum::router::OpenApiRouter;

use crate::AppState;

/// The routes below `/api/runs`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
}

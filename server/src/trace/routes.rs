//! `/api/runs/{run}` and its feed.

use axum::{
    extract::{State, ws::WebSocketUpgrade},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};
use wire::{
    Problem,
    limits::{FEED_FRAME_BYTES_MAX, FEEDS_PER_RUN_MAX, RUNS_MAX},
    trace::TraceId,
};

use super::{feed, store::Known};
use crate::{
    AppState, Error, Result,
    address::Counted,
    extract::{Json, Path, Upgrade},
};

/// The routes below `/api/runs`.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(whole_run))
        .routes(routes!(follow_run))
}

/// A whole run
///
/// Everything that was recorded under a trace id until now, whether a page has opened the run or not. Whoever knows
/// the id may read it.
#[utoipa::path(
    get,
    path = "/api/runs/{run}",
    tag = "Runs",
    params(("run" = TraceId, Path, description = "The run's trace id (W3C Trace Context)")),
    responses(
        (status = 200, description = "The run", body = wire::trace::Run),
        (status = 400, description = "That is not a trace id", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nobody has named this run", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "The run was there and was let go; `detail` says why", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn whole_run(State(state): State<AppState>, Path(run): Path<TraceId>) -> Result<Response> {
    match state.recorder().get(run).await {
        Known::Run(run) => Ok(Json(run.whole()).into_response()),
        Known::Gone(ended) => Err(Error::Gone(ended.why())),
        Known::Nothing => Err(Error::NotFound(format!(
            "There is no run {run}. A run begins when a page opens it or a request names it in its traceparent."
        ))),
    }
}

/// A run's feed
///
/// A WebSocket with JSON text frames. Opening it opens the run. Down come `opened`, then everything recorded so far,
/// then what happens, as it happens; up go `hello`, the browser's own `events`, and `clock` questions (the four
/// timestamps of NTP).
#[utoipa::path(
    get,
    path = "/api/runs/{run}/feed",
    tag = "Runs",
    params(("run" = TraceId, Path, description = "The run's trace id (W3C Trace Context)")),
    responses(
        (status = 101, description = "The feed is open"),
        (status = 400, description = "That is not a trace id", body = Problem, content_type = "application/problem+json"),
        (status = 426, description = "The request does not ask for a WebSocket", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many runs or feeds at once", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn follow_run(
    State(state): State<AppState>,
    Path(run): Path<TraceId>,
    Counted(from): Counted,
    Upgrade(upgrade): Upgrade,
) -> Result<Response> {
    // Before the run is opened, which may cost another one its place.
    let most = state.config().limits.feeds_per_address;
    let place = state.feeds().take(from, most).ok_or(Error::TooMany {
        what: "Feeds from your address",
        limit: most as u64,
    })?;
    let run = state.recorder().open(run).ok_or(Error::TooMany {
        what: "Runs that somebody watches",
        limit: RUNS_MAX as u64,
    })?;
    if run.run().watchers() >= FEEDS_PER_RUN_MAX {
        return Err(Error::TooMany {
            what: "Feeds that follow one run",
            limit: FEEDS_PER_RUN_MAX as u64,
        });
    }
    // From here on the run counts as watched.
    let progress = run.run().watch();
    let stopping = state.stopping().clone();
    Ok(bounded(upgrade).on_upgrade(async move |socket| {
        feed::follow(socket, run, progress, stopping).await;
        drop(place);
    }))
}

/// Thousands of feeds may be open: their buffers begin small, and a frame has a bound.
fn bounded(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(4 * 1024)
        .write_buffer_size(4 * 1024)
        .max_write_buffer_size(1024 * 1024)
        .max_message_size(FEED_FRAME_BYTES_MAX)
        .max_frame_size(FEED_FRAME_BYTES_MAX)
}

//! A job's progress as an event stream (HTML Standard, "Server-sent events"): it ends with the job.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use tokio::time::timeout;
use utoipa_axum::{router::OpenApiRouter, routes};
use wire::{
    Problem,
    limits::{SSE_HEARTBEAT_S, SSE_RETRY_MS},
};

use super::{asked::JobPath, none};
use crate::{AppState, Result, jobs::Job};

/// The id of the last event: who names it has seen all.
const OVER: &str = "over";

/// The stream's endpoint.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(follow))
}

/// Follow a job: an event stream.
///
/// Each event's data is how the job stands, and its id the number of steps that are done; the last one's id is `over`, and
/// the stream ends behind it. An `EventSource` would connect again: with `Last-Event-ID: over` it is told by 204 that there
/// is nothing more.
#[utoipa::path(
    get,
    path = "/api/jobs/{id}/events",
    params(
        JobPath,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event seen."),
    ),
    responses(
        (status = 200, body = String, content_type = "text/event-stream", description = "The stream. It ends with the job."),
        (status = 204, description = "All has been seen."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such job, or it is forgotten."),
    ),
)]
async fn follow(
    State(app): State<AppState>,
    JobPath { id }: JobPath,
    headers: HeaderMap,
) -> Result<Response> {
    let job = app.jobs().get(id).ok_or_else(|| none(&id))?;
    let last_seen = headers.get(HeaderName::from_static("last-event-id"));
    if last_seen.is_some_and(|id| id == OVER) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let fields = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    let fields = fields.map(|(name, value)| (name, HeaderValue::from_static(value)));
    Ok((fields, body(job)).into_response())
}

/// What of the stream has been sent.
enum Sent {
    Nothing,
    Something,
    All,
}

fn body(job: Job) -> Body {
    let pieces = stream::unfold((job, Sent::Nothing), |(mut job, sent)| async move {
        let retry = match sent {
            Sent::All => return None,
            Sent::Nothing => format!("retry: {SSE_RETRY_MS}\n"),
            Sent::Something => {
                let silence = Duration::from_secs(SSE_HEARTBEAT_S);
                if timeout(silence, job.moved()).await.is_err() {
                    let beat = Bytes::from_static(b": still here\n");
                    return Some((Ok::<_, Infallible>(beat), (job, Sent::Something)));
                }
                String::new()
            }
        };
        let standing = job.look();
        let (id, sent) = match standing.state.is_over() {
            true => (OVER.to_owned(), Sent::All),
            false => (standing.steps.to_string(), Sent::Something),
        };
        let data = serde_json::to_string(&job.status()).unwrap_or_default();
        let event = format!("{retry}id: {id}\ndata: {data}\n\n");
        Some((Ok(event.into()), (job, sent)))
    });
    Body::from_stream(pieces)
}

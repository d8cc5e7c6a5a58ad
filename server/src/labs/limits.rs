//! Where request–response ends: a job of minutes, a client that leaves, and whoever has to wait in line.
//!
//! - One request and one response are enough while the answer comes soon. Somewhere between seconds and minutes the client,
//!   or something in between, gives up, and nobody knows what became of the work.
//! - So answer at once: 202 (RFC 9110 §15.3.3) with the job's address in `Location`. The client looks there as it likes: now
//!   and then (`Retry-After`, §10.2.3), held until it is over (`Prefer: wait`, RFC 7240 §4.3), or as an event stream.
//! - It costs a place to keep jobs, an id that can be asked for, and a rule for how long.
//!
//! [`held`] does it the other way, for comparison: the response waits for the job. The work is in `jobs/`; the chat of this
//! lab is a topic like any other.

mod asked;
mod events;
mod held;

use std::time::{Duration, Instant};

use axum::{
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::time::timeout;
use utoipa_axum::{router::OpenApiRouter, routes};
use wire::{
    Problem,
    jobs::{JOBS_PATH, JobOrder, JobStatus},
    limits::JOB_WAIT_S_MAX,
    trace::Kind,
};

use super::{topic::request::idempotency_key, wait::Wait};
use crate::{
    AppState, Error, Result,
    address::Counted,
    connection::Exchange,
    extract::Query,
    jobs::{Job, Ordered, Step, Witness},
};
use asked::{Answer, JobPath, Looking, Order, Ordering};

/// The lab's endpoints.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(order))
        .routes(routes!(look, cancel))
        .merge(events::router())
}

/// Order a job.
///
/// `answer=accepted` answers at once, and says where the job is. `answer=wait` holds the response until the job is done, or
/// until `timeout_ms` are over: then the answer is what a gateway in between would say, 504, and the job goes on.
#[utoipa::path(
    post,
    path = "/api/jobs",
    params(
        Ordering,
        ("Idempotency-Key" = Option<String>, Header, max_length = 255, pattern = "^[!-~]+$",
            description = "The same key with the same order is the same job, as long as the job is kept (10 minutes when it is over)."),
    ),
    request_body = JobOrder,
    responses(
        (status = 202, body = JobStatus, description = "The job is taken.", headers(
            ("Location" = String, description = "Where the job is."),
            ("Retry-After" = String, description = "After how many seconds to look again."),
            ("Idempotency-Replayed" = String, description = "`true` where the key had ordered it before."))),
        (status = 200, body = JobStatus, description = "With `answer=wait`: the job is done.", headers(
            ("Idempotency-Replayed" = String, description = "`true` where the key had ordered it before."))),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "Not an order, or out of its bounds."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "With `answer=wait`: the job was cancelled."),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "The body is too large."),
        (status = 415, body = Problem, content_type = "application/problem+json", description = "The body is not JSON."),
        (status = 422, body = Problem, content_type = "application/problem+json", description = "The key was used for another order."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "Too many jobs are unfinished."),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The server is stopping."),
        (status = 504, body = Problem, content_type = "application/problem+json", description = "With `answer=wait`: `timeout_ms` were over first."),
    ),
)]
async fn order(
    State(app): State<AppState>,
    exchange: Exchange,
    Counted(address): Counted,
    Query(asked): Query<Ordering>,
    headers: HeaderMap,
    Order(order): Order,
) -> Result<Response> {
    let asked = asked.within_bounds()?;
    let key = idempotency_key(&headers)?;
    let witness = Timeline(exchange.clone());
    let Ordered { job, was_known } = app.jobs().order(order, key.as_deref(), address, witness)?;

    let mut response = match asked.answer {
        Answer::Accepted => accepted(&job)?,
        Answer::Wait => held::answer(job, exchange, &asked, app.stopping()).await?,
    };
    if was_known {
        let replayed = HeaderName::from_static("idempotency-replayed");
        let yes = HeaderValue::from_static("true");
        response.headers_mut().insert(replayed, yes);
    }
    Ok(response)
}

/// Look at a job.
///
/// At once, or with `wait` as soon as it is over. As long as it is not over, the answer says when to look again.
#[utoipa::path(
    get,
    path = "/api/jobs/{id}",
    params(
        JobPath,
        Looking,
        ("Prefer" = Option<String>, Header, description = "`wait=N` means the same as the query's `wait` (RFC 7240); the query wins."),
    ),
    responses(
        (status = 200, body = JobStatus, description = "How the job stands.", headers(
            ("Retry-After" = String, description = "After how many seconds to look again; not where it is over."),
            ("Preference-Applied" = String, description = "Where `Prefer: wait` was followed."))),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "The wait is out of its bounds."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such job, or it is forgotten."),
    ),
)]
async fn look(
    State(app): State<AppState>,
    exchange: Exchange,
    JobPath { id }: JobPath,
    Query(Looking { wait }): Query<Looking>,
    headers: HeaderMap,
) -> Result<Response> {
    let wait = Wait::asked(wait, &headers, JOB_WAIT_S_MAX)?;
    let mut job = app.jobs().get(id).ok_or_else(|| none(&id))?;
    let began = Instant::now();
    if let Some(wait) = wait {
        // Over or not when the time is: the answer says how it stands.
        let _ = timeout(wait.longest(), job.over()).await;
        exchange.stretch(Kind::Process, began);
    }
    let mut response = status(StatusCode::OK, &job);
    if let Some(wait) = wait {
        wait.say_applied(response.headers_mut())?;
    }
    Ok(response)
}

/// Cancel a job.
///
/// It ends within its present step. Cancelled twice, it is cancelled once.
#[utoipa::path(
    delete,
    path = "/api/jobs/{id}",
    params(JobPath),
    responses(
        (status = 200, body = JobStatus, description = "The job is cancelled."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such job, or it is forgotten."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "The job was done before."),
    ),
)]
async fn cancel(State(app): State<AppState>, JobPath { id }: JobPath) -> Result<Response> {
    let mut job = app.jobs().get(id).ok_or_else(|| none(&id))?;
    job.cancel();
    match job.over().await.state {
        wire::jobs::JobState::Cancelled => Ok(status(StatusCode::OK, &job)),
        _ => Err(Error::Conflict(
            "The job was done before it could be cancelled. Its result is where it was.".into(),
        )),
    }
}

/// 202: taken, not done; and where to look.
fn accepted(job: &Job) -> Result<Response> {
    let mut response = status(StatusCode::ACCEPTED, job);
    let location = HeaderValue::try_from(format!("{JOBS_PATH}/{}", job.id()));
    let location = location.map_err(|cause| Error::Internal(cause.into()))?;
    response.headers_mut().insert(header::LOCATION, location);
    Ok(response)
}

/// How the job stands, and when to look again unless it is over.
fn status(code: StatusCode, job: &Job) -> Response {
    let told = job.status();
    let no_store = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let again = (header::RETRY_AFTER, again_s(job).into());
    let is_over = told.state.is_over();
    let answer = axum::Json(told);
    match is_over {
        true => (code, [no_store], answer).into_response(),
        false => (code, [no_store, again], answer).into_response(),
    }
}

/// After how many seconds it is worth looking again: a quarter of the job, and a few seconds at most.
fn again_s(job: &Job) -> u64 {
    let quarter = Duration::from_millis(job.order().work_ms / 4);
    quarter.as_secs().clamp(1, 10)
}

fn none(id: &crate::jobs::JobId) -> Error {
    Error::NotFound(format!(
        "There is no job {id}: it never was, or it has been over for ten minutes and is forgotten."
    ))
}

/// Draws the steps of a job on the timeline of the request that ordered it.
struct Timeline(Exchange);

impl Witness for Timeline {
    fn step(&self, step: Step) {
        let Timeline(exchange) = self;
        exchange.stretch_with(Kind::Process, step.began, |process| {
            let end = if step.was_cancelled {
                ", cancelled"
            } else {
                ""
            };
            let words = format!("step {} of {}{end}", step.number, wire::jobs::JOB_STEPS);
            process.with(|detail| detail.summary = Some(words))
        });
    }
}

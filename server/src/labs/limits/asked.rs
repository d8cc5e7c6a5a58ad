//! What requests about jobs carry, read and bounded.

use std::time::Duration;

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use wire::{
    echo::Work,
    jobs::JobOrder,
    limits::{JOB_CPU_MS_MAX, JOB_TIMEOUT_MS_MAX, JOB_WORK_MS_MAX},
};

use crate::{
    Error, Result,
    extract::{Json, Path, as_whole_numbers},
    jobs::{self, JobId},
};

/// When an order is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// At once, with 202.
    #[default]
    Accepted,
    /// When the job is done.
    Wait,
}

/// What becomes of a job whose client is gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum OnDisconnect {
    /// It goes on.
    #[default]
    Ignore,
    /// It is cancelled.
    Cancel,
}

/// The query of an order.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Ordering {
    /// `accepted` answers at once, `wait` when the job is done.
    #[serde(default)]
    #[param(inline)]
    pub(super) answer: Answer,
    /// With `answer=wait`: how long something in between would wait, in milliseconds; 0 for as long as it takes.
    #[serde(default)]
    #[param(minimum = 0, maximum = 60_000, default = 0)]
    pub(super) timeout_ms: u64,
    /// With `answer=wait`: what becomes of the job when the client is gone before it has its answer.
    #[serde(default)]
    #[param(inline)]
    pub(super) on_disconnect: OnDisconnect,
}

impl Ordering {
    pub(super) fn within_bounds(self) -> Result<Ordering> {
        bounded("timeout_ms", self.timeout_ms, JOB_TIMEOUT_MS_MAX)?;
        Ok(self)
    }

    /// How long to wait at most; `None` for as long as it takes.
    pub(super) fn patience(&self) -> Option<Duration> {
        (self.timeout_ms > 0).then(|| Duration::from_millis(self.timeout_ms))
    }
}

/// The query of a look.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Looking {
    /// How long to hold the answer until the job is over, in seconds.
    #[param(minimum = 0, maximum = 60)]
    pub(super) wait: Option<u64>,
}

/// The order: a JSON object, within its bounds.
pub(super) struct Order(pub(super) JobOrder);

impl<S: Send + Sync> FromRequest<S> for Order {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let Json(mut body) = Json::<Value>::from_request(request, state).await?;
        as_whole_numbers(&mut body);
        // serde would take an array for a struct.
        if !body.is_object() {
            return Err(Error::BadRequest("An order is a JSON object.".into()));
        }
        let order: JobOrder = serde_json::from_value(body)
            .map_err(|wrong| Error::BadRequest(format!("This is no order: {wrong}.")))?;
        let (what, most) = match order.work {
            Work::Wait => ("work_ms", JOB_WORK_MS_MAX),
            Work::Cpu => ("work_ms with work=cpu", JOB_CPU_MS_MAX),
        };
        bounded(what, order.work_ms, most)?;
        Ok(Order(order))
    }
}

fn bounded(what: &'static str, value: u64, most: u64) -> Result<()> {
    if value <= most {
        return Ok(());
    }
    Err(Error::OutOfBounds {
        what,
        value,
        bound: 0..=most,
        unit: "ms",
    })
}

/// The job that the path names.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct JobPath {
    /// The job: what `Location` said when it was ordered.
    #[param(value_type = String, pattern = "^[0-9a-f]{16}$", example = "a3ce929d0e0e4736")]
    pub(super) id: JobId,
}

impl<S: Send + Sync> FromRequestParts<S> for JobPath {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Path(id) = Path::<String>::from_request_parts(parts, state).await?;
        match id.parse() {
            Ok(id) => Ok(JobPath { id }),
            Err(()) => Err(Error::NotFound(
                "No job has such an id: it is 16 hex digits in lower case.".into(),
            )),
        }
    }
}

impl From<jobs::Error> for Error {
    fn from(error: jobs::Error) -> Self {
        let too_many = |what, limit: usize| Error::TooMany {
            what,
            limit: limit as u64,
        };
        match error {
            jobs::Error::TooMany(limit) => too_many("Unfinished jobs", limit),
            jobs::Error::TooManyFromAddress(limit) => {
                too_many("Unfinished jobs from your address", limit)
            }
            jobs::Error::KeyReused => Error::Unprocessable(
                "This Idempotency-Key has ordered another job. Send a new key.".into(),
            ),
            jobs::Error::Closed => {
                Error::Unavailable("The server is stopping. Try again in a moment.".into())
            }
        }
    }
}

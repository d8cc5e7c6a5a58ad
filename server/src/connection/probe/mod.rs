//! `POST /api/probe`: a raw client inside the server, for requests that a browser cannot send.
//!
//! It sends exactly the bytes that it is given over a connection of its own to this server's own port, and to no other,
//! and hands back the bytes that came as they were. Its connection belongs to the run of the request that asked for it,
//! from its first byte on: so the timeline shows also what never became a request.

mod client;

use std::time::Duration;

use axum::{
    Extension,
    body::{Body, Bytes, to_bytes},
    extract::State,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use wire::{
    Problem,
    limits::{PROBE_BYTES_MAX, PROBE_GAP_MS_MAX, PROBE_PIECES_MAX, PROBES_MAX},
    trace::{Kind, SpanId},
};

use self::client::Plan;
use super::{Exchange, admission::FromProbe};
use crate::{AppState, Error, Result, extract::Query};

/// The probe's route.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(probe))
}

/// How to send the bytes.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Sending {
    /// In how many pieces of equal length.
    #[serde(default = "one")]
    #[param(minimum = 1, maximum = 64, default = 1)]
    pieces: u64,
    /// The pause between two pieces, in milliseconds.
    #[serde(default)]
    #[param(maximum = 2000, default = 0)]
    gap_ms: u64,
}

const fn one() -> u64 {
    1
}

/// Send raw bytes to this server
///
/// The body goes out as it is over a new connection to this server's own port; what comes back is the answer, as it is:
/// status line, header fields, framing and all. `Probe-End` says why it ends where it ends: `complete` (every whole
/// request got its whole answer), `closed` (by the server), `idle` (nothing came for 15 s) or `bound` (1 MiB, or 45 s in
/// all). Where the request joins a run, `Probe-Exchange` names the exchange that the inner request is recorded under.
#[utoipa::path(
    post,
    path = "/api/probe",
    tag = "Request–response",
    params(Sending),
    request_body(content = Option<String>, content_type = "application/octet-stream", description = "The bytes to send, at most 64 KiB."),
    responses(
        (status = 200, description = "What came back", body = String, content_type = "application/octet-stream", headers(
            ("Probe-End" = String, description = "`complete`, `closed`, `idle` or `bound`"),
            ("Probe-Exchange" = Option<String>, description = "The inner exchange's id in the run, 16 hex digits"))),
        (status = 400, description = "No such way to send", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The probe does not probe itself", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "More than 64 KiB", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many probes at once", body = Problem, content_type = "application/problem+json"),
    )
)]
async fn probe(
    State(state): State<AppState>,
    exchange: Exchange,
    from_probe: Option<Extension<FromProbe>>,
    Query(sending): Query<Sending>,
    body: Body,
) -> Result<Response> {
    if from_probe.is_some() {
        return Err(Error::Forbidden(
            "The probe does not probe itself: a request could multiply without end.".into(),
        ));
    }
    let bytes = raw_request(body).await?;
    let plan = Plan {
        to: state.connections().own_address()?,
        bytes,
        pieces: usize::try_from(bounded("pieces", sending.pieces, 1, PROBE_PIECES_MAX)?)
            .unwrap_or(1),
        gap: Duration::from_millis(bounded("gap_ms", sending.gap_ms, 0, PROBE_GAP_MS_MAX)?),
    };
    let connections = state.connections();
    let _place = connections
        .probes()
        .try_acquire()
        .map_err(|_| Error::TooMany {
            what: "Probes",
            limit: PROBES_MAX as u64,
        })?;
    let inner = exchange.run().map(|run| (run.clone(), new_exchange()));
    let since = std::time::Instant::now();
    let answer = plan.send(connections, inner.clone()).await?;
    exchange.stretch(Kind::Process, since);
    let mut response = answer.bytes.into_response();
    let fields = response.headers_mut();
    fields.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    fields.insert(
        HeaderName::from_static("probe-end"),
        HeaderValue::from_static(answer.end.name()),
    );
    if let Some((_, exchange)) = inner {
        // Hex digits are a header value.
        if let Ok(exchange) = HeaderValue::try_from(exchange.to_string()) {
            fields.insert(HeaderName::from_static("probe-exchange"), exchange);
        }
    }
    Ok(response)
}

async fn raw_request(body: Body) -> Result<Bytes> {
    let limit = usize::try_from(PROBE_BYTES_MAX).unwrap_or(usize::MAX);
    to_bytes(body, limit).await.map_err(|error| {
        let too_large = std::error::Error::source(&error)
            .is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>());
        if too_large {
            Error::TooLarge {
                what: "The raw request",
                limit: PROBE_BYTES_MAX,
                unit: "bytes",
            }
        } else {
            Error::BadRequest("The body broke off before its end.".into())
        }
    })
}

fn bounded(what: &str, value: u64, least: u64, most: u64) -> Result<u64> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(Error::BadRequest(format!(
            "{what} must be from {least} to {most}."
        )))
    }
}

/// An id for the inner exchange. The page draws its own: 64 random bits keep them apart.
fn new_exchange() -> SpanId {
    loop {
        if let Some(id) = SpanId::new(rand::random()) {
            return id;
        }
    }
}

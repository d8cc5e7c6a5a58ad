//! The one error of all handlers. It becomes `application/problem+json` (RFC 9457); an internal cause is logged once
//! and never sent.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hyper::ext::ReasonPhrase;
use wire::{Problem, problem::PROBLEM_JSON};

/// What a handler can fail with.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is not what this endpoint takes.
    #[error("{0}")]
    BadRequest(String),
    /// Nothing has this address.
    #[error("{0}")]
    NotFound(String),
    /// The address exists; this method does not.
    #[error("{0}")]
    MethodNotAllowed(String),
    /// It may not be done from there.
    #[error("{0}")]
    Forbidden(String),
    /// It does not fit what is there.
    #[error("{0}")]
    Conflict(String),
    /// It was there and is gone.
    #[error("{0}")]
    Gone(String),
    /// The `Host` is none of this server's.
    #[error("{0}")]
    Misdirected(String),
    /// A precondition failed.
    #[error("{0}")]
    PreconditionFailed(String),
    /// The body is of a type that this endpoint does not take.
    #[error("{0}")]
    UnsupportedMediaType(String),
    /// Something is larger than its limit.
    #[error("{what}: at most {limit} {unit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit.
        limit: u64,
        /// The limit's unit.
        unit: &'static str,
    },
    /// A figure in the request is beyond its bound.
    #[error("{what}={value} is beyond its bound: {start} to {end} {unit}", start = .bound.start(), end = .bound.end())]
    OutOfBounds {
        /// The figure's name.
        what: &'static str,
        /// What was asked for.
        value: u64,
        /// What may be asked for.
        bound: std::ops::RangeInclusive<u64>,
        /// The figure's unit; empty where it has none.
        unit: &'static str,
    },
    /// A cap is reached; it may work again later.
    #[error("{what}: at most {limit} at once")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// The cap.
        limit: u64,
    },
    /// The request is well formed and still makes no sense.
    #[error("{0}")]
    Unprocessable(String),
    /// The bytes are not those that a checksum was made of (tus).
    #[error("{0}")]
    ChecksumMismatch(String),
    /// The peer was too slow.
    #[error("{0}")]
    Timeout(String),
    /// Something in between gave up waiting for the answer.
    #[error("{0}")]
    GatewayTimeout(String),
    /// The server is stopping.
    #[error("{0}")]
    Unavailable(String),
    /// The storage cannot take it now (disk full, read-only).
    #[error("{0}")]
    Storage(String),
    /// This address speaks WebSocket only.
    #[error("{0}")]
    UpgradeRequired(String),
    /// A fault of ours. The cause is logged, not sent.
    #[error("internal error")]
    Internal(#[source] anyhow::Error),
}

/// A handler's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<anyhow::Error> for Error {
    fn from(cause: anyhow::Error) -> Self {
        Error::Internal(cause)
    }
}

impl From<std::io::Error> for Error {
    fn from(cause: std::io::Error) -> Self {
        Error::Internal(cause.into())
    }
}

impl Error {
    /// Status code, stable slug and title.
    fn class(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Error::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad-request", "Bad request"),
            Error::NotFound(_) => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Error::MethodNotAllowed(_) => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "Method not allowed",
            ),
            Error::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden", "Forbidden"),
            Error::Conflict(_) => (StatusCode::CONFLICT, "conflict", "Conflict"),
            Error::Gone(_) => (StatusCode::GONE, "gone", "Gone"),
            Error::Misdirected(_) => (
                StatusCode::MISDIRECTED_REQUEST,
                "misdirected",
                "Not this server's name",
            ),
            Error::PreconditionFailed(_) => (
                StatusCode::PRECONDITION_FAILED,
                "precondition-failed",
                "Precondition failed",
            ),
            Error::UnsupportedMediaType(_) => (
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "Unsupported media type",
            ),
            Error::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large"),
            Error::OutOfBounds { .. } => {
                (StatusCode::BAD_REQUEST, "out-of-bounds", "Beyond a bound")
            }
            Error::TooMany { .. } => (StatusCode::TOO_MANY_REQUESTS, "too-many", "Too many"),
            Error::Unprocessable(_) => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "unprocessable",
                "Makes no sense",
            ),
            Error::ChecksumMismatch(_) => (
                checksum_mismatch(),
                "checksum-mismatch",
                "Checksum mismatch",
            ),
            Error::Unavailable(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "Not available now",
            ),
            Error::GatewayTimeout(_) => (
                StatusCode::GATEWAY_TIMEOUT,
                "gateway-timeout",
                "Gateway timeout",
            ),
            Error::Timeout(_) => (StatusCode::REQUEST_TIMEOUT, "timeout", "Too slow"),
            Error::Storage(_) => (
                StatusCode::INSUFFICIENT_STORAGE,
                "storage",
                "The storage cannot take it",
            ),
            Error::UpgradeRequired(_) => (
                StatusCode::UPGRADE_REQUIRED,
                "upgrade-required",
                "WebSocket only",
            ),
            Error::Internal(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "Internal error",
            ),
        }
    }

    /// The problem document for this error.
    pub fn problem(&self) -> Problem {
        let (status, slug, title) = self.class();
        let limit = match self {
            Error::TooLarge { limit, .. } | Error::TooMany { limit, .. } => Some(*limit),
            Error::OutOfBounds { value, bound, .. } if value < bound.start() => {
                Some(*bound.start())
            }
            Error::OutOfBounds { bound, .. } => Some(*bound.end()),
            _ => None,
        };
        let detail = match self {
            Error::Internal(_) => {
                "Something failed inside the server. It is in the server's log.".to_owned()
            }
            other => other.to_string(),
        };
        Problem {
            kind: format!("/problems/{slug}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: Some(detail),
            limit,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        if let Error::Internal(cause) = &self {
            tracing::error!(
                cause = format!("{cause:#}"),
                "a request failed inside the server"
            );
        }
        let mut response = problem_response(&self.problem());
        if let Error::ChecksumMismatch(_) = self {
            // No registry has this status: its name comes along.
            let name = ReasonPhrase::from_static(b"Checksum Mismatch");
            response.extensions_mut().insert(name);
        }
        if let Error::UpgradeRequired(_) = self {
            // RFC 9110 §15.5.22 asks for the protocol's name.
            let websocket = HeaderValue::from_static("websocket");
            response.headers_mut().insert(header::UPGRADE, websocket);
        }
        response
    }
}

/// 460, which tus gives its own meaning.
pub(crate) fn checksum_mismatch() -> StatusCode {
    StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST)
}

/// A response that carries a problem document.
pub fn problem_response(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // A `Problem` is plain strings and numbers: it always serializes.
    let body = serde_json::to_vec(problem).unwrap_or_default();
    let mut response = (status, body).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    response
}

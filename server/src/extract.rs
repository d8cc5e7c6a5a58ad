//! axum's extractors with this server's errors: a request they cannot read is answered with a problem document.

use axum::extract::{
    FromRequest, FromRequestParts,
    rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection},
    ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
};
use axum::http::request::Parts;
use serde::Serialize;
use serde_json::Value;

use crate::Error;

/// The path's parameters.
#[derive(Debug, Clone, Copy, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Error))]
pub struct Path<T>(pub T);

/// The query's parameters.
#[derive(Debug, Clone, Copy, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Error))]
pub struct Query<T>(pub T);

/// A JSON body, read or answered.
#[derive(Debug, Clone, Copy, FromRequest)]
#[from_request(via(axum::Json), rejection(Error))]
pub struct Json<T>(pub T);

/// A request that becomes a WebSocket.
#[derive(Debug)]
pub struct Upgrade(pub WebSocketUpgrade);

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let upgrade = WebSocketUpgrade::from_request_parts(parts, state).await?;
        Ok(Upgrade(upgrade))
    }
}

impl<T: Serialize> axum::response::IntoResponse for Json<T> {
    fn into_response(self) -> axum::response::Response {
        axum::Json(self.0).into_response()
    }
}

impl From<PathRejection> for Error {
    fn from(rejection: PathRejection) -> Self {
        Error::BadRequest(format!(
            "The address is not one of this endpoint: {}",
            rejection.body_text()
        ))
    }
}

impl From<QueryRejection> for Error {
    fn from(rejection: QueryRejection) -> Self {
        Error::BadRequest(format!(
            "The query cannot be read: {}",
            rejection.body_text()
        ))
    }
}

impl From<JsonRejection> for Error {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            JsonRejection::MissingJsonContentType(_) => Error::UnsupportedMediaType(
                "This endpoint takes JSON: send Content-Type: application/json.".into(),
            ),
            JsonRejection::BytesRejection(bytes) => bytes.into(),
            other => Error::BadRequest(format!("The body cannot be read: {}", other.body_text())),
        }
    }
}

impl From<WebSocketUpgradeRejection> for Error {
    fn from(rejection: WebSocketUpgradeRejection) -> Self {
        Error::UpgradeRequired(format!(
            "This address speaks WebSocket (RFC 6455): connect with ws:// rather than http://. {}.",
            rejection.body_text().trim_end_matches('.')
        ))
    }
}

impl From<BytesRejection> for Error {
    fn from(rejection: BytesRejection) -> Self {
        use axum::http::StatusCode;
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Error::TooLarge {
                what: "The request's body",
                limit: DEFAULT_BODY_MAX,
                unit: "bytes",
            },
            _ => Error::BadRequest("The body broke off before its end.".into()),
        }
    }
}

/// Numbers without a fraction become integers: JSON has one kind of number, and 4.0 is 4 (JSON Schema Validation §6.1.1).
pub fn as_whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => {
            let whole = number.as_f64().filter(|float| {
                number.is_f64() && float.fract() == 0.0 && float.abs() < 2_f64.powi(53)
            });
            if let Some(whole) = whole {
                *number = (whole as i64).into();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(as_whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(as_whole_numbers),
        _ => {}
    }
}

/// What axum reads into memory unless a route says otherwise, in bytes.
pub const DEFAULT_BODY_MAX: u64 = 2_097_152;

//! What every tus request and response says: the version, and what this server understands of the protocol.

use axum::{
    extract::{FromRequestParts, State},
    http::{HeaderName, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};

use crate::{AppState, Error, Result};

pub(super) const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const EXTENSIONS: HeaderValue = HeaderValue::from_static(
    "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,concatenation",
);
/// The names of [`crate::uploads::Algorithm::ALL`].
const ALGORITHMS: HeaderValue = HeaderValue::from_static("sha1,sha256,crc32c");

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");

/// The request says that it speaks this version of the protocol. OPTIONS need not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tus;

impl<S: Send + Sync> FromRequestParts<S> for Tus {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self> {
        if parts.headers.get(TUS_RESUMABLE) == Some(&VERSION) {
            Ok(Tus)
        } else {
            Err(Error::PreconditionFailed(
                "Say the version of tus: Tus-Resumable: 1.0.0.".into(),
            ))
        }
    }
}

/// Every response says the version, errors too.
pub(super) async fn speak_tus(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(TUS_RESUMABLE, VERSION);
    headers.insert(TUS_VERSION, VERSION);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What this server understands of tus.
#[utoipa::path(
    options,
    path = "/files",
    responses((status = 204, description = "Version, extensions, checksums, and the largest file, in the header.", headers(
        ("Tus-Version" = String), ("Tus-Extension" = String), ("Tus-Checksum-Algorithm" = String), ("Tus-Max-Size" = u64)))),
)]
pub(super) async fn options(State(app): State<AppState>) -> Response {
    let most = app.uploads().limits().file_bytes;
    let can = [
        (TUS_EXTENSION, EXTENSIONS),
        (TUS_CHECKSUM_ALGORITHM, ALGORITHMS),
        (TUS_MAX_SIZE, HeaderValue::from(most)),
    ];
    (StatusCode::NO_CONTENT, can).into_response()
}

/// What this server understands of tus.
#[utoipa::path(
    options,
    path = "/files/{id}",
    params(("id" = String, Path, description = "Any: what the server understands does not depend on it.")),
    responses((status = 204, description = "Version, extensions, checksums, and the largest file, in the header.")),
)]
pub(super) async fn options_of_one(app: State<AppState>) -> Response {
    options(app).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uploads::Algorithm;

    #[test]
    fn every_checksum_is_announced() {
        let names = Algorithm::ALL.map(Algorithm::name).join(",");
        assert_eq!(ALGORITHMS, names);
    }
}

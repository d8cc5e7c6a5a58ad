//! An image's bytes: the preview to be shown, the original to be saved.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use utoipa_axum::{router::OpenApiRouter, routes};
use wire::Problem;

use super::{
    reply::{Binary, ImageId},
    tell,
};
use crate::{
    AppState, Error, Result,
    connection::Exchange,
    uploads::{self, Content, Sum},
};

/// What need not be encoded in a name (RFC 8187 §3.2.1, `attr-char`).
const NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The routes of an image's bytes.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(preview))
        .routes(routes!(original))
}

/// The image, decoded and encoded anew.
///
/// At most 1,024 pixels on its longest side, turned upright, with nothing in it but pixels.
#[utoipa::path(
    get,
    path = "/api/images/{id}/preview",
    params(ImageId),
    responses(
        (status = 200, description = "The preview.", content((Binary = "image/jpeg"), (Binary = "image/png"))),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such image, or no preview of it."),
        (status = 410, body = Problem, content_type = "application/problem+json", description = "It was removed."),
        (status = 507, body = Problem, content_type = "application/problem+json", description = "No room on the disk."),
    ),
)]
async fn preview(
    State(app): State<AppState>,
    exchange: Exchange,
    ImageId { id }: ImageId,
) -> Result<Response> {
    let (preview, file) = app.uploads().preview(id, &tell(&exchange)).await?;
    let shown = [
        (header::CONTENT_TYPE, value(preview.media_type)?),
        (header::CONTENT_LENGTH, HeaderValue::from(preview.bytes)),
    ];
    Ok((shown, guarded(), body(file)).into_response())
}

/// The bytes as they came.
///
/// A download, never shown: they are a stranger's. `Repr-Digest` is what the uploader's own digest should be.
#[utoipa::path(
    get,
    path = "/api/images/{id}/original",
    params(ImageId),
    responses(
        (status = 200, body = Binary, content_type = "application/octet-stream", description = "The file.", headers(
            ("Repr-Digest" = String, description = "SHA-256 (RFC 9530)."),
            ("Content-Disposition" = String, description = "Always an attachment."))),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such image, or not all of it yet."),
        (status = 410, body = Problem, content_type = "application/problem+json", description = "It was removed."),
        (status = 507, body = Problem, content_type = "application/problem+json", description = "No room on the disk."),
    ),
)]
async fn original(
    State(app): State<AppState>,
    exchange: Exchange,
    ImageId { id }: ImageId,
) -> Result<Response> {
    let (whole, file) = app.uploads().original(id, &tell(&exchange)).await?;
    let saved = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (header::CONTENT_LENGTH, HeaderValue::from(whole.bytes)),
        (
            header::CONTENT_DISPOSITION,
            attachment(whole.file_name.as_deref())?,
        ),
    ];
    let mut response = (saved, guarded(), body(file)).into_response();
    if let Some(Sum(sha256)) = whole.sha256 {
        let digest = value(format!("sha-256=:{}:", STANDARD.encode(sha256)))?;
        let name = HeaderName::from_static("repr-digest");
        response.headers_mut().insert(name, digest);
    }
    Ok(response)
}

/// What keeps a stranger's bytes from being taken for a document of ours.
fn guarded() -> [(HeaderName, HeaderValue); 4] {
    [
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        ),
        // An id is never given twice.
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, max-age=3600, immutable"),
        ),
    ]
}

/// `Content-Disposition` (RFC 6266) with the uploader's name for the file, encoded so that nothing in it can break out.
fn attachment(name: Option<&str>) -> Result<HeaderValue> {
    match name {
        None => Ok(HeaderValue::from_static("attachment")),
        Some(name) => value(format!(
            "attachment; filename*=UTF-8''{}",
            utf8_percent_encode(name, NAME)
        )),
    }
}

fn body(content: Content) -> Body {
    Body::from_stream(uploads::stream(content))
}

fn value(text: String) -> Result<HeaderValue> {
    HeaderValue::try_from(text).map_err(|error| Error::Internal(error.into()))
}

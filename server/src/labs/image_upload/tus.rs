//! tus 1.0.0, resumable uploads over HTTP (<https://tus.io/protocols/resumable-upload>): the core and the extensions
//! creation, creation-with-upload, creation-defer-length, expiration, checksum, termination and concatenation.
//!
//! A client creates an upload (POST), sends pieces (PATCH) that say where they begin, and after a break asks how far it
//! got (HEAD). The offset that it hears is on the server's disk. A piece may say its checksum: then it is kept whole and
//! right, or not at all. Parts that were uploaded side by side are joined by one more POST.

use std::time::Instant;

use axum::{
    body::{Body, HttpBody},
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};
use wire::{Problem, trace::Kind};

use super::{
    fields::{
        UPLOAD_CONCAT, UPLOAD_DEFER_LENGTH, UPLOAD_EXPIRES, UPLOAD_LENGTH, UPLOAD_METADATA,
        UPLOAD_OFFSET, checksum, number,
    },
    metadata::{Creation, creation},
    protocol::*,
    reply::{Binary, ImageId, without_a_body_too},
    tell,
};
use crate::{
    AppState, Error, Result,
    address::Counted,
    connection::Exchange,
    uploads::{Declared, Piece, Role, UploadId},
};

/// What a piece's `Content-Type` must be.
const PIECE: &str = "application/offset+octet-stream";

/// The routes below `/files`.
pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(without_a_body_too(routes!(options, create)))
        .routes(without_a_body_too(routes!(
            options_of_one,
            head,
            patch,
            terminate,
            overridden
        )))
        .layer(map_response(speak_tus))
}

/// Create an upload (tus, creation).
///
/// The answer says where the pieces go. The first may come along (creation-with-upload). What is joined from parts
/// (concatenation) is there when it is answered.
#[utoipa::path(
    post,
    path = "/files",
    params(
        ("Tus-Resumable" = String, Header, pattern = "^1\\.0\\.0$", description = "The version of tus."),
        ("Upload-Length" = Option<u64>, Header, maximum = 1_073_741_824, description = "The file's length, in bytes."),
        ("Upload-Defer-Length" = Option<String>, Header, pattern = "^1$", description = "The length comes later."),
        ("Upload-Metadata" = Option<String>, Header, max_length = 4096,
            pattern = "^([!-+.-~-]+( ([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?)?(,[!-+.-~-]+( ([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?)?)*)?$",
            description = "Pairs of a key and a value in base64, with commas between them; no key twice."),
        ("Upload-Concat" = Option<String>, Header, pattern = "^(partial|final;.+)$",
            description = "`partial` for a part; `final;` and the URLs of finished parts, with spaces between them, to join them. What is joined has no Upload-Length."),
        ("Upload-Checksum" = Option<String>, Header, pattern = "^(sha1 [A-Za-z0-9+/]{26}[AEIMQUYcgkosw048]=|sha256 [A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=|crc32c [A-Za-z0-9+/]{5}[AQgw]==)$", description = "The checksum of the piece that comes along."),
    ),
    request_body(content = Binary, content_type = "application/offset+octet-stream", description = "The first piece."),
    responses(
        (status = 201, description = "Created.", headers(
            ("Location" = String, description = "Where the pieces go."), ("Upload-Offset" = u64), ("Upload-Expires" = String))),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A field is missing or wrong."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "A part is not finished."),
        (status = 410, body = Problem, content_type = "application/problem+json", description = "The bytes of a part are lost."),
        (status = 412, body = Problem, content_type = "application/problem+json", description = "Another version of tus."),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "More than 1 GiB."),
        (status = 460, body = Problem, content_type = "application/problem+json", description = "The bytes are not those of the checksum. Nothing is kept."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "There are too many uploads."),
        (status = 507, body = Problem, content_type = "application/problem+json", description = "No room on the disk."),
    ),
)]
async fn create(
    _: Tus,
    State(app): State<AppState>,
    exchange: Exchange,
    Counted(from): Counted,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let Creation { declared, parts } = creation(&headers)?;
    let declared = Declared { from, ..declared };
    let (uploads, tell) = (app.uploads(), tell(&exchange));
    let (id, offset) = if !parts.is_empty() {
        uploads.join(declared, &parts, &tell).await?
    } else if is_piece(&headers) || declared.length == Some(0) {
        let piece = Piece {
            bytes: body.size_hint().exact(),
            checksum: checksum(&headers)?,
            ..Piece::default()
        };
        let began = Instant::now();
        let stored = uploads
            .create_with(declared, piece, body.into_data_stream(), &tell)
            .await;
        exchange.stretch(Kind::Body, began);
        stored?
    } else {
        (uploads.create(declared, &tell).await?, 0)
    };
    let location = [(header::LOCATION, format!("/files/{id}"))];
    let reached = reached(&app, id, offset).await?;
    Ok((StatusCode::CREATED, location, reached).into_response())
}

/// How far an upload got (tus core).
#[utoipa::path(
    head,
    path = "/files/{id}",
    params(ImageId, ("Tus-Resumable" = String, Header, pattern = "^1\\.0\\.0$", description = "The version of tus.")),
    responses(
        (status = 200, description = "The offset is on the server's disk.", headers(
            ("Upload-Offset" = u64), ("Upload-Length" = u64), ("Upload-Metadata" = String), ("Upload-Concat" = String), ("Upload-Expires" = String))),
        (status = 404, description = "There is no such upload."),
        (status = 410, description = "It was removed."),
        (status = 412, description = "Another version of tus."),
    ),
)]
async fn head(_: Tus, State(app): State<AppState>, ImageId { id }: ImageId) -> Result<Response> {
    let progress = app.uploads().progress(id).await?;
    let mut response = reached(&app, id, progress.offset).await?.into_response();
    let headers = response.headers_mut();
    match progress.length {
        Some(length) => headers.insert(UPLOAD_LENGTH, length.into()),
        None => headers.insert(UPLOAD_DEFER_LENGTH, HeaderValue::from_static("1")),
    };
    if let Some(metadata) = progress.metadata
        && let Ok(metadata) = metadata.try_into()
    {
        headers.insert(UPLOAD_METADATA, metadata);
    }
    let concat = match progress.role {
        Role::Part => Some("partial".to_owned()),
        Role::Joined(said) => Some(said),
        Role::Pieces | Role::AtOnce => None,
    };
    if let Some(concat) = concat.and_then(|said| HeaderValue::try_from(said).ok()) {
        headers.insert(UPLOAD_CONCAT, concat);
    }
    Ok(response)
}

/// Send a piece (tus core).
///
/// What arrived before a break is kept, unless a checksum says that only all of it is right. The offset in the answer is on the server's disk; where it is the file's length,
/// the image is there.
#[utoipa::path(
    patch,
    path = "/files/{id}",
    params(
        ImageId,
        ("Tus-Resumable" = String, Header, pattern = "^1\\.0\\.0$", description = "The version of tus."),
        ("Upload-Offset" = u64, Header, description = "Where the piece begins: where the upload stands."),
        ("Upload-Length" = Option<u64>, Header, description = "The file's length, where it was deferred."),
        ("Upload-Checksum" = Option<String>, Header, pattern = "^(sha1 [A-Za-z0-9+/]{26}[AEIMQUYcgkosw048]=|sha256 [A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=|crc32c [A-Za-z0-9+/]{5}[AQgw]==)$", description = "The piece's checksum."),
    ),
    request_body(content = Binary, content_type = "application/offset+octet-stream", description = "The piece."),
    responses(
        (status = 204, description = "Stored.", headers(("Upload-Offset" = u64), ("Upload-Expires" = String))),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "A field is missing or wrong, or the piece broke off."),
        (status = 403, body = Problem, content_type = "application/problem+json", description = "It was joined from parts."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such upload."),
        (status = 409, body = Problem, content_type = "application/problem+json", description = "The upload stands elsewhere, or has another length."),
        (status = 410, body = Problem, content_type = "application/problem+json", description = "It was removed."),
        (status = 412, body = Problem, content_type = "application/problem+json", description = "Another version of tus."),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "More than the file's length."),
        (status = 415, body = Problem, content_type = "application/problem+json", description = "Not a piece."),
        (status = 460, body = Problem, content_type = "application/problem+json", description = "The bytes are not those of the checksum. Nothing of the piece is kept."),
        (status = 507, body = Problem, content_type = "application/problem+json", description = "No room on the disk."),
    ),
)]
async fn patch(
    _: Tus,
    State(app): State<AppState>,
    exchange: Exchange,
    ImageId { id }: ImageId,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    if !is_piece(&headers) {
        return Err(Error::UnsupportedMediaType(format!(
            "A piece is sent with Content-Type: {PIECE}."
        )));
    }
    let offset = number(&headers, &UPLOAD_OFFSET)?;
    let piece = Piece {
        offset: offset.ok_or_else(|| {
            Error::BadRequest("Say where the piece begins: Upload-Offset.".into())
        })?,
        bytes: body.size_hint().exact(),
        length: number(&headers, &UPLOAD_LENGTH)?,
        last: false,
        checksum: checksum(&headers)?,
    };
    let offset = append(&app, &exchange, id, piece, body).await?;
    Ok((StatusCode::NO_CONTENT, reached(&app, id, offset).await?).into_response())
}

/// Remove an upload, finished or not (tus, termination).
#[utoipa::path(
    delete,
    path = "/files/{id}",
    params(ImageId, ("Tus-Resumable" = String, Header, pattern = "^1\\.0\\.0$", description = "The version of tus.")),
    responses(
        (status = 204, description = "Removed."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such upload."),
        (status = 410, body = Problem, content_type = "application/problem+json", description = "It was removed before."),
        (status = 412, body = Problem, content_type = "application/problem+json", description = "Another version of tus."),
    ),
)]
async fn terminate(
    _: Tus,
    State(app): State<AppState>,
    exchange: Exchange,
    ImageId { id }: ImageId,
) -> Result<StatusCode> {
    app.uploads().remove(id, &tell(&exchange)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A request by another method, for clients behind something that lets only POST through (tus core).
#[utoipa::path(
    post,
    path = "/files/{id}",
    params(
        ImageId,
        ("Tus-Resumable" = String, Header, pattern = "^1\\.0\\.0$", description = "The version of tus."),
        ("X-HTTP-Method-Override" = String, Header, pattern = "^(HEAD|PATCH|DELETE)$", description = "The method that is meant."),
        ("Upload-Offset" = Option<String>, Header, description = "For PATCH, where the piece begins; the others do not look at it."),
        ("Upload-Length" = Option<String>, Header, description = "For PATCH, the file's length, where it was deferred; the others do not look at it."),
        ("Upload-Checksum" = Option<String>, Header, description = "For PATCH, the piece's checksum; the others do not look at it."),
    ),
    request_body(content = Binary, content_type = "application/offset+octet-stream", description = "For PATCH, the piece."),
    responses(
        (status = 200, description = "As for HEAD."),
        (status = 204, description = "As for PATCH and DELETE."),
        (status = "4XX", body = Problem, content_type = "application/problem+json", description = "As for the method that is meant; 405 where none is."),
        (status = 507, body = Problem, content_type = "application/problem+json", description = "No room on the disk."),
    ),
)]
async fn overridden(
    tus: Tus,
    app: State<AppState>,
    exchange: Exchange,
    id: ImageId,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let method = headers
        .get("x-http-method-override")
        .and_then(|value| value.to_str().ok());
    match method {
        Some("PATCH") => patch(tus, app, exchange, id, headers, body).await,
        Some("HEAD") => head(tus, app, id).await,
        Some("DELETE") => Ok(terminate(tus, app, exchange, id).await?.into_response()),
        _ => Err(Error::MethodNotAllowed(
            "Send pieces with PATCH, or with POST and X-HTTP-Method-Override: PATCH.".into(),
        )),
    }
}

async fn append(
    app: &AppState,
    exchange: &Exchange,
    id: UploadId,
    piece: Piece,
    body: Body,
) -> Result<u64> {
    let began = Instant::now();
    let stored = app
        .uploads()
        .append(id, piece, body.into_data_stream(), &tell(exchange))
        .await;
    exchange.stretch(Kind::Body, began);
    Ok(stored?)
}

/// How far the upload is, and until when it may stay unfinished.
async fn reached(app: &AppState, id: UploadId, offset: u64) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(UPLOAD_OFFSET, offset.into());
    if let Some(expires) = app.uploads().expires(id)? {
        let expires = HeaderValue::try_from(httpdate::fmt_http_date(expires))
            .map_err(|error| Error::Internal(error.into()))?;
        headers.insert(UPLOAD_EXPIRES, expires);
    }
    Ok(headers)
}

fn is_piece(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value == PIECE)
}

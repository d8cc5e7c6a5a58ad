//! Image upload: the same file in one request, or in pieces that can be paused and resumed.
//!
//! - One request (`POST /api/images`) is the simplest thing that works: use it when the link is short and steady. If it
//!   breaks off, everything is sent again.
//! - tus 1.0.0 (`/files`, in `tus.rs`) costs a request for each piece and state on the server: use it when the file is
//!   large or the link may break. After a break the client asks how far it got and goes on from there.
//!
//! Both end in the same image. The server computes SHA-256 as the bytes come, the page over the file it read: equal
//! digests are the proof that nothing was lost on the way. What came is never shown as it came: the preview is decoded
//! and encoded anew, the original is a download (RFC 9530 `Repr-Digest`).

mod download;
mod fields;
mod form;
mod metadata;
mod protocol;
mod reply;
mod tus;

use std::{sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};
use wire::{Problem, images::ImageInfo, trace::Kind};

use crate::{
    AppState, Result,
    address::Counted,
    connection::Exchange,
    extract::Json,
    uploads::{Declared, Piece, Role, Tell},
};
use reply::{Binary, ImageId};

/// The lab's endpoints.
pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(reply::without_a_body_too(routes!(upload)))
        .routes(routes!(info))
        .merge(download::router())
        .merge(tus::router())
}

/// Upload an image in one request.
///
/// The body is the file itself, or a form whose first file is taken. It is written to disk as it comes and synced before
/// it is answered. A file that is no image is stored all the same; `why` says why there is no preview.
#[utoipa::path(
    post,
    path = "/api/images",
    request_body(content(
        (Binary = "application/octet-stream"),
        (Binary = "image/jpeg"),
        (form::FileForm = "multipart/form-data"),
    )),
    responses(
        (status = 201, body = ImageInfo, description = "Stored.", headers(("Location" = String, description = "The image's address."))),
        (status = 400, body = Problem, content_type = "application/problem+json", description = "The body broke off, or the form has no file."),
        (status = 413, body = Problem, content_type = "application/problem+json", description = "More than 1 GiB."),
        (status = 429, body = Problem, content_type = "application/problem+json", description = "There are too many uploads."),
        (status = 507, body = Problem, content_type = "application/problem+json", description = "No room on the disk."),
    ),
)]
async fn upload(
    State(app): State<AppState>,
    exchange: Exchange,
    Counted(from): Counted,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let uploads = app.uploads();
    let tell = tell(&exchange);

    let (declared, file) = form::file_of(&headers, body, uploads.limits().file_bytes).await?;
    let declared = Declared {
        from,
        role: Role::AtOnce,
        ..declared
    };
    let piece = Piece {
        last: true,
        ..Piece::default()
    };
    let began = Instant::now();
    let stored = uploads.create_with(declared, piece, file, &tell).await;
    exchange.stretch(Kind::Body, began);
    let (id, _) = stored?;

    let image = reply::describe(&app, id, &tell).await?;
    let location = [(header::LOCATION, format!("/api/images/{id}"))];
    Ok((StatusCode::CREATED, location, Json(image)).into_response())
}

/// What is known about an image.
///
/// The id is the last segment of the upload's address, for both ways to upload.
#[utoipa::path(
    get,
    path = "/api/images/{id}",
    params(ImageId),
    responses(
        (status = 200, body = ImageInfo, description = "The image."),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "There is no such image, or not all of it yet."),
        (status = 410, body = Problem, content_type = "application/problem+json", description = "It was removed."),
        (status = 507, body = Problem, content_type = "application/problem+json", description = "No room on the disk."),
    ),
)]
async fn info(
    State(app): State<AppState>,
    exchange: Exchange,
    ImageId { id }: ImageId,
) -> Result<Json<ImageInfo>> {
    Ok(Json(reply::describe(&app, id, &tell(&exchange)).await?))
}

/// Are these fields of tus that can be read?
pub(crate) fn reads(headers: &HeaderMap) -> bool {
    metadata::creation(headers).is_ok()
        & fields::checksum(headers).is_ok()
        & fields::number(headers, &fields::UPLOAD_OFFSET).is_ok()
}

/// Lets the storage say in this exchange's run, and in its `Server-Timing`, what it does.
fn tell(exchange: &Exchange) -> Tell {
    let exchange = exchange.clone();
    Arc::new(move |draft| {
        match (draft.kind, draft.duration) {
            (Kind::Synced, Some(took)) => exchange.timing("synced", took),
            (Kind::Previewed, Some(took)) => exchange.timing("previewed", took),
            _ => {}
        }
        exchange.emit(|| draft);
    })
}

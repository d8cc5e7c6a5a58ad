//! What is said about an image, and what goes wrong with one.

use std::io::ErrorKind;

use axum::{extract::FromRequestParts, http::request::Parts};
use utoipa::{IntoParams, ToSchema, openapi::RefOr};
use utoipa_axum::router::UtoipaMethodRouter;
use wire::images::ImageInfo;

use crate::{
    AppState, Error, Result,
    extract::Path,
    uploads::{self, Tell, UploadId},
};

/// Bytes as they are.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub(super) struct Binary(#[expect(dead_code, reason = "only its schema is used")] Vec<u8>);

/// The upload that the path names.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ImageId {
    /// The id that the server gave.
    #[param(value_type = String, pattern = "^[0-9a-f]{32}$", example = "1f0a44b1d9be4a6f8a5d2c3e7b901122")]
    pub(super) id: UploadId,
}

impl<S: Send + Sync> FromRequestParts<S> for ImageId {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Path(id) = Path::<String>::from_request_parts(parts, state).await?;
        // What is no id names nothing; the server never makes a path of it.
        let id = id.parse().map_err(|_| uploads::Error::NotFound)?;
        Ok(ImageId { id })
    }
}

/// Describes the body of a route's POST as one that may be missing: no bytes, which in HTTP looks the same. (Of a body that
/// is an `Option` the macro says that it may be null, which bytes never are.)
pub(super) fn without_a_body_too(
    (schemas, mut paths, route): UtoipaMethodRouter<AppState>,
) -> UtoipaMethodRouter<AppState> {
    for item in paths.paths.values_mut() {
        let body = item.post.as_mut().map(|post| &mut post.request_body);
        if let Some(Some(RefOr::T(body))) = body {
            body.required = None;
        }
    }
    (schemas, paths, route)
}

/// The JSON about an image. The first who asks has its preview made.
pub(super) async fn describe(app: &AppState, id: UploadId, tell: &Tell) -> Result<ImageInfo> {
    let whole = app.uploads().whole(id, tell).await?;
    let picture = app.uploads().picture(id, tell).await?;
    Ok(ImageInfo {
        id: id.to_string(),
        bytes: whole.bytes,
        sha256: whole.sha256.map_or_else(String::new, |sum| sum.to_string()),
        width: picture.width,
        height: picture.height,
        preview: picture.preview.map(|_| format!("/api/images/{id}/preview")),
        why: picture.why,
    })
}

impl From<uploads::Error> for Error {
    fn from(error: uploads::Error) -> Self {
        use uploads::Error as E;
        match error {
            E::NotFound => Error::NotFound(
                "There is no such upload. It may have expired, or the server's data was cleared."
                    .into(),
            ),
            E::Gone => Error::Gone("The upload was removed.".into()),
            E::Lost => {
                tracing::error!("the storage has lost the bytes of an upload");
                Error::Gone(
                    "The server's storage no longer has the bytes of this upload. Upload the file again."
                        .into(),
                )
            }
            E::WrongOffset => Error::Conflict(
                "The upload does not stand at this offset. Ask for its offset with HEAD and go on from there."
                    .into(),
            ),
            E::WrongLength(known) => Error::Conflict(format!(
                "The length does not fit: the upload has {known} bytes already, or was said to have."
            )),
            E::TooLarge(limit) => Error::TooLarge {
                what: "The file",
                limit,
                unit: "bytes",
            },
            E::Full(limit) => Error::Storage(format!(
                "All uploads together take {limit} bytes, which is the most there may be. Remove some, or try again when others have expired."
            )),
            E::AddressFull(limit) => Error::Storage(format!(
                "The uploads from one address take {limit} bytes, which is the most there may be. Remove some, or try again when others have expired."
            )),
            E::TooMany(limit) => Error::TooMany {
                what: "Uploads",
                limit: limit as u64,
            },
            E::BrokeOff(why) => {
                Error::BadRequest(format!("The upload broke off before its end: {why}."))
            }
            E::Mismatch => Error::ChecksumMismatch(
                "The bytes that arrived are not those of Upload-Checksum, and none of them was kept. Send them again."
                    .into(),
            ),
            E::TakenOver => Error::Conflict(
                "Another request asked for this upload's offset or went on with it. What had arrived by then is kept, unless it came with a checksum."
                    .into(),
            ),
            E::Joined => {
                Error::Forbidden("The upload was joined from parts: it takes no bytes itself.".into())
            }
            E::NoPart(number) => Error::BadRequest(format!(
                "Number {number} of the uploads in Upload-Concat is not there, or was not created with Upload-Concat: partial."
            )),
            E::PartUnfinished(number) => Error::Conflict(format!(
                "Number {number} of the parts in Upload-Concat is not finished. Send the rest of it first."
            )),
            E::Part => Error::NotFound(
                "This is a part of a file. The image is there when its parts are joined.".into(),
            ),
            E::Unfinished { received } => Error::NotFound(format!(
                "The image is not there yet: {received} bytes have come so far."
            )),
            E::NoPreview(why) => Error::NotFound(format!("There is no preview. {why}")),
            E::Io(error) => match error.kind() {
                ErrorKind::StorageFull
                | ErrorKind::QuotaExceeded
                | ErrorKind::ReadOnlyFilesystem
                | ErrorKind::FileTooLarge
                | ErrorKind::PermissionDenied => {
                    tracing::error!(%error, "the storage cannot take an upload");
                    Error::Storage(
                        "The server's disk cannot take it: it is full or read-only. What had arrived before is kept."
                            .into(),
                    )
                }
                ErrorKind::NotFound => {
                    tracing::error!(%error, "the folder of uploads is not there");
                    Error::Storage("The server's folder for uploads is gone.".into())
                }
                _ => Error::Internal(error.into()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_full_disk_is_507_and_a_broken_one_500() {
        let status = |kind: ErrorKind| {
            let error = uploads::Error::Io(io::Error::new(kind, "no"));
            Error::from(error).problem().status
        };
        assert_eq!(status(ErrorKind::StorageFull), 507);
        assert_eq!(status(ErrorKind::ReadOnlyFilesystem), 507);
        assert_eq!(status(ErrorKind::NotFound), 507);
        assert_eq!(status(ErrorKind::Other), 500);
    }
}

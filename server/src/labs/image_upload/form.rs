//! Where the file is in a request: the body itself, or the first file of a form (RFC 7578).

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use axum::{
    body::{Body, BodyDataStream, HttpBody},
    http::{HeaderMap, header},
};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream, stream::BoxStream};
use multer::{Constraints, Field, Multipart, SizeLimit};
use utoipa::ToSchema;

use crate::{Error, Result, uploads::Declared};

/// How much a form may hold besides the file, in bytes: the parts' heads, and fields before the file.
const FORM_OVERHEAD: u64 = 64 * 1024;

/// The longest file name that is kept, in characters.
const FILE_NAME_MAX: usize = 255;

/// A form with a file in it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct FileForm {
    /// The file. Its field may have any name; the first that has a file's name counts.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// The file's bytes as they come.
pub(super) type FileStream = BoxStream<'static, Result<Bytes, String>>;

/// Finds the file in a request and says what is known of it beforehand.
pub(super) async fn file_of(
    headers: &HeaderMap,
    body: Body,
    limit: u64,
) -> Result<(Declared, FileStream)> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let is_form = content_type
        .get(.."multipart/form-data".len())
        .is_some_and(|essence| essence.eq_ignore_ascii_case("multipart/form-data"));
    if is_form {
        let boundary = multer::parse_boundary(content_type)
            .map_err(|error| Error::BadRequest(format!("The form cannot be read: {error}.")))?;
        return first_file(body, boundary, limit).await;
    }
    let declared = Declared {
        length: body.size_hint().exact(),
        ..Declared::default()
    };
    let file = body
        .into_data_stream()
        .map(|chunk| chunk.map_err(|error| error.to_string()));
    Ok((declared, file.boxed()))
}

async fn first_file(body: Body, boundary: String, limit: u64) -> Result<(Declared, FileStream)> {
    let most = limit.saturating_add(FORM_OVERHEAD);
    if body.size_hint().lower() > most {
        return Err(Error::TooLarge {
            what: "The file",
            limit,
            unit: "bytes",
        });
    }
    let in_file = Arc::new(AtomicBool::new(false));
    let sips = Sips {
        body: body.into_data_stream(),
        rest: false,
        outside: 0,
        in_file: Arc::clone(&in_file),
    };
    let constraints = Constraints::new().size_limit(SizeLimit::new().whole_stream(most));
    let mut form = Multipart::with_constraints(sips, boundary, constraints);
    let file = loop {
        match form.next_field().await {
            Ok(Some(field)) if field.file_name().is_some() => break field,
            Ok(Some(_)) => {}
            Ok(None) => {
                return Err(Error::BadRequest(
                    "No part of the form is a file: send one with a file name.".into(),
                ));
            }
            Err(error) => {
                return Err(Error::BadRequest(format!(
                    "The form cannot be read: {error}."
                )));
            }
        }
    };
    in_file.store(true, Relaxed);
    let declared = Declared {
        file_name: file.file_name().map(bounded),
        ..Declared::default()
    };
    let parts = Parts {
        form,
        file: Some(file),
        in_file,
    };
    let file = stream::unfold(parts, |mut parts| async move {
        let chunk = parts.next().await?;
        Some((chunk, parts))
    });
    Ok((declared, file.boxed()))
}

/// A file's name, not too long.
pub(super) fn bounded(name: &str) -> String {
    name.chars().take(FILE_NAME_MAX).collect()
}

/// The form, from its file on.
struct Parts {
    form: Multipart<'static>,
    file: Option<Field<'static>>,
    in_file: Arc<AtomicBool>,
}

impl Parts {
    async fn next(&mut self) -> Option<Result<Bytes, String>> {
        let chunk = self.file.as_mut()?.next().await;
        if let Some(chunk) = chunk {
            return Some(chunk.map_err(|error| error.to_string()));
        }
        // The file is whole. The rest of the form is read to its end, if that is near, so that the connection can be
        // used again.
        self.file = None;
        self.in_file.store(false, Relaxed);
        while let Ok(Some(_)) = self.form.next_field().await {}
        None
    }
}

/// The body for the form's parser, one chunk each time it asks: it would otherwise take in all that has come, and while
/// it looks for a part's head it keeps all of it.
struct Sips {
    body: BodyDataStream,
    /// The last call gave a chunk: this one gives none.
    rest: bool,
    /// How many bytes were given outside the file.
    outside: u64,
    in_file: Arc<AtomicBool>,
}

impl Stream for Sips {
    type Item = Result<Bytes, String>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.rest) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let outside = !self.in_file.load(Relaxed);
        if outside && self.outside > FORM_OVERHEAD {
            let why = "the form holds too much besides the file".to_owned();
            return Poll::Ready(Some(Err(why)));
        }
        let polled = self.body.poll_next_unpin(cx);
        if let Poll::Ready(Some(Ok(chunk))) = &polled {
            if outside {
                self.outside += chunk.len() as u64;
            }
            self.rest = true;
        }
        polled.map(|item| item.map(|chunk| chunk.map_err(|error| error.to_string())))
    }
}

//! A response that does not end, as a handler gives it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame};
use parking_lot::Mutex;

use super::Source;

/// A response that does not end. It goes out as the body of an ordinary response, unless its source is taken from it.
#[derive(Clone)]
pub(crate) struct Endless(Arc<Mutex<Option<Box<dyn Source>>>>);

impl Endless {
    /// The bytes come from this source.
    pub(crate) fn new(source: impl Source) -> Endless {
        Endless(Arc::new(Mutex::new(Some(Box::new(source)))))
    }

    /// From here on somebody else writes what the source has, once the response's head is out.
    pub(in super::super) fn take(&self) -> Option<Box<dyn Source>> {
        self.0.lock().take()
    }
}

impl IntoResponse for Endless {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::new(Unended {
            endless: self.clone(),
            body: None,
        }));
        response.extensions_mut().insert(self);
        response
    }
}

/// The body of it. Whoever took its source finds that it says nothing.
struct Unended {
    endless: Endless,
    body: Option<Body>,
}

impl HttpBody for Unended {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.body.is_none() {
            self.body = self.endless.take().map(Source::into_body);
        }
        match &mut self.body {
            Some(body) => Poll::Ready(ready!(Pin::new(body).poll_frame(cx))),
            None => Poll::Pending,
        }
    }
}

//! A rendered document as it is kept: its bytes, their compressed variants and their validators, made once.
//!
//! Nothing here waits or reads: what a request costs is a look at two header fields and a reference count.

use std::io::Write;

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

use super::assets;

/// A content coding of a document (RFC 9110 §8.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    /// As it is.
    Identity,
    /// gzip (RFC 1952).
    Gzip,
    /// Brotli (RFC 7932).
    Brotli,
}

impl Coding {
    /// The smallest variant that a request takes.
    fn wanted(request: &HeaderMap) -> Coding {
        if assets::accepts(request, "br") {
            Coding::Brotli
        } else if assets::accepts(request, "gzip") {
            Coding::Gzip
        } else {
            Coding::Identity
        }
    }

    /// Its name in `Content-Encoding`; none for a document as it is.
    const fn name(self) -> Option<&'static str> {
        match self {
            Coding::Identity => None,
            Coding::Gzip => Some("gzip"),
            Coding::Brotli => Some("br"),
        }
    }
}

/// One coding of a document.
#[derive(Debug, Clone)]
struct Variant {
    body: Bytes,
    etag: HeaderValue,
}

/// A document, ready to be sent.
#[derive(Debug)]
pub(super) struct Stored {
    status: StatusCode,
    plain: Variant,
    gzip: Variant,
    brotli: Variant,
}

impl Stored {
    /// Compresses a document and computes its validators. Takes some milliseconds: not for an async thread.
    pub(super) fn new(status: StatusCode, html: String) -> Stored {
        let hash = format!("{:x}", Sha256::digest(html.as_bytes()));
        let variant = |suffix: &str, body: Vec<u8>| Variant {
            body: body.into(),
            // Hex, a hyphen and letters are always a valid field value.
            etag: HeaderValue::try_from(format!("\"{}{suffix}\"", &hash[..20]))
                .unwrap_or_else(|_| HeaderValue::from_static("\"\"")),
        };
        let plain = html.into_bytes();
        Stored {
            status,
            gzip: variant("-gz", gzip(&plain)),
            brotli: variant("-br", brotli(&plain)),
            plain: variant("", plain),
        }
    }

    /// The answer to a request with these header fields: 304 where the client has it already, the document otherwise.
    pub(super) fn answer(&self, request: &HeaderMap) -> Response {
        let coding = Coding::wanted(request);
        let variant = match coding {
            Coding::Identity => &self.plain,
            Coding::Gzip => &self.gzip,
            Coding::Brotli => &self.brotli,
        };
        let mut response = if self.status == StatusCode::OK && has(request, &variant.etag) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            let mut response = (self.status, variant.body.clone()).into_response();
            let headers = response.headers_mut();
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/html; charset=utf-8"),
            );
            if let Some(name) = coding.name() {
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(name));
            }
            response
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, variant.etag.clone());
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        super::policy::apply(headers);
        response
    }
}

/// Does `If-None-Match` name this validator?
fn has(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let etag = etag.to_str().unwrap_or_default();
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|field| assets::matches(field, etag))
}

/// Writing to a `Vec` cannot fail; an encoder that did would only cost the variant its smallness.
fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let _ = encoder.write_all(plain);
    encoder.finish().unwrap_or_default()
}

fn brotli(plain: &[u8]) -> Vec<u8> {
    // 5 of 11: a document is compressed while the first visitor waits.
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: 5,
        size_hint: plain.len(),
        ..Default::default()
    };
    let mut compressed = Vec::new();
    let _ = brotli::BrotliCompress(&mut &*plain, &mut compressed, &parameters);
    compressed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_client_that_has_the_document_is_told_so() {
        let stored = Stored::new(StatusCode::OK, "<p>words</p>".repeat(40));
        let first = stored.answer(&HeaderMap::new());
        assert_eq!(first.status(), StatusCode::OK);
        let etag = first.headers()[header::ETAG].clone();
        let mut again = HeaderMap::new();
        again.insert(header::IF_NONE_MATCH, etag.clone());
        assert_eq!(stored.answer(&again).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(stored.answer(&again).headers()[header::ETAG], etag);
        // Another coding is another representation.
        again.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("br"));
        assert_eq!(stored.answer(&again).status(), StatusCode::OK);
        let listed = with(header::IF_NONE_MATCH, "\"other\", *");
        assert_eq!(stored.answer(&listed).status(), StatusCode::NOT_MODIFIED);
    }

    #[test]
    fn what_is_not_there_is_never_not_modified() {
        let stored = Stored::new(StatusCode::NOT_FOUND, "<p>no</p>".into());
        let any = with(header::IF_NONE_MATCH, "*");
        assert_eq!(stored.answer(&any).status(), StatusCode::NOT_FOUND);
    }
}

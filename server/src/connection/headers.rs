//! Header fields that every response carries.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// What goes on every response: no guessing of types, no address in a Referer, and a browsing context of its own, which
/// makes a page cross-origin isolated: the browser then reads its clock in steps of 5 µs instead of 100.
pub(super) const SECURITY_HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        "require-corp",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// For what is no document: were it shown as one, it could load and run nothing.
const STRICT_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";
/// For a document that brings no policy of its own: only what this server serves.
const DOCUMENT_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     object-src 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Sets what a response does not say itself.
pub(super) fn secure(headers: &mut HeaderMap) {
    for (name, value) in SECURITY_HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        let is_document = headers
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
        let policy = if is_document {
            DOCUMENT_POLICY
        } else {
            STRICT_POLICY
        };
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(policy),
        );
    }
}

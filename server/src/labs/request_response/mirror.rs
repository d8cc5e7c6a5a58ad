//! The mirror: what was received, in words that JSON can carry.

use std::fmt::Write;

use axum::{body::Bytes, extract::OriginalUri, http::request::Parts};
use wire::{
    echo::{EchoAsked, EchoBody, EchoReply, EchoSteps},
    http1::is_secret_field,
};

use crate::connection::Exchange;

/// The request as it was received, and what was made of it.
pub(super) fn mirror(
    exchange: &Exchange,
    head: &Parts,
    bytes: &Bytes,
    body: EchoBody,
    asked: EchoAsked,
    took_us: EchoSteps,
) -> EchoReply {
    let target = head
        .extensions
        .get::<OriginalUri>()
        .map_or(&head.uri, |OriginalUri(uri)| uri);
    let fields = exchange.in_order(&head.headers).into_iter();
    let headers = fields.map(|(name, value)| {
        let shown = if is_secret_field(name.as_str().as_bytes()) {
            format!("({} bytes, not shown)", value.len())
        } else {
            readable(value.as_bytes())
        };
        (name.to_string(), shown)
    });
    EchoReply {
        method: head.method.to_string(),
        target: target.to_string(),
        version: format!("{:?}", head.version),
        headers: headers.collect(),
        body_bytes: bytes.len() as u64,
        body,
        asked,
        took_us,
        filler: String::new(),
    }
}

/// Text as it is; a byte that is not part of any UTF-8 text as `\x9f`.
fn readable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_are_shown_as_such() {
        assert_eq!(readable(b"a\xffb\xc3\xbc"), "a\\xffb\u{fc}");
    }
}

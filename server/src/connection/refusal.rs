//! Answers from below HTTP: what the server says on a connection that no handler will see.

use std::time::Duration;

use http::StatusCode;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use wire::{Problem, problem::PROBLEM_JSON};

use super::headers::SECURITY_HEADERS;
use crate::config::ConnectionLimits;

/// RFC 9110 §5.6.7.
const HTTP_DATE: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
);

/// A whole response with a problem document, behind which the connection closes.
pub(super) fn response(problem: &Problem, retry_after: Option<Duration>) -> Vec<u8> {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::BAD_REQUEST);
    // A `Problem` is plain strings and numbers: it always serializes.
    let body = serde_json::to_vec(problem).unwrap_or_default();
    let mut head = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: {PROBLEM_JSON}\r\ncontent-length: {}\r\nconnection: close\r\n",
        status.as_str(),
        status.canonical_reason().unwrap_or_default(),
        body.len(),
    );
    if let Some(after) = retry_after {
        head.push_str(&format!("retry-after: {}\r\n", after.as_secs()));
    }
    if let Ok(date) = OffsetDateTime::now_utc().format(HTTP_DATE) {
        head.push_str(&format!("date: {date}\r\n"));
    }
    for (name, value) in SECURITY_HEADERS {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut response = head.into_bytes();
    response.extend_from_slice(&body);
    response
}

fn problem(status: u16, slug: &str, title: &str, detail: String, limit: Option<u64>) -> Problem {
    Problem {
        kind: format!("/problems/{slug}"),
        title: title.to_owned(),
        status,
        detail: Some(detail),
        limit,
    }
}

/// The head did not come to its end in time.
pub(super) fn head_timeout(limit: Duration) -> Problem {
    let detail = format!(
        "The request's head was not complete within {}. It ends with an empty line.",
        humantime::format_duration(limit)
    );
    problem(408, "timeout", "Too slow", detail, None)
}

/// There are too many connections, in all or from this address.
pub(super) fn too_many_connections(what: &str, limit: usize) -> Problem {
    let detail = format!("{what}: at most {limit} at once. Try again later, or close some.");
    problem(
        503,
        "too-many-connections",
        "Too many connections",
        detail,
        Some(limit as u64),
    )
}

/// What hyper answers by a bare status, in words. `head` is what came of the request.
pub(super) fn rejected(status: u16, head: &[u8], limits: &ConnectionLimits) -> Problem {
    let (head_bytes, head_fields) = (limits.head_bytes, limits.head_fields);
    match status {
        431 => {
            let detail = format!(
                "The request's head is too large: at most {head_bytes} bytes and {head_fields} header fields."
            );
            problem(
                431,
                "head-too-large",
                "Head too large",
                detail,
                Some(head_bytes as u64),
            )
        }
        414 => {
            let detail = "The request's target is too long.".to_owned();
            problem(414, "target-too-long", "Target too long", detail, None)
        }
        _ => problem(
            400,
            "malformed-request",
            "Malformed request",
            why_malformed(head),
            None,
        ),
    }
}

/// What is wrong with a head that hyper refused, in the words of RFC 9112.
fn why_malformed(head: &[u8]) -> String {
    let mut fields = [httparse::EMPTY_HEADER; 256];
    let mut request = httparse::Request::new(&mut fields);
    let why = match request.parse(head) {
        Err(httparse::Error::Token) if request.method.is_none() => {
            "the method has a character that a method may not have (RFC 9110 §5.6.2)"
        }
        Err(httparse::Error::Token) if !has_three_words(head) => {
            "the request line is not a method, a target and HTTP/1.1, with one space between them (RFC 9112 §3)"
        }
        Err(httparse::Error::Token) => {
            "the request target has a character that must be percent-encoded (RFC 9112 §3.2)"
        }
        Err(httparse::Error::Version) => {
            "the request line does not end in HTTP/1.0 or HTTP/1.1 (RFC 9112 §2.3)"
        }
        Err(httparse::Error::HeaderName) => {
            "a header field's name is empty, or has a character that a name may not have, a space before the colon say \
             (RFC 9112 §5.1)"
        }
        Err(httparse::Error::HeaderValue) => {
            "a header field's value has a control character, or goes on in a second line (RFC 9112 §5.2)"
        }
        Err(httparse::Error::NewLine) => {
            "a line ends in a carriage return without a line feed (RFC 9112 §2.2)"
        }
        Err(_) => "it does not follow the grammar of HTTP/1.1 (RFC 9112 §2.1)",
        Ok(_) => why_framing(request.headers, request.version),
    };
    format!("The request's head cannot be read: {why}.")
}

fn has_three_words(head: &[u8]) -> bool {
    let line = head.trim_ascii_start().split(|byte| *byte == b'\n').next();
    line.is_some_and(|line| line.split(|byte| *byte == b' ').count() == 3)
}

/// The grammar holds; then it is what the fields say about the body.
fn why_framing(fields: &[httparse::Header<'_>], version: Option<u8>) -> &'static str {
    let has = |name: &str| {
        fields
            .iter()
            .any(|field| field.name.eq_ignore_ascii_case(name))
    };
    if has("transfer-encoding") && version == Some(0) {
        "HTTP/1.0 knows no Transfer-Encoding (RFC 9112 §6.1)"
    } else if has("transfer-encoding") {
        "Transfer-Encoding must end in \"chunked\", or nobody knows where the body ends (RFC 9112 §6.3)"
    } else if has("content-length") {
        "Content-Length must be one whole number, the same one if it is said twice (RFC 9112 §6.3)"
    } else {
        "its target is no URI (RFC 9112 §3.2)"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_a_whole_response() {
        let problem = too_many_connections("Connections", 7);
        let response =
            String::from_utf8(response(&problem, Some(Duration::from_secs(5)))).expect("text");
        let (head, body) = response.split_once("\r\n\r\n").expect("a head and a body");
        assert!(
            head.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
            "{head}"
        );
        assert!(head.contains("\r\nretry-after: 5\r\n"), "{head}");
        assert!(
            head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())),
            "{head}"
        );
        assert_eq!(
            serde_json::from_str::<Problem>(body).expect("a problem"),
            problem
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("G{T / HTTP/1.1\r\n\r\n", "the method"),
            ("GET /\x7f HTTP/1.1\r\n\r\n", "percent-encoded"),
            ("GET /\r\n\r\n", "with one space between"),
            ("GET / HTTP/3.1\r\n\r\n", "HTTP/1.0 or HTTP/1.1"),
            ("GET / HTTP/1.1\r\nA b: c\r\n\r\n", "name"),
            ("GET / HTTP/1.1\r\nA: b\x01\r\n\r\n", "control character"),
            (
                "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                "one whole number",
            ),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
                "end in \"chunked\"",
            ),
            (
                "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
                "HTTP/1.0 knows no",
            ),
        ];
        for (head, words) in cases {
            let why = why_malformed(head.as_bytes());
            assert!(why.contains(words), "{head:?}: {why}");
        }
    }
}

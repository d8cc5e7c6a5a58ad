//! What came back, in words: what the server made of the request.

use wire::{
    echo::{EchoBody, EchoReply},
    time::bytes,
};

use crate::components::{notice::grouped, raw};

/// How much of a raw reply is shown, in bytes; the rest stands under "Bytes".
pub const SHOWN_MAX: usize = 4 * 1024;

/// A one-line answer and what stands below it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// One line.
    pub line: String,
    /// Several lines, literally.
    pub text: String,
}

/// What the server made of a request that it mirrored.
pub fn of_echo(status: u16, length: usize, reply: &EchoReply) -> Answer {
    let read = match reply.body_bytes {
        0 => "it came without a body".to_owned(),
        count => format!("it read {} as {}", bytes(count), format_name(&reply.body)),
    };
    Answer {
        line: format!(
            "Status {status}, {} of body. The server says: {read}.",
            bytes(length as u64)
        ),
        text: body_text(&reply.body),
    }
}

fn format_name(body: &EchoBody) -> &str {
    match body {
        EchoBody::Nothing => "nothing",
        EchoBody::Json { .. } => "JSON",
        EchoBody::Form { .. } => "a form",
        EchoBody::Multipart { .. } => "a multipart form",
        EchoBody::Xml { .. } => "XML",
        EchoBody::Text { .. } => "text",
        EchoBody::Bytes { .. } => "bytes of no format that it knows",
        EchoBody::Broken { .. } => "something broken",
    }
}

fn body_text(body: &EchoBody) -> String {
    match body {
        EchoBody::Nothing => "No body came.".to_owned(),
        EchoBody::Json { value } => value.to_string(),
        EchoBody::Form { fields } => lines(
            fields
                .iter()
                .map(|(name, value)| format!("{name} = {value}")),
        ),
        EchoBody::Multipart { parts } => lines(parts.iter().map(|part| {
            let file = part
                .file_name
                .as_ref()
                .map_or_else(String::new, |name| format!(", file {name}"));
            let kind = part
                .content_type
                .as_ref()
                .map_or_else(String::new, |kind| format!(", {kind}"));
            let text = part.text.as_deref().unwrap_or("…");
            format!("{} ({}{file}{kind}): {text}", part.name, bytes(part.bytes))
        })),
        EchoBody::Xml { root, elements } => {
            format!(
                "Root element {root}, {} elements in all",
                grouped(*elements)
            )
        }
        EchoBody::Text { text } => text.clone(),
        EchoBody::Bytes { hex } => hex.clone(),
        EchoBody::Broken { format, why } => format!("This is no {format}: {why}"),
    }
}

fn lines(lines: impl Iterator<Item = String>) -> String {
    lines.collect::<Vec<_>>().join("\n")
}

/// What the server answered to a raw request: its bytes as they came, and why they end there (`Probe-End`).
pub fn of_raw(reply: &[u8], end: &str) -> Answer {
    let end = match end {
        "complete" => " The answer is complete, and the connection stays open.",
        "closed" => " Then it closed the connection.",
        "idle" => " Then nothing more came, and the probe hung up.",
        "bound" => " That is as much as the probe takes.",
        _ => "",
    };
    let line = if reply.is_empty() {
        format!("The server answered nothing.{end}")
    } else {
        let first = reply
            .split(|byte| *byte == b'\r')
            .next()
            .unwrap_or_default();
        let status = String::from_utf8_lossy(first)
            .chars()
            .take(80)
            .collect::<String>();
        let count = bytes(reply.len() as u64);
        format!("The server answered {count}: {status}.{end}")
    };
    let shown = reply.get(..SHOWN_MAX).unwrap_or(reply);
    let mut text = raw::from_bytes(shown);
    if shown.len() < reply.len() {
        text.push_str(&format!(
            "\n… {} more",
            bytes((reply.len() - shown.len()) as u64)
        ));
    }
    Answer { line, text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::echo::{EchoAsked, EchoSteps};

    fn reply(body: EchoBody, body_bytes: u64) -> EchoReply {
        EchoReply {
            method: "POST".into(),
            target: "/api/echo".into(),
            version: "HTTP/1.1".into(),
            headers: Vec::new(),
            body_bytes,
            body,
            asked: EchoAsked::default(),
            took_us: EchoSteps::default(),
            filler: String::new(),
        }
    }

    #[test]
    fn an_answer_says_what_was_understood() {
        let json = EchoBody::Json {
            value: serde_json::json!({"a": 1}),
        };
        let answer = of_echo(200, 412, &reply(json, 7));
        assert_eq!(
            answer.line,
            "Status 200, 412 B of body. The server says: it read 7 B as JSON."
        );
        assert_eq!(answer.text, "{\"a\":1}");
        let broken = EchoBody::Broken {
            format: "JSON".into(),
            why: "expected value at line 1 column 1".into(),
        };
        assert!(
            of_echo(200, 1, &reply(broken, 3))
                .text
                .starts_with("This is no JSON:")
        );
        let none = of_echo(404, 1, &reply(EchoBody::Nothing, 0));
        assert!(none.line.ends_with("it came without a body."));
    }

    #[test]
    fn a_raw_answer_is_shown_as_it_came() {
        let answer = of_raw(b"HTTP/1.1 400 Bad Request\r\n\r\n", "closed");
        assert_eq!(
            answer.line,
            "The server answered 28 B: HTTP/1.1 400 Bad Request. Then it closed the connection."
        );
        assert_eq!(answer.text, "HTTP/1.1 400 Bad Request\\r\\n\n\\r\\n\n");
        assert_eq!(
            of_raw(b"", "idle").line,
            "The server answered nothing. Then nothing more came, and the probe hung up."
        );
        let long = of_raw(&[b'a'; SHOWN_MAX + 1], "complete");
        assert!(long.text.ends_with("… 1 B more"));
        assert!(!of_raw(&[b'a'; SHOWN_MAX], "complete").text.contains('…'));
    }
}

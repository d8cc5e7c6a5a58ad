//! What came back, in words: what the server made of the request.

use wire::{json::Json, time::bytes};

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

/// What the server made of a request that it mirrored: [`wire::echo::EchoReply`], read field by field, because a decoder
/// for all of it would be larger than this lab. `None` for another reply.
pub fn of_echo(status: u16, length: usize, reply: &Json) -> Option<Answer> {
    let count = reply.get("body_bytes")?.as_u64()?;
    let body = reply.get("body")?;
    let (format, text) = understood(body)?;
    let read = match count {
        0 => "it came without a body".to_owned(),
        count => format!("it read {} as {format}", bytes(count)),
    };
    Some(Answer {
        line: format!(
            "Status {status}, {} of body. The server says: {read}.",
            bytes(length as u64)
        ),
        text,
    })
}

/// The name of the format that a body was parsed as, and what came of it.
fn understood(body: &Json) -> Option<(&'static str, String)> {
    let text = |name: &str| body.get(name).and_then(Json::as_str).unwrap_or_default();
    let list = |name: &str| body.get(name).map_or(&[][..], Json::items);
    Some(match body.get("parsed_as")?.as_str()? {
        "nothing" => ("nothing", "No body came.".to_owned()),
        "json" => ("JSON", body.get("value")?.to_string()),
        "form" => (
            "a form",
            lines(list("fields").iter().map(|pair| {
                let word = |place: usize| {
                    let word = pair.items().get(place).and_then(Json::as_str);
                    word.unwrap_or_default()
                };
                format!("{} = {}", word(0), word(1))
            })),
        ),
        "multipart" => ("a multipart form", lines(list("parts").iter().map(part))),
        "xml" => {
            let elements = body.get("elements").and_then(Json::as_u64).unwrap_or(0);
            (
                "XML",
                format!(
                    "Root element {}, {} elements in all",
                    text("root"),
                    grouped(elements)
                ),
            )
        }
        "text" => ("text", text("text").to_owned()),
        "bytes" => ("bytes of no format that it knows", text("hex").to_owned()),
        "broken" => (
            "something broken",
            format!("This is no {}: {}", text("format"), text("why")),
        ),
        _ => return None,
    })
}

fn part(part: &Json) -> String {
    let text = |name: &str| part.get(name).and_then(Json::as_str);
    let mut line = format!(
        "{} ({}",
        text("name").unwrap_or_default(),
        bytes(part.get("bytes").and_then(Json::as_u64).unwrap_or(0))
    );
    if let Some(name) = text("file_name") {
        line.push_str(&format!(", file {name}"));
    }
    if let Some(kind) = text("content_type") {
        line.push_str(&format!(", {kind}"));
    }
    line.push_str("): ");
    line.push_str(text("text").unwrap_or("…"));
    line
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
    use wire::echo::{EchoAsked, EchoBody, EchoPart, EchoReply, EchoSteps};

    /// What is read here is what the server writes.
    fn answer(body: EchoBody, body_bytes: u64) -> Answer {
        let reply = EchoReply {
            method: "POST".into(),
            target: "/api/echo".into(),
            version: "HTTP/1.1".into(),
            headers: Vec::new(),
            body_bytes,
            body,
            asked: EchoAsked::default(),
            took_us: EchoSteps::default(),
            filler: String::new(),
        };
        let text = serde_json::to_string(&reply).expect("serializes");
        let json = Json::parse(&text).expect("JSON");
        of_echo(200, 412, &json).expect("an echo")
    }

    #[test]
    fn an_answer_says_what_was_understood() {
        let json = answer(
            EchoBody::Json {
                value: serde_json::json!({"a": 1}),
            },
            7,
        );
        assert_eq!(
            json.line,
            "Status 200, 412 B of body. The server says: it read 7 B as JSON."
        );
        assert_eq!(json.text, "{\"a\":1}");
        let none = answer(EchoBody::Nothing, 0);
        assert!(none.line.ends_with("it came without a body."));
        let other = Json::parse(r#"{"title": "Bad"}"#).expect("JSON");
        assert_eq!(of_echo(200, 1, &other), None);
    }

    #[test]
    fn each_format_has_its_words() {
        let cases = [
            (
                EchoBody::Form {
                    fields: vec![("a".into(), "1".into()), ("b".into(), "2".into())],
                },
                "a = 1\nb = 2",
            ),
            (
                EchoBody::Multipart {
                    parts: vec![EchoPart {
                        name: "note".into(),
                        file_name: Some("note.txt".into()),
                        content_type: Some("text/plain".into()),
                        bytes: 2,
                        text: Some("hi".into()),
                    }],
                },
                "note (2 B, file note.txt, text/plain): hi",
            ),
            (
                EchoBody::Xml {
                    root: "order".into(),
                    elements: 3,
                },
                "Root element order, 3 elements in all",
            ),
            (EchoBody::Text { text: "hi".into() }, "hi"),
            (EchoBody::Bytes { hex: "00ff".into() }, "00ff"),
            (
                EchoBody::Broken {
                    format: "JSON".into(),
                    why: "expected value".into(),
                },
                "This is no JSON: expected value",
            ),
        ];
        for (body, text) in cases {
            assert_eq!(answer(body, 5).text, text);
        }
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

//! A notation for raw requests in a text box: what is written is what is sent.
//!
//! A text box cannot hold a bare CR, nor tell LF from CR LF. So bytes that cannot be seen are written out, and the
//! box's own line breaks are only for the eye:
//!
//! | written | sent |
//! | --- | --- |
//! | `\r` `\n` `\t` `\0` `\\` | CR, LF, tab, NUL, a backslash |
//! | `\x8f` | the byte with this value |
//! | `\{host}` | the server's host and port |
//! | `\{traceparent}` | the run on the screen, and a new exchange |
//! | `a\{5000}` | the byte before, 5,000 times in all |

use wire::limits::PROBE_BYTES_MAX;

/// Why a text in this notation means nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRaw {
    /// The line in the box, from 1.
    pub line: usize,
    /// What is wrong there and what to do, in words.
    pub why: String,
}

/// What the placeholders stand for.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// For `\{host}`: host and port as in the page's address.
    pub host: &'a str,
    /// For `\{traceparent}`: the field's value.
    pub traceparent: &'a str,
}

/// The bytes that a text in the notation stands for.
///
/// # Errors
/// An unknown escape, or more than [`PROBE_BYTES_MAX`] bytes.
pub fn to_bytes(text: &str, places: Places<'_>) -> Result<Vec<u8>, NotRaw> {
    let mut bytes = Vec::with_capacity(text.len());
    for (line, row) in (1..).zip(text.lines()) {
        let wrong = |why: &str| NotRaw {
            line,
            why: why.to_owned(),
        };
        let mut rest = row;
        while let Some((before, behind)) = rest.split_once('\\') {
            bytes.extend_from_slice(before.as_bytes());
            let mut used = 1;
            match behind.as_bytes().first() {
                Some(b'r') => bytes.push(b'\r'),
                Some(b'n') => bytes.push(b'\n'),
                Some(b't') => bytes.push(b'\t'),
                Some(b'0') => bytes.push(0),
                Some(b'\\') => bytes.push(b'\\'),
                Some(b'x') => {
                    let byte = behind
                        .get(1..3)
                        .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
                        .and_then(|hex| u8::from_str_radix(hex, 16).ok())
                        .ok_or_else(|| wrong("Two hex digits must follow \\x, as in \\x8f."))?;
                    bytes.push(byte);
                    used = 3;
                }
                Some(b'{') => {
                    let end = behind
                        .find('}')
                        .ok_or_else(|| wrong("A } is missing after \\{."))?;
                    place(&mut bytes, behind.get(1..end).unwrap_or_default(), places)
                        .map_err(|why| NotRaw { line, why })?;
                    used = end + 1;
                }
                _ => {
                    return Err(wrong(
                        "After a backslash there must be r, n, t, 0, x, { or another backslash. Write \\\\ for one.",
                    ));
                }
            }
            rest = behind.get(used..).unwrap_or_default();
            within_bound(&bytes, line)?;
        }
        bytes.extend_from_slice(rest.as_bytes());
        within_bound(&bytes, line)?;
    }
    Ok(bytes)
}

/// Puts in what `\{name}` stands for.
fn place(bytes: &mut Vec<u8>, name: &str, places: Places<'_>) -> Result<(), String> {
    match name {
        "host" => bytes.extend_from_slice(places.host.as_bytes()),
        "traceparent" => bytes.extend_from_slice(places.traceparent.as_bytes()),
        count => {
            let times = count
                .parse::<usize>()
                .ok()
                .filter(|times| (1..=PROBE_BYTES_MAX as usize).contains(times))
                .ok_or_else(|| {
                    format!("Between \\{{ and }} there is host, traceparent, or a number from 1 to {PROBE_BYTES_MAX}.")
                })?;
            let last = *bytes
                .last()
                .ok_or_else(|| "There is no byte before that could be repeated.".to_owned())?;
            bytes.resize(bytes.len() + times - 1, last);
        }
    }
    Ok(())
}

fn within_bound(bytes: &[u8], line: usize) -> Result<(), NotRaw> {
    if bytes.len() as u64 <= PROBE_BYTES_MAX {
        return Ok(());
    }
    Err(NotRaw {
        line,
        why: format!(
            "The request is longer than {PROBE_BYTES_MAX} bytes, the most that the probe sends."
        ),
    })
}

/// Writes bytes in the notation, a line break for the eye after each LF.
pub fn from_bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 32);
    for byte in bytes {
        match byte {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n\n"),
            b'\t' => text.push_str("\\t"),
            0 => text.push_str("\\0"),
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(*byte)),
            other => text.push_str(&format!("\\x{other:02x}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLACES: Places<'static> = Places {
        host: "127.0.0.1:3000",
        traceparent: "00-a-b-01",
    };

    #[test]
    fn only_what_is_written_out_is_sent() {
        let text = "GET / HTTP/1.1\\r\\n\nHost: \\{host}\\n\nX: a\\{4}\\x00\\r\\n\n\\r\\n";
        let sent = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:3000\nX: aaaa\0\r\n\r\n";
        assert_eq!(to_bytes(text, PLACES).expect("valid"), sent);
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        for (text, line) in [
            ("a\\r\nb\\q", 2),
            ("\\", 1),
            ("\\x8", 1),
            ("\\x+1", 1),
            ("\\{7", 1),
            ("\\{name}", 1),
            ("\\{3}", 1),
            ("a\\{0}", 1),
        ] {
            assert_eq!(to_bytes(text, PLACES).expect_err(text).line, line, "{text}");
        }
    }

    #[test]
    fn the_bound_holds_at_the_limit_and_one_past_it() {
        let most = format!("a\\{{{PROBE_BYTES_MAX}}}");
        assert_eq!(
            to_bytes(&most, PLACES).expect("fits").len() as u64,
            PROBE_BYTES_MAX
        );
        assert!(to_bytes(&format!("{most}b"), PLACES).is_err());
        assert!(to_bytes(&most.repeat(1000), PLACES).is_err());
    }

    proptest! {
        #[test]
        fn bytes_come_back_as_they_were(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert_eq!(to_bytes(&from_bytes(&bytes), PLACES), Ok(bytes));
        }
    }
}

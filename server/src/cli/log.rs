//! The log, on standard error.

use std::io::{self, Write};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use super::LogFormat;

/// Starts the log.
pub fn init(filter: &str, format: LogFormat) {
    // The flag was checked when it was parsed.
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter);
    match format {
        LogFormat::Text => builder.with_ansi(false).with_writer(Escaped).init(),
        // JSON escapes control characters by itself.
        LogFormat::Json => builder.json().with_writer(io::stderr).init(),
    }
}

/// Standard error with control characters escaped: what a client put into a header field must not begin a line of its
/// own or move the terminal's cursor.
struct Escaped;

impl<'a> MakeWriter<'a> for Escaped {
    type Writer = EscapedLine;

    fn make_writer(&'a self) -> EscapedLine {
        EscapedLine
    }
}

struct EscapedLine;

impl Write for EscapedLine {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(escape(line).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// One line of the log: control characters as `\n`, `\u{1b}` and so on, but for the line's own end.
fn escape(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let (text, end) = match text.strip_suffix('\n') {
        Some(text) => (text, "\n"),
        None => (&*text, ""),
    };
    let mut escaped = String::with_capacity(text.len() + end.len());
    for character in text.chars() {
        if character.is_control() {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped + end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(
            escape(b"refused Host: a\r\nINFO forged\n"),
            "refused Host: a\\r\\nINFO forged\n"
        );
        assert_eq!(escape(b"\x1b[2J\n"), "\\u{1b}[2J\n");
        assert_eq!(
            escape("\u{9b}31m caf\u{e9}\n".as_bytes()),
            "\\u{9b}31m caf\u{e9}\n"
        );
    }
}

//! Commands for a terminal that do exactly what the controls say. Quoted for a POSIX shell: what stands in a text box
//! must never be more than data there.

/// Quotes a word for a POSIX shell. A NUL cannot stand in an argument; [`printf`] carries it.
pub fn quote(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=@%,+".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// `printf '…'`, which writes exactly these bytes in every POSIX shell.
pub fn printf(bytes: &[u8]) -> String {
    let mut format = String::with_capacity(bytes.len() + 16);
    for byte in bytes {
        match byte {
            b'%' => format.push_str("%%"),
            b'\\' => format.push_str(r"\\"),
            b'\'' => format.push_str(r"'\''"),
            b'\r' => format.push_str(r"\r"),
            b'\n' => format.push_str(r"\n"),
            b' '..=b'~' => format.push(char::from(*byte)),
            // Three octal digits, so that a digit behind is not taken in.
            other => format.push_str(&format!("\\{other:03o}")),
        }
    }
    format!("printf '{format}'")
}

/// A `curl` command under construction.
#[derive(Debug, Clone)]
pub struct Curl {
    before: String,
    words: Vec<String>,
}

impl Curl {
    /// `curl {flags} {url}`.
    pub fn new(flags: &str, url: &str) -> Curl {
        Curl {
            before: String::new(),
            words: vec![format!("curl {flags} {}", quote(url))],
        }
    }

    /// With this method, where curl would not choose it by itself.
    pub fn method(self, method: &str) -> Curl {
        self.option(&format!("-X {method}"))
    }

    /// With a header field.
    pub fn header(self, name: &str, value: &str) -> Curl {
        self.option(&format!("-H {}", quote(&format!("{name}: {value}"))))
    }

    /// With a body. Text without control characters stands in the command; other bytes come from `printf`.
    pub fn body(mut self, bytes: &[u8]) -> Curl {
        let text = std::str::from_utf8(bytes)
            .ok()
            .filter(|text| !text.chars().any(|c| c.is_control() && c != '\n'));
        match text {
            Some(text) => self.option(&format!("--data-raw {}", quote(text))),
            None => {
                self.before = format!("{} |\n", printf(bytes));
                self.option("--data-binary @-")
            }
        }
    }

    /// With another option, as it stands.
    pub fn option(mut self, option: &str) -> Curl {
        self.words.push(option.to_owned());
        self
    }

    /// The command, one option a line.
    pub fn finish(&self) -> String {
        format!("{}{}", self.before, self.words.join(" \\\n  "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn shell(script: &str) -> Vec<u8> {
        let output = Command::new("sh").arg("-c").arg(script).output();
        output.expect("a POSIX shell runs the tests").stdout
    }

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for word in [
            "plain",
            "",
            "it's",
            "$(touch x) `id` \"$HOME\" \\ !",
            "two\nlines",
            "ü; rm -rf '",
            "-n",
            "*",
        ] {
            let script = format!("printf %s {}", quote(word));
            assert_eq!(shell(&script), word.as_bytes(), "{word}");
        }
    }

    #[test]
    fn printf_writes_every_byte() {
        let all: Vec<u8> = (0..=255).chain(*b"7\x007%s\\n'$(id)'").collect();
        assert_eq!(shell(&printf(&all)), all);
    }

    #[test]
    fn a_command_has_one_option_a_line() {
        let command = Curl::new(
            "-i",
            "http://127.0.0.1:3000/api/echo?delay_ms=40&status=404",
        )
        .method("PUT")
        .header("Content-Type", "text/plain")
        .body(b"it's")
        .finish();
        assert_eq!(
            command,
            "curl -i 'http://127.0.0.1:3000/api/echo?delay_ms=40&status=404' \\\n  -X PUT \\\n  \
             -H 'Content-Type: text/plain' \\\n  --data-raw 'it'\\''s'"
        );
        let bytes = Curl::new("-i", "http://h/").body(b"a\r\nb").finish();
        assert_eq!(
            bytes,
            "printf 'a\\r\\nb' |\ncurl -i http://h/ \\\n  --data-binary @-"
        );
    }
}

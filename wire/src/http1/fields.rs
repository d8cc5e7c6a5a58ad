//! What a head says about its body, line by line, and which fields nobody should read over one's shoulder.

/// Fields whose values are secrets: they are recorded by name and length only. Lower case.
const SECRET_FIELDS: [&str; 8] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-api-key",
    "x-auth-token",
    "x-csrf-token",
    "x-xsrf-token",
];

/// Does a field of this name carry a secret? Case does not matter (RFC 9110 §5.1).
pub fn is_secret_field(name: &[u8]) -> bool {
    SECRET_FIELDS
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret.as_bytes()))
}

/// A line without its end, `\r\n` or a bare `\n` (RFC 9112 §2.2).
#[inline]
pub(super) fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Name and value of a field line, the white space around the value taken off; `None` when there is no colon.
pub(super) fn name_and_value(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let line = without_line_end(line);
    let colon = line.iter().position(|byte| *byte == b':')?;
    Some((&line[..colon], line[colon + 1..].trim_ascii()))
}

/// A `Content-Length`: digits and nothing else (RFC 9110 §8.6); `None` where it is something else or too large.
pub(super) fn content_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |sum, byte| match byte {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

/// Is `chunked` the last coding of a `Transfer-Encoding` (RFC 9112 §6.1)?
pub(super) fn ends_in_chunked(value: &[u8]) -> bool {
    value
        .rsplit(|byte| *byte == b',')
        .next()
        .is_some_and(|last| last.trim_ascii().eq_ignore_ascii_case(b"chunked"))
}

/// A chunk's size from its line (RFC 9112 §7.1): hexadecimal digits, then perhaps an extension; `None` where it is
/// none. The second figure says how many digits there are.
pub(super) fn chunk_size(line: &[u8]) -> Option<(u64, usize)> {
    let line = without_line_end(line);
    let digits = line
        .iter()
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let behind = line[digits..].first();
    if digits == 0 || !matches!(behind, None | Some(b';' | b' ' | b'\t')) {
        return None;
    }
    let size = line[..digits].iter().try_fold(0_u64, |sum, byte| {
        let digit = (*byte as char).to_digit(16)?;
        sum.checked_mul(16)?.checked_add(u64::from(digit))
    })?;
    Some((size, digits))
}

/// A field that decides where its message ends, or what follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FramingField {
    ContentLength,
    TransferEncoding,
    Upgrade,
}

/// Which of these a field line is, and its value without the white space around it. Of all other lines, which are most,
/// it looks at two bytes.
#[inline]
pub(super) fn framing_field(line: &[u8]) -> Option<(FramingField, &[u8])> {
    let (field, name) = match line.first()? | 0x20 {
        b'c' => (FramingField::ContentLength, "content-length"),
        b't' => (FramingField::TransferEncoding, "transfer-encoding"),
        b'u' => (FramingField::Upgrade, "upgrade"),
        _ => return None,
    };
    if line.get(name.len()) != Some(&b':') {
        return None;
    }
    let (said, value) = line.split_at(name.len());
    said.eq_ignore_ascii_case(name.as_bytes())
        .then(|| (field, value[1..].trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_a_content_length() {
        assert_eq!(content_length(b"0"), Some(0));
        assert_eq!(content_length(b"18446744073709551615"), Some(u64::MAX));
        for wrong in ["", "+5", "-5", "5, 5", "0x5", "5 ", "18446744073709551616"] {
            assert_eq!(content_length(wrong.as_bytes()), None, "{wrong:?}");
        }
    }

    #[test]
    fn chunked_must_come_last() {
        assert!(ends_in_chunked(b"chunked"));
        assert!(ends_in_chunked(b"gzip, Chunked "));
        assert!(!ends_in_chunked(b"chunked, gzip"));
        assert!(!ends_in_chunked(b"xchunked"));
    }

    #[test]
    fn a_chunk_size_is_hexadecimal_with_perhaps_an_extension() {
        assert_eq!(chunk_size(b"1aF\r\n"), Some((0x1af, 3)));
        assert_eq!(chunk_size(b"5;name=value\r\n"), Some((5, 1)));
        assert_eq!(chunk_size(b"0\r\n"), Some((0, 1)));
        for wrong in [
            "\r\n",
            "g\r\n",
            "-1\r\n",
            "0x5\r\n",
            "11111111111111111\r\n",
        ] {
            assert_eq!(chunk_size(wrong.as_bytes()), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_framing_field_is_told_by_its_whole_name() {
        use FramingField::{ContentLength, TransferEncoding, Upgrade};
        for (line, field, value) in [
            ("Content-Length: 5 \r\n", ContentLength, "5"),
            ("content-length:5\n", ContentLength, "5"),
            (
                "TRANSFER-encoding:\tchunked\r\n",
                TransferEncoding,
                "chunked",
            ),
            ("Upgrade: websocket\r\n", Upgrade, "websocket"),
            ("upgrade:\r\n", Upgrade, ""),
        ] {
            let told = framing_field(line.as_bytes());
            assert_eq!(told, Some((field, value.as_bytes())), "{line:?}");
        }
        for other in [
            "",
            "\r\n",
            "c\r\n",
            "Content-Length\r\n",
            "Content-Length : 5\r\n",
            "Content-Lengths: 5\r\n",
            "Content-Type: text/plain\r\n",
            " Upgrade: websocket\r\n",
            "5pgrade: websocket\r\n",
            "Upgrade-Insecure-Requests: 1\r\n",
        ] {
            assert_eq!(framing_field(other.as_bytes()), None, "{other:?}");
        }
    }
}

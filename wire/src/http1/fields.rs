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

/// Where the next line feed stands. Eight bytes at a time: a head is found with one scan, for every request.
pub(super) fn line_feed(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    const FEEDS: u64 = u64::from_ne_bytes([b'\n'; 8]);
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        // A byte of `word` that is a line feed becomes zero; the lowest zero byte sets the lowest high bit.
        let zeroed = u64::from_le_bytes(*word) ^ FEEDS;
        let found = zeroed.wrapping_sub(ONES) & !zeroed & HIGH;
        if found != 0 {
            return Some(index * 8 + (found.trailing_zeros() / 8) as usize);
        }
    }
    let before = words.len() * 8;
    rest.iter()
        .position(|byte| *byte == b'\n')
        .map(|place| before + place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn the_line_feed_is_where_a_plain_search_finds_it(bytes in prop::collection::vec(
            prop_oneof![Just(b'\n'), Just(0x0b), Just(0x8a), any::<u8>()], 0..64)
        ) {
            prop_assert_eq!(line_feed(&bytes), bytes.iter().position(|byte| *byte == b'\n'));
        }
    }
}

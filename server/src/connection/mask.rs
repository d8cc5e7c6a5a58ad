//! What a run may see of a head: everything but the values of secret fields.

use wire::http1::is_secret_field;

/// Of a field's name, this much is looked at: no secret field's name is longer.
const NAME_MAX: usize = 32;
/// Of a start line, this much is kept for the words on an arrow.
const START_LINE_MAX: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    StartLine { begun: bool },
    LineBegin,
    Name,
    Value { secret: bool, begun: bool },
}

/// Follows one message's head byte by byte, overwrites secret values with `*`, and remembers the start line. It does not
/// matter how the head is cut.
#[derive(Debug, Clone)]
pub(super) struct Mask {
    state: State,
    name: Vec<u8>,
    secret: bool,
    start_line: Vec<u8>,
}

impl Mask {
    pub(super) fn new() -> Mask {
        Mask {
            state: State::StartLine { begun: false },
            name: Vec::new(),
            secret: false,
            start_line: Vec::new(),
        }
    }

    /// The last start line begun, without its end: of a response behind an interim one, the response's.
    pub(super) fn start_line(&self) -> &[u8] {
        &self.start_line
    }

    /// Is this right behind a head's end, or at the very beginning?
    pub(super) fn is_between_heads(&self) -> bool {
        self.state == State::StartLine { begun: false }
    }

    /// Takes head bytes and appends to `out` what may be seen of them, at most until `out` is `room` bytes long.
    pub(super) fn apply(&mut self, head: &[u8], out: &mut Vec<u8>, room: usize) {
        for byte in head {
            let shown = self.next(*byte);
            if out.len() < room {
                out.push(shown);
            }
        }
    }

    fn next(&mut self, byte: u8) -> u8 {
        match (self.state, byte) {
            (_, b'\n') => {
                self.state = match self.state {
                    // Empty lines before a start line are skipped; one behind the fields ends the head.
                    State::StartLine { begun: false } | State::LineBegin => {
                        State::StartLine { begun: false }
                    }
                    _ => State::LineBegin,
                };
            }
            (State::StartLine { .. }, b'\r') => {}
            (State::StartLine { begun }, _) => {
                if !begun {
                    self.start_line.clear();
                    self.state = State::StartLine { begun: true };
                }
                if self.start_line.len() < START_LINE_MAX {
                    self.start_line.push(byte);
                }
            }
            (State::LineBegin, b'\r') => {}
            // A folded line goes on with the value before it (RFC 9112 §5.2).
            (State::LineBegin, b' ' | b'\t') => {
                self.state = State::Value {
                    secret: self.secret,
                    begun: false,
                };
            }
            (State::LineBegin, _) => {
                self.secret = false;
                self.name.clear();
                self.name.push(byte);
                self.state = State::Name;
            }
            (State::Name, b':') => {
                self.secret = is_secret_field(self.name.trim_ascii());
                self.state = State::Value {
                    secret: self.secret,
                    begun: false,
                };
            }
            (State::Name, _) => {
                if self.name.len() < NAME_MAX {
                    self.name.push(byte);
                }
            }
            (State::Value { secret: false, .. }, _) => {}
            (State::Value { begun: false, .. }, b' ' | b'\t') => {}
            (State::Value { .. }, b'\r') => {}
            (State::Value { .. }, _) => {
                self.state = State::Value {
                    secret: true,
                    begun: true,
                };
                return b'*';
            }
        }
        byte
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn masked(head: &str) -> String {
        let mut out = Vec::new();
        Mask::new().apply(head.as_bytes(), &mut out, usize::MAX);
        String::from_utf8(out).expect("a mask is one byte for one byte")
    }

    #[test]
    fn secret_values_are_overwritten_byte_for_byte() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nCookie: id=1; b\r\nauthorization:Bearer x\r\nX: Cookie: y\r\n\r\n";
        let seen = "GET / HTTP/1.1\r\nHost: a\r\nCookie: *******\r\nauthorization:********\r\nX: Cookie: y\r\n\r\n";
        assert_eq!(masked(head), seen);
    }

    #[test]
    fn a_secret_that_goes_on_in_a_folded_line_stays_secret() {
        let head = "GET / HTTP/1.1\nCookie: a\n\tb=2\nCookies: b\n\n";
        assert_eq!(
            masked(head),
            "GET / HTTP/1.1\nCookie: *\n\t***\nCookies: b\n\n"
        );
    }

    #[test]
    fn a_space_before_the_colon_hides_no_name() {
        assert_eq!(masked("GET /\r\nCookie : a\r\n"), "GET /\r\nCookie : *\r\n");
    }

    #[test]
    fn the_start_line_is_that_of_the_last_head() {
        let mut mask = Mask::new();
        let mut out = Vec::new();
        mask.apply(
            b"\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nSet-Cookie: a\r\n",
            &mut out,
            30,
        );
        assert_eq!(mask.start_line(), b"HTTP/1.1 200 OK");
        assert_eq!(out.len(), 30);
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(
            head in "(GET / HTTP/1.1|)\r?\n((Cookie|X|COOKIE ): ?[a;=\r ]{0,6}\r?\n){0,4}\r?\n",
            cut in any::<prop::sample::Index>(),
        ) {
            let cut = cut.index(head.len());
            let (mut mask, mut out) = (Mask::new(), Vec::new());
            mask.apply(&head.as_bytes()[..cut], &mut out, usize::MAX);
            mask.apply(&head.as_bytes()[cut..], &mut out, usize::MAX);
            prop_assert_eq!(String::from_utf8_lossy(&out).into_owned(), masked(&head));
        }
    }
}

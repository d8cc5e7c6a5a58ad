//! From the bytes of a message to its pieces, each with a name and a sentence.

use std::ops::Range;

use wire::http1::{Answers, Direction, PartKind, split};

use super::words;

/// One piece of a message: the smallest thing that has a meaning of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Where it stands.
    pub range: Range<usize>,
    /// What it is called.
    pub name: &'static str,
    /// What it is for.
    pub says: String,
    /// Its class on the page: `start`, `name`, `value`, `mark` (what separates), `end` (an empty line), `size`, `body`,
    /// `odd`.
    pub class: &'static str,
}

/// Names every piece of a message. Together they cover the bytes without a gap, as far as they belong to it.
pub fn take_apart(bytes: &[u8], direction: Direction, answers: Answers) -> Vec<Piece> {
    let mut out = Pieces {
        bytes,
        pieces: Vec::new(),
    };
    for part in split(bytes, direction, answers).parts {
        let range = part.range;
        match part.kind {
            PartKind::RequestLine {
                method,
                target,
                version,
            } => {
                let says = words::method(out.text(&method));
                out.piece(method.clone(), "Method", "start", says);
                out.mark(method.end..target.start, "Space");
                out.plain(target.clone(), "Target", "start");
                out.mark(target.end..version.start, "Space");
                out.plain(version.clone(), "Version", "start");
                out.mark(version.end..range.end, "Line end");
            }
            PartKind::StatusLine {
                version,
                status,
                reason,
            } => {
                out.plain(version.clone(), "Version", "start");
                out.mark(version.end..status.start, "Space");
                let says = words::status(out.text(&status));
                out.piece(status.clone(), "Status", "start", says);
                out.mark(status.end..reason.start, "Space");
                out.plain(reason.clone(), "Reason", "start");
                out.mark(reason.end..range.end, "Line end");
            }
            PartKind::Field { name, value } => out.field(range, name, value, "Field"),
            PartKind::Trailer { name, value } => out.field(range, name, value, "Trailer field"),
            PartKind::ChunkSize {
                digits,
                extension,
                bytes,
            } => {
                out.piece(digits.clone(), "Chunk size", "size", words::chunk(bytes));
                out.plain(digits.end..extension.end, "Chunk extension", "odd");
                out.mark(extension.end..range.end, "Line end");
            }
            PartKind::LastChunk => out.plain(range, "Last chunk", "size"),
            PartKind::ChunkData => out.plain(range, "Chunk", "body"),
            PartKind::ChunkEnd => out.mark(range, "Chunk end"),
            PartKind::HeadEnd => out.plain(range, "Empty line", "end"),
            PartKind::TrailersEnd => {
                let says = words::piece("Empty line behind trailers");
                out.piece(range, "Empty line", "end", says);
            }
            PartKind::Body => out.plain(range, "Body", "body"),
            PartKind::LeadingLine => out.plain(range, "Line before", "odd"),
            PartKind::NoField => out.plain(range, "No field", "odd"),
            PartKind::Cut => out.plain(range, "Cut off", "odd"),
            PartKind::Raw => out.plain(range, "Other bytes", "odd"),
        }
    }
    out.pieces
}

struct Pieces<'a> {
    bytes: &'a [u8],
    pieces: Vec<Piece>,
}

impl<'a> Pieces<'a> {
    fn text(&self, range: &Range<usize>) -> &'a str {
        self.bytes
            .get(range.clone())
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }

    fn piece(
        &mut self,
        range: Range<usize>,
        name: &'static str,
        class: &'static str,
        says: String,
    ) {
        if !range.is_empty() {
            self.pieces.push(Piece {
                range,
                name,
                says,
                class,
            });
        }
    }

    /// A piece of which always the same is said.
    fn plain(&mut self, range: Range<usize>, name: &'static str, class: &'static str) {
        self.piece(range, name, class, words::piece(name));
    }

    /// What separates two pieces.
    fn mark(&mut self, range: Range<usize>, name: &'static str) {
        let says = match self.bytes.get(range.clone()) {
            Some(b"\n") => "LF",
            _ => name,
        };
        self.piece(range, name, "mark", words::piece(says));
    }

    fn field(
        &mut self,
        line: Range<usize>,
        name: Range<usize>,
        value: Range<usize>,
        kind: &'static str,
    ) {
        let says = words::field(self.text(&name));
        self.piece(name.clone(), kind, "name", says.clone());
        self.mark(name.end..value.start, "Colon");
        self.piece(value.clone(), "Value", "value", says);
        self.mark(value.end..line.end, "Line end");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(bytes: &[u8], direction: Direction) -> Vec<(&'static str, String)> {
        take_apart(bytes, direction, Answers::Other)
            .into_iter()
            .filter(|piece| piece.class != "mark")
            .map(|piece| {
                let text = String::from_utf8_lossy(&bytes[piece.range]).into_owned();
                (piece.name, text)
            })
            .collect()
    }

    #[test]
    fn a_request_has_its_pieces() {
        let pieces = named(
            b"POST /api/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
            Direction::Request,
        );
        let expected = [
            ("Method", "POST"),
            ("Target", "/api/echo"),
            ("Version", "HTTP/1.1"),
            ("Field", "Host"),
            ("Value", "a"),
            ("Field", "Content-Length"),
            ("Value", "2"),
            ("Empty line", "\r\n"),
            ("Body", "hi"),
        ];
        assert_eq!(pieces, expected.map(|(name, text)| (name, text.to_owned())));
    }

    #[test]
    fn a_chunked_response_has_its_pieces() {
        let pieces = named(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
            Direction::Response,
        );
        let names: Vec<_> = pieces.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            names,
            [
                "Version",
                "Status",
                "Reason",
                "Field",
                "Value",
                "Empty line",
                "Chunk size",
                "Chunk extension",
                "Chunk",
                "Last chunk",
                "Trailer field",
                "Value",
                "Empty line",
            ]
        );
    }

    proptest! {
        #[test]
        fn pieces_cover_the_bytes_without_a_gap(
            start in prop::sample::select(vec!["GET / HTTP/1.1\r\n", "POST /a b HTTP/1.1\n", "HTTP/1.1 200\r\n", "\r\n"]),
            rest in prop::collection::vec(prop::sample::select(vec![
                "Host: a\r\n", "X : b\n", " fold\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: 4\r\n",
                "\r\n", "5\r\nhello\r\n", "zz\r\n", "0\r\n", "body", "\0", "\u{fc}",
            ]), 0..12),
            response in any::<bool>(),
        ) {
            let bytes: Vec<u8> = std::iter::once(start).chain(rest).flat_map(str::bytes).collect();
            let direction = if response { Direction::Response } else { Direction::Request };
            let mut end = 0;
            for piece in take_apart(&bytes, direction, Answers::Other) {
                prop_assert_eq!(piece.range.start, end, "{}", piece.name);
                prop_assert!(!piece.says.is_empty());
                end = piece.range.end;
            }
            prop_assert!(end <= bytes.len());
        }
    }
}

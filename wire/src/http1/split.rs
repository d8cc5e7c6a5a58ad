//! Every part of one message, with the ranges of what stands inside it.

use std::ops::Range;

use super::{
    Answers, BodyFraming, Direction, Framer, Head, PieceKind,
    fields::{chunk_size, name_and_value, without_line_end},
};

/// One part of a message. The ranges inside `kind` lie within `range`; all count bytes from the message's beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRange {
    /// What it is.
    pub kind: PartKind,
    /// Where it stands, its line end included.
    pub range: Range<usize>,
    /// Does it end there? False for what the bytes at hand cut off, and for data whose end only the close tells.
    pub whole: bool,
}

/// What a part is, and where what it says stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartKind {
    /// An empty line before a request, which a server skips (RFC 9112 §2.2).
    LeadingLine,
    /// The request line (RFC 9112 §3). A piece that is missing has an empty range.
    RequestLine {
        /// `GET`.
        method: Range<usize>,
        /// `/api/echo?delay_ms=5`.
        target: Range<usize>,
        /// `HTTP/1.1`.
        version: Range<usize>,
    },
    /// The status line (RFC 9112 §4).
    StatusLine {
        /// `HTTP/1.1`.
        version: Range<usize>,
        /// `200`.
        status: Range<usize>,
        /// `OK`; a server may leave it out.
        reason: Range<usize>,
    },
    /// A field line of the head (RFC 9112 §5).
    Field {
        /// The field's name.
        name: Range<usize>,
        /// The field's value without the white space around it.
        value: Range<usize>,
    },
    /// A line of the head or of the trailers that is no field line: there is no colon, or it begins with white space.
    NoField,
    /// The empty line that ends the head.
    HeadEnd,
    /// Body data that is not chunked.
    Body,
    /// The line with a chunk's size (RFC 9112 §7.1).
    ChunkSize {
        /// The hexadecimal digits.
        digits: Range<usize>,
        /// The extension, from its semicolon on; mostly empty.
        extension: Range<usize>,
        /// The size, in bytes.
        bytes: u64,
    },
    /// A chunk's data.
    ChunkData,
    /// The line end behind a chunk's data.
    ChunkEnd,
    /// The line of the last chunk, whose size is 0.
    LastChunk,
    /// A field line behind the last chunk.
    Trailer {
        /// The field's name.
        name: Range<usize>,
        /// The field's value without the white space around it.
        value: Range<usize>,
    },
    /// The empty line that ends the trailers, and the message.
    TrailersEnd,
    /// What follows an upgrade, or cannot be told apart.
    Raw,
    /// A line that the bytes at hand cut off.
    Cut,
}

/// A message taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The parts in order, without a gap, from 0 to `bytes`.
    pub parts: Vec<PartRange>,
    /// How many bytes belong to the message; what is behind them belongs to the next one.
    pub bytes: usize,
    /// What the head said, once it is whole.
    pub head: Option<Head>,
    /// Where the head ends, once it is whole. Interim responses (1xx) stand before it.
    pub head_end: Option<usize>,
    /// Did the message end? One that only the close ends never does here.
    pub complete: bool,
}

impl Split {
    /// How the end of the body is told; `None` while the head is not whole.
    pub fn framing(&self) -> Option<BodyFraming> {
        self.head.map(|head| head.framing)
    }
}

/// Takes one message apart: all of it, or its beginning. `answers` matters for responses only.
///
/// Interim responses (`100 Continue`) count as the beginning of the response that follows.
pub fn split(bytes: &[u8], direction: Direction, answers: Answers) -> Split {
    let mut framer = match direction {
        Direction::Request => Framer::request(),
        Direction::Response => Framer::response(answers),
    };
    let mut out = Split {
        parts: Vec::new(),
        bytes: 0,
        head: None,
        head_end: None,
        complete: false,
    };
    while !out.complete && out.bytes < bytes.len() {
        let piece = framer.piece(&bytes[out.bytes..]);
        let range = out.bytes..out.bytes + piece.bytes;
        out.bytes = range.end;
        out.complete = piece.ended;
        if piece.kind == PieceKind::HeadEnd && framer.head().is_some() {
            out.head_end = Some(range.end);
        }
        out.parts.push(PartRange {
            kind: part_kind(
                &bytes[range.clone()],
                range.start,
                piece.kind,
                piece.whole,
                direction,
            ),
            range,
            whole: piece.whole,
        });
    }
    out.head = framer.head().copied();
    out
}

fn part_kind(
    part: &[u8],
    start: usize,
    kind: PieceKind,
    whole: bool,
    direction: Direction,
) -> PartKind {
    match kind {
        PieceKind::Body => PartKind::Body,
        PieceKind::ChunkData => PartKind::ChunkData,
        PieceKind::ChunkEnd => PartKind::ChunkEnd,
        PieceKind::Raw => PartKind::Raw,
        _ if !whole => PartKind::Cut,
        PieceKind::LeadingLine => PartKind::LeadingLine,
        PieceKind::HeadEnd => PartKind::HeadEnd,
        PieceKind::LastChunk => PartKind::LastChunk,
        PieceKind::TrailersEnd => PartKind::TrailersEnd,
        PieceKind::StartLine => start_line(part, start, direction),
        PieceKind::Field => match field(part, start) {
            Some((name, value)) => PartKind::Field { name, value },
            None => PartKind::NoField,
        },
        PieceKind::Trailer => match field(part, start) {
            Some((name, value)) => PartKind::Trailer { name, value },
            None => PartKind::NoField,
        },
        PieceKind::ChunkSize => {
            let (bytes, digits) = chunk_size(part).unwrap_or_default();
            let end = start + without_line_end(part).len();
            let digits = start..start + digits;
            PartKind::ChunkSize {
                extension: digits.end..end,
                digits,
                bytes,
            }
        }
    }
}

/// Three words, the last of which may hold spaces in a status line. A request line is cut at its first and last space,
/// as a target with a space in it (which is an error) is then seen whole.
fn start_line(part: &[u8], start: usize, direction: Direction) -> PartKind {
    let text = without_line_end(part);
    let end = start + text.len();
    let is_space = |byte: &u8| *byte == b' ';
    let first = text.iter().position(is_space).unwrap_or(text.len());
    let behind_first = (first + 1).min(text.len());
    match direction {
        Direction::Request => {
            let last = text[behind_first..]
                .iter()
                .rposition(is_space)
                .map_or(text.len(), |place| behind_first + place);
            PartKind::RequestLine {
                method: start..start + first,
                target: start + behind_first..start + last,
                version: start + (last + 1).min(text.len())..end,
            }
        }
        Direction::Response => {
            let second = text[behind_first..]
                .iter()
                .position(is_space)
                .map_or(text.len(), |place| behind_first + place);
            PartKind::StatusLine {
                version: start..start + first,
                status: start + behind_first..start + second,
                reason: start + (second + 1).min(text.len())..end,
            }
        }
    }
}

/// The ranges of a field's name and value; `None` for a line that is no field line.
fn field(part: &[u8], start: usize) -> Option<(Range<usize>, Range<usize>)> {
    if matches!(part.first(), None | Some(b' ' | b'\t')) {
        return None;
    }
    let (name, value) = name_and_value(part)?;
    let behind = &without_line_end(part)[name.len() + 1..];
    let white = behind.len() - behind.trim_ascii_start().len();
    let value_start = start + name.len() + 1 + white;
    Some((
        start..start + name.len(),
        value_start..value_start + value.len(),
    ))
}

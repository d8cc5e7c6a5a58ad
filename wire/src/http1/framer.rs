//! The state machine: which message and which part of it the next byte belongs to.

use super::feeds::Feeds;
use super::fields::{
    FramingField, chunk_size, content_length, ends_in_chunked, framing_field, without_line_end,
};

/// Of a line that came in pieces, at most this much is looked at, in bytes. What says how long a body is stands well
/// within it.
const LINE_KEPT_MAX: usize = 64 * 1024;

/// Which way messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From client to server.
    Request,
    /// From server to client.
    Response,
}

/// What a response answers, as far as it decides whether a body follows (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Answers {
    /// Anything but the two below.
    #[default]
    Other,
    /// `HEAD`: there is no body, whatever the fields say.
    Head,
    /// `CONNECT`: behind a 2xx head the connection is a tunnel.
    Connect,
}

/// How the end of a body is told (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFraming {
    /// There is no body: the message ends with its head.
    None,
    /// `Content-Length`, in bytes.
    Length(u64),
    /// `Transfer-Encoding: chunked`: each chunk says its own size.
    Chunked,
    /// The connection closes behind it.
    UntilClose,
    /// The connection is no longer HTTP/1.1: a tunnel, or another protocol (`101 Switching Protocols`).
    Upgraded,
    /// It cannot be told: the fields contradict each other or a chunk's size is none.
    Unknown,
}

/// What a complete head said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// How the end of the body is told.
    pub framing: BodyFraming,
    /// The status code, of a response.
    pub status: Option<u16>,
    /// For a request, what its response will answer; for a response, what it was told.
    pub answers: Answers,
    /// Does the request ask for another protocol (`Upgrade`, or `CONNECT`)? What follows depends on the response.
    pub wants_upgrade: bool,
}

/// What [`Framer::advance`] took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance {
    /// How many bytes it took; what is behind them belongs to the next message.
    pub bytes: usize,
    /// Where they begin within the message. Interim responses (1xx) count as the beginning of what they announce.
    pub offset: u64,
    /// How many of them are head.
    pub head_bytes: usize,
    /// Where the head ends within the message, if it ended among these bytes.
    pub head_end: Option<u64>,
    /// Did the message end?
    pub ended: bool,
}

/// What a piece is part of. Of a line that is not whole yet, the kind is only a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceKind {
    /// An empty line before a request, which a server skips (RFC 9112 §2.2).
    LeadingLine,
    /// The request line or the status line.
    StartLine,
    /// A field line of the head.
    Field,
    /// The empty line that ends the head.
    HeadEnd,
    /// Body data that is not chunked.
    Body,
    /// The line with a chunk's size.
    ChunkSize,
    /// A chunk's data.
    ChunkData,
    /// The line end behind a chunk's data.
    ChunkEnd,
    /// The size line of the last chunk, which is empty.
    LastChunk,
    /// A field line behind the last chunk.
    Trailer,
    /// The empty line that ends the trailers, and the message.
    TrailersEnd,
    /// What follows an upgrade, or cannot be told apart.
    Raw,
}

impl PieceKind {
    /// Does it belong to the head?
    pub const fn is_head(self) -> bool {
        matches!(
            self,
            PieceKind::LeadingLine | PieceKind::StartLine | PieceKind::Field | PieceKind::HeadEnd
        )
    }
}

/// What [`Framer::piece`] took: at most one line, or one run of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// What it is part of.
    pub kind: PieceKind,
    /// Where it begins within the message.
    pub offset: u64,
    /// How many bytes it took.
    pub bytes: usize,
    /// Does the part end with it? Body data of no known length is never whole.
    pub whole: bool,
    /// Does the message end with it?
    pub ended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Fields,
    Length { left: u64 },
    ChunkSize,
    Chunk { left: u64 },
    ChunkEnd,
    Trailers,
    Body,
    Raw,
}

/// What the lines of a head have said so far. The inner `None` stands for what is no length.
#[derive(Debug, Clone, Copy, Default)]
struct Facts {
    status: Option<u16>,
    answers: Answers,
    length: Option<Option<u64>>,
    chunked: Option<bool>,
    wants_upgrade: bool,
}

/// Follows the messages of one direction of one connection.
///
/// Feed it every byte in order, in whatever pieces they come; the parts do not depend on how the stream is cut.
#[derive(Debug, Clone)]
pub struct Framer {
    direction: Direction,
    state: State,
    /// Bytes of the message under way.
    offset: u64,
    /// The length of the message that ended last: an upgraded connection goes on behind it.
    last_length: u64,
    /// What came of a line that is not whole yet.
    line: Vec<u8>,
    facts: Facts,
    head: Option<Head>,
}

impl Framer {
    /// For what a client sends.
    pub fn request() -> Framer {
        Framer::new(Direction::Request, Answers::Other)
    }

    /// For what a server sends. [`Framer::answering`] says more before each later response.
    pub fn response(answers: Answers) -> Framer {
        Framer::new(Direction::Response, answers)
    }

    fn new(direction: Direction, answers: Answers) -> Framer {
        Framer {
            direction,
            state: State::Start,
            offset: 0,
            last_length: 0,
            line: Vec::new(),
            facts: Facts {
                answers,
                ..Facts::default()
            },
            head: None,
        }
    }

    /// Says what the next response answers. Call it between two messages.
    pub fn answering(&mut self, answers: Answers) {
        self.facts.answers = answers;
    }

    /// Is this between two messages?
    pub fn is_between(&self) -> bool {
        self.offset == 0 && self.state == State::Start
    }

    /// Is the head of a message under way, that is, has a byte of it come and not all?
    pub fn is_in_head(&self) -> bool {
        self.offset > 0 && matches!(self.state, State::Start | State::Fields)
    }

    /// Bytes of the message under way so far; 0 between two messages.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// What the head said: of the message under way once its head is whole, between two messages of the one before.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// The other direction agreed to another protocol: from here all bytes belong to the message that asked for it.
    pub fn upgrade(&mut self) {
        if self.is_between() {
            self.offset = self.last_length;
        }
        self.state = State::Raw;
        self.line.clear();
    }

    /// Takes from the beginning of `bytes` what belongs to one message: all of them, or up to that message's end.
    pub fn advance(&mut self, bytes: &[u8]) -> Advance {
        let mut sum = Advance {
            bytes: 0,
            offset: self.offset,
            head_bytes: 0,
            head_end: None,
            ended: false,
        };
        if let Some(head) = self.whole_head(bytes) {
            sum.bytes = head;
            sum.head_bytes = head;
            sum.head_end = Some(head as u64);
            sum.ended = self.is_between();
        }
        while !sum.ended && sum.bytes < bytes.len() {
            let piece = self.piece(&bytes[sum.bytes..]);
            sum.bytes += piece.bytes;
            sum.ended = piece.ended;
            if piece.kind.is_head() {
                sum.head_bytes += piece.bytes;
                if self.head.is_some() && piece.kind == PieceKind::HeadEnd {
                    sum.head_end = Some(piece.offset + piece.bytes as u64);
                }
            }
        }
        sum
    }

    /// Takes a message's head where all of it lies at the beginning of `bytes`, as it mostly does: how long it is. What is
    /// not so plain goes piece by piece: empty lines before a request, interim responses, a head that came in part.
    fn whole_head(&mut self, bytes: &[u8]) -> Option<usize> {
        if !self.is_between() || !self.line.is_empty() {
            return None;
        }
        let mut facts = Facts {
            answers: self.facts.answers,
            ..Facts::default()
        };
        let mut feeds = Feeds::of(bytes);
        let mut begin = feeds.next()? + 1;
        let start = bytes.get(..begin)?;
        if is_empty(start) {
            return None;
        }
        facts.start_line(start, self.direction);
        if facts.is_interim(self.direction) {
            return None;
        }
        for feed in feeds {
            let from = begin;
            begin = feed + 1;
            if !matters(*bytes.get(from)?) {
                continue;
            }
            let line = bytes.get(from..begin)?;
            if is_empty(line) {
                self.facts = facts;
                self.end_head();
                if self.state == State::Start {
                    self.last_length = begin as u64;
                } else {
                    self.offset = begin as u64;
                }
                return Some(begin);
            }
            if let Some((field, value)) = framing_field(line) {
                facts.field(field, value);
            }
        }
        None
    }

    /// Takes one piece from the beginning of `bytes`: up to the end of a line, of a run of data, or of `bytes`. Of no
    /// bytes it takes none.
    pub fn piece(&mut self, bytes: &[u8]) -> Piece {
        if self.is_between() {
            self.head = None;
            self.facts = Facts {
                answers: self.facts.answers,
                ..Facts::default()
            };
        }
        let offset = self.offset;
        let (kind, taken, whole) = match self.state {
            State::Start | State::Fields | State::ChunkSize | State::Trailers => self.line(bytes),
            State::Length { left } => {
                let (taken, left) = run(bytes, left);
                self.state = if left == 0 {
                    State::Start
                } else {
                    State::Length { left }
                };
                (PieceKind::Body, taken, left == 0)
            }
            State::Chunk { left } => {
                let (taken, left) = run(bytes, left);
                self.state = if left == 0 {
                    State::ChunkEnd
                } else {
                    State::Chunk { left }
                };
                (PieceKind::ChunkData, taken, left == 0)
            }
            State::ChunkEnd => self.chunk_end(bytes),
            State::Body => (PieceKind::Body, bytes.len(), false),
            State::Raw => (PieceKind::Raw, bytes.len(), false),
        };
        self.offset += taken as u64;
        let ended = whole
            && match kind {
                PieceKind::HeadEnd => self.head.is_some() && self.state == State::Start,
                PieceKind::Body | PieceKind::TrailersEnd => true,
                _ => false,
            };
        if ended {
            self.last_length = self.offset;
            self.offset = 0;
        }
        Piece {
            kind,
            offset,
            bytes: taken,
            whole,
            ended,
        }
    }

    /// Takes up to the end of a line.
    fn line(&mut self, bytes: &[u8]) -> (PieceKind, usize, bool) {
        let Some(feed) = Feeds::of(bytes).next() else {
            let room = LINE_KEPT_MAX.saturating_sub(self.line.len());
            self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
            return (self.guess(), bytes.len(), false);
        };
        let taken = feed + 1;
        let kind = if self.line.is_empty() {
            self.end_line(&bytes[..taken])
        } else {
            let mut line = std::mem::take(&mut self.line);
            line.extend_from_slice(&bytes[..taken]);
            let kind = self.end_line(&line);
            line.clear();
            self.line = line;
            kind
        };
        (kind, taken, true)
    }

    /// What a line in this state most likely is.
    fn guess(&self) -> PieceKind {
        match self.state {
            State::Start => PieceKind::StartLine,
            State::Fields => PieceKind::Field,
            State::Trailers => PieceKind::Trailer,
            _ => PieceKind::ChunkSize,
        }
    }

    fn end_line(&mut self, line: &[u8]) -> PieceKind {
        let is_empty = is_empty(line);
        match self.state {
            State::Start if is_empty && self.direction == Direction::Request => {
                PieceKind::LeadingLine
            }
            State::Start => {
                self.facts.start_line(line, self.direction);
                self.state = State::Fields;
                PieceKind::StartLine
            }
            State::Fields if is_empty => {
                self.end_head();
                PieceKind::HeadEnd
            }
            State::Fields => {
                if let Some((field, value)) = framing_field(line) {
                    self.facts.field(field, value);
                }
                PieceKind::Field
            }
            State::Trailers if is_empty => {
                self.state = State::Start;
                PieceKind::TrailersEnd
            }
            State::Trailers => PieceKind::Trailer,
            _ => match chunk_size(line) {
                Some((0, _)) => {
                    self.state = State::Trailers;
                    PieceKind::LastChunk
                }
                Some((left, _)) => {
                    self.state = State::Chunk { left };
                    PieceKind::ChunkSize
                }
                None => {
                    self.lose_track();
                    PieceKind::Raw
                }
            },
        }
    }

    fn end_head(&mut self) {
        if self.facts.is_interim(self.direction) {
            // The response proper is still to come.
            self.facts = Facts {
                answers: self.facts.answers,
                ..Facts::default()
            };
            self.state = State::Start;
            return;
        }
        let framing = self.facts.framing(self.direction);
        self.state = match framing {
            BodyFraming::None | BodyFraming::Length(0) => State::Start,
            BodyFraming::Length(left) => State::Length { left },
            BodyFraming::Chunked => State::ChunkSize,
            BodyFraming::UntilClose => State::Body,
            BodyFraming::Upgraded | BodyFraming::Unknown => State::Raw,
        };
        self.head = Some(Head {
            framing,
            status: self.facts.status,
            answers: self.facts.answers,
            wants_upgrade: self.facts.wants_upgrade,
        });
    }

    /// The two bytes behind a chunk's data, or a bare line feed.
    fn chunk_end(&mut self, bytes: &[u8]) -> (PieceKind, usize, bool) {
        let expected: &[u8] = if self.line.is_empty() { b"\r\n" } else { b"\n" };
        match bytes {
            [] => (PieceKind::ChunkEnd, 0, false),
            [b'\n', ..] => {
                self.line.clear();
                self.state = State::ChunkSize;
                (PieceKind::ChunkEnd, 1, true)
            }
            [b'\r'] if expected.len() == 2 => {
                self.line.push(b'\r');
                (PieceKind::ChunkEnd, 1, false)
            }
            _ if bytes.starts_with(expected) => {
                self.state = State::ChunkSize;
                (PieceKind::ChunkEnd, 2, true)
            }
            _ => {
                self.lose_track();
                (PieceKind::Raw, bytes.len(), false)
            }
        }
    }

    fn lose_track(&mut self) {
        self.line.clear();
        self.state = State::Raw;
        if let Some(head) = &mut self.head {
            head.framing = BodyFraming::Unknown;
        }
    }
}

impl Facts {
    /// Is it a response that only announces another (1xx, but for 101)?
    fn is_interim(&self, direction: Direction) -> bool {
        direction == Direction::Response && matches!(self.status, Some(100 | 102..=199))
    }

    fn start_line(&mut self, line: &[u8], direction: Direction) {
        match direction {
            Direction::Request => {
                self.answers = if line.starts_with(b"HEAD ") {
                    Answers::Head
                } else if line.starts_with(b"CONNECT ") {
                    self.wants_upgrade = true;
                    Answers::Connect
                } else {
                    Answers::Other
                };
            }
            Direction::Response => {
                self.status = line
                    .split(|byte| *byte == b' ')
                    .nth(1)
                    .map(without_line_end)
                    .filter(|digits| digits.len() == 3)
                    .and_then(content_length)
                    .and_then(|status| u16::try_from(status).ok());
            }
        }
    }

    fn field(&mut self, field: FramingField, value: &[u8]) {
        match field {
            FramingField::ContentLength => {
                let length = content_length(value);
                self.length = match self.length {
                    None => Some(length),
                    Some(before) => Some(before.filter(|before| Some(*before) == length)),
                };
            }
            FramingField::TransferEncoding => self.chunked = Some(ends_in_chunked(value)),
            FramingField::Upgrade => self.wants_upgrade = true,
        }
    }

    /// RFC 9112 §6.3, in its order.
    fn framing(&self, direction: Direction) -> BodyFraming {
        match (direction, self.status) {
            (Direction::Response, Some(101)) => return BodyFraming::Upgraded,
            (Direction::Response, Some(204 | 304)) => return BodyFraming::None,
            (Direction::Response, Some(200..=299)) if self.answers == Answers::Connect => {
                return BodyFraming::Upgraded;
            }
            (Direction::Response, _) if self.answers == Answers::Head => return BodyFraming::None,
            (Direction::Request, _) if self.answers == Answers::Connect => {
                return BodyFraming::None;
            }
            _ => {}
        }
        match (self.chunked, self.length) {
            (Some(true), _) => BodyFraming::Chunked,
            (Some(false), _) if direction == Direction::Response => BodyFraming::UntilClose,
            (Some(false), _) | (None, Some(None)) => BodyFraming::Unknown,
            (None, Some(Some(length))) => BodyFraming::Length(length),
            (None, None) if direction == Direction::Request => BodyFraming::None,
            (None, None) => BodyFraming::UntilClose,
        }
    }
}

/// May a line that begins so end the head, or say something about the body? Of most lines, this byte says that they do
/// not. Of few others it is not sure.
#[inline]
const fn matters(first: u8) -> bool {
    const PLACES: u64 = {
        let (firsts, mut places, mut index) = (b"\r\ncCtTuU", 0, 0);
        while index < firsts.len() {
            places |= 1 << (firsts[index] % 64);
            index += 1;
        }
        places
    };
    PLACES >> (first % 64) & 1 == 1
}

/// Is this line, with its end, empty?
fn is_empty(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

/// Takes at most `left` of `bytes`: how many, and what is left then.
fn run(bytes: &[u8], left: u64) -> (usize, u64) {
    let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
    (taken, left - taken as u64)
}

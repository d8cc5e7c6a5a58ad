//! The line between a handler and its peer, while faults are asked for: what is written goes onto it at once, and a
//! carrier takes it to the socket as the faults say.
//!
//! A line lives for one exchange. It has the writing half of the socket meanwhile, and gives it back when the response is
//! over, so that the connection is as before. Should the handler's side be gone by then, what is under way still arrives.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};
use parking_lot::Mutex;
use socket2::SockRef;
use tokio::{
    net::tcp::OwnedWriteHalf,
    sync::Notify,
    task::JoinHandle,
    time::{Instant as Clock, sleep, sleep_until, timeout, timeout_at},
};
use wire::{
    Fault, Faults,
    http1::{Direction, Framer},
    limits::FAULT_LINE_BYTES_MAX,
};

use super::{
    super::faults::{Act, Asked},
    Open,
    faulty::{SEND_OFF, SEND_OFF_LOOK, has_unsent},
    pace::Pace,
};

/// What a piece takes on the line beside its bytes.
const PIECE_COSTS: usize = 64;

/// The handler's end of the line.
pub(super) struct Line {
    belt: Arc<Belt>,
    /// What was put on the line, as messages.
    framer: Framer,
    /// The response is on the line to its end.
    pub ended: bool,
    pub carrier: JoinHandle<io::Result<OwnedWriteHalf>>,
}

/// What both ends share.
struct Belt {
    pieces: Mutex<Pieces>,
    /// Something was put on it, or it was closed.
    filled: Notify,
    /// The connection was cut at the other direction.
    cut: Notify,
}

#[derive(Default)]
struct Pieces {
    queue: VecDeque<Piece>,
    /// What they take together.
    takes: usize,
    closed: bool,
}

/// What was written in one go.
struct Piece {
    bytes: BytesMut,
    /// How many of them, from the first, are the message's head.
    head: usize,
    /// When it was written.
    at: Instant,
    since: Clock,
    /// When the last of it was written, where a proxy put several together: then it set out.
    left_at: Instant,
    left: Clock,
    /// The response ends with it.
    ends: bool,
}

impl Line {
    /// `framer` follows the responses of the connection and stands where the line begins.
    pub(super) fn new(
        asked: Arc<Asked>,
        socket: OwnedWriteHalf,
        framer: Framer,
        open: Arc<Open>,
        write_stall: Duration,
    ) -> Line {
        let belt = Arc::new(Belt {
            pieces: Mutex::default(),
            filled: Notify::new(),
            cut: Notify::new(),
        });
        let carrier = Carrier {
            faults: asked.faults,
            pace: Pace::new(&asked, Direction::Response),
            asked,
            belt: belt.clone(),
            socket,
            open,
            write_stall,
            held: None,
            lump: None,
            body_sent: 0,
        };
        Line {
            belt,
            framer,
            ended: false,
            carrier: tokio::spawn(carrier.carry()),
        }
    }

    /// Takes what there is room for, at most to the response's end; 0 where there is none.
    pub(super) fn put(&mut self, bufs: &[IoSlice<'_>]) -> usize {
        let mut pieces = self.belt.pieces.lock();
        let mut room = FAULT_LINE_BYTES_MAX
            .saturating_sub(pieces.takes)
            .saturating_sub(PIECE_COSTS);
        let (at, since) = (Instant::now(), Clock::now());
        let mut piece = Piece {
            bytes: BytesMut::new(),
            head: 0,
            at,
            since,
            left_at: at,
            left: since,
            ends: false,
        };
        for buf in bufs {
            let mut bytes = &buf[..buf.len().min(room)];
            while !bytes.is_empty() && !piece.ends {
                let step = self.framer.advance(bytes);
                piece.bytes.extend_from_slice(&bytes[..step.bytes]);
                piece.head += step.head_bytes;
                piece.ends = step.ended;
                bytes = &bytes[step.bytes..];
                room -= step.bytes;
            }
        }
        let count = piece.bytes.len();
        if count > 0 {
            self.ended = piece.ends;
            pieces.takes += count + PIECE_COSTS;
            pieces.queue.push_back(piece);
            self.belt.filled.notify_one();
        }
        count
    }

    /// Nothing more will be put on the line.
    pub(super) fn close(&self) {
        self.belt.pieces.lock().closed = true;
        self.belt.filled.notify_one();
    }

    /// The connection is cut: what is on the line is lost.
    pub(super) fn cut(&self) {
        self.belt.cut.notify_one();
    }
}

/// What takes the pieces to the socket.
struct Carrier {
    asked: Arc<Asked>,
    /// The faults that act; none once their time is over.
    faults: Faults,
    belt: Arc<Belt>,
    socket: OwnedWriteHalf,
    open: Arc<Open>,
    write_stall: Duration,
    pace: Option<Pace>,
    /// What the buffering proxy holds.
    held: Option<Piece>,
    /// What is being sent.
    lump: Option<Piece>,
    /// Bytes of the body that went out.
    body_sent: u64,
}

/// How a line ends.
enum End {
    /// All that was put on it arrived.
    Delivered,
    /// The connection is cut here.
    Cut(Fault, String),
    /// It was cut at the other direction.
    CutElsewhere,
}

impl Carrier {
    async fn carry(mut self) -> io::Result<OwnedWriteHalf> {
        let belt = self.belt.clone();
        let asked = self.asked.clone();
        let time_to_cut = async {
            match asked.time(Fault::CutAfter) {
                Some(after) => sleep_until(asked.since + after).await,
                None => std::future::pending().await,
            }
        };
        let end = tokio::select! {
            biased;
            () = belt.cut.notified() => Ok(End::CutElsewhere),
            () = time_to_cut => Ok(End::Cut(Fault::CutAfter, asked.in_words(Fault::CutAfter))),
            end = self.deliver_in_time() => end,
        };
        if let Some(pace) = &mut self.pace {
            pace.tell(&self.asked);
        }
        let shared = self.open.shared.clone();
        let ended = match end {
            Ok(End::Delivered) => Ok(self.socket),
            Ok(End::Cut(fault, words)) => Err(self.reset(fault, words).await),
            Ok(End::CutElsewhere) => {
                self.socket.forget();
                Err(io::ErrorKind::ConnectionReset.into())
            }
            Err(error) => {
                self.socket.forget();
                Err(error)
            }
        };
        shared.faults.wake();
        ended
    }

    /// Delivers with the faults as long as they may act, and without them what is left then.
    async fn deliver_in_time(&mut self) -> io::Result<End> {
        let until = self.asked.until;
        if let Ok(end) = timeout_at(until, self.deliver()).await {
            return end;
        }
        self.faults = Faults::NONE;
        self.pace = None;
        self.asked.give_place_back();
        self.deliver().await
    }

    /// May be dropped at any point and called again.
    async fn deliver(&mut self) -> io::Result<End> {
        loop {
            if self.lump.is_none() {
                let Some(lump) = self.gather().await else {
                    return Ok(End::Delivered);
                };
                self.lump = Some(lump);
                self.delay().await;
            }
            if let Some(end) = self.send().await? {
                return Ok(end);
            }
            if self.lump.take().is_some_and(|lump| lump.ends) {
                return Ok(End::Delivered);
            }
        }
    }

    /// The next bytes to send: what was written in one go, or what the buffering proxy lets out; `None` at the end.
    async fn gather(&mut self) -> Option<Piece> {
        loop {
            let Some(size) = self.faults.get(Fault::Buffer) else {
                return match self.held.take() {
                    Some(held) => Some(held),
                    None => self.next().await,
                };
            };
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            let is_full = |held: &Piece| held.bytes.len() >= size || held.ends || held.head > 0;
            if let Some(mut held) = self.held.take_if(|held| is_full(held)) {
                // A head goes through at once, and a body in lumps of just this size.
                let (lump, is_head) = if held.head > 0 {
                    (held.head, true)
                } else {
                    (size, false)
                };
                if held.bytes.len() > lump {
                    self.held = Some(held.split_off(lump));
                }
                if !is_head {
                    self.tell_held(&held);
                }
                return Some(held);
            }
            match (self.next().await, &mut self.held) {
                (Some(more), Some(held)) => held.join(more),
                (Some(piece), none) => *none = Some(piece),
                (None, held) => {
                    let mut rest = held.take()?;
                    (rest.left_at, rest.left) = (Instant::now(), Clock::now());
                    self.tell_held(&rest);
                    return Some(rest);
                }
            }
        }
    }

    fn tell_held(&self, lump: &Piece) {
        self.asked.tell(|| Act {
            fault: Fault::Buffer,
            direction: Direction::Response,
            summary: format!("held {} bytes", lump.bytes.len()),
            at: lump.at,
            took: Some(lump.left - lump.since),
            bytes: Some(lump.bytes.len() as u64),
        });
    }

    /// What was put on the line next; `None` once it is closed and empty.
    async fn next(&mut self) -> Option<Piece> {
        loop {
            {
                let mut pieces = self.belt.pieces.lock();
                if let Some(piece) = pieces.queue.pop_front() {
                    pieces.takes -= piece.bytes.len() + PIECE_COSTS;
                    drop(pieces);
                    self.open.shared.faults.wake_writer();
                    return Some(piece);
                }
                if pieces.closed {
                    return None;
                }
            }
            if let Some(pace) = &mut self.pace {
                pace.tell(&self.asked);
            }
            self.belt.filled.notified().await;
        }
    }

    /// Waits until the lump is due.
    async fn delay(&mut self) {
        let Some(lump) = &self.lump else { return };
        if !self.asked.delays() || self.faults.is_none() {
            return;
        }
        sleep_until(self.asked.due(lump.left)).await;
        let took = lump.left.elapsed();
        self.asked.tell(|| Act {
            fault: Fault::Latency,
            direction: Direction::Response,
            summary: late(took),
            at: lump.left_at,
            took: Some(took),
            bytes: Some(lump.bytes.len() as u64),
        });
    }

    /// Sends the lump as fast as the link is. Says where the connection is to be cut.
    async fn send(&mut self) -> io::Result<Option<End>> {
        let cut = self.faults.get(Fault::Cut);
        loop {
            let Some(lump) = &self.lump else {
                return Ok(None);
            };
            let (head, left) = (lump.head, lump.bytes.len());
            if let Some(cut) = cut
                && head == 0
                && self.body_sent >= cut
                && !(left == 0 && lump.ends)
            {
                return Ok(Some(End::Cut(Fault::Cut, cut_words(cut))));
            }
            if left == 0 {
                return Ok(None);
            }
            let mut count = left;
            if let Some(cut) = cut {
                let may = usize::try_from(cut - self.body_sent.min(cut)).unwrap_or(usize::MAX);
                count = count.min(head.saturating_add(may));
            }
            if let Some(pace) = &mut self.pace {
                count = count.min(pace.piece());
                sleep_until(pace.put(count)).await;
            }
            while count > 0 {
                count -= self.write(count).await?;
            }
            if let Some(pace) = &mut self.pace {
                pace.tell_now_and_then(&self.asked);
            }
        }
    }

    /// Hands at most so many bytes of the lump to the kernel, and notes it as the tap does. How many it took: they are no
    /// part of the lump any more.
    async fn write(&mut self, most: usize) -> io::Result<usize> {
        let Some(lump) = &mut self.lump else {
            return Ok(most);
        };
        let bytes = lump.bytes.get(..most).unwrap_or(&lump.bytes);
        let (at, mut until) = (Instant::now(), None);
        loop {
            match self.socket.try_write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    let mut messages = self.open.shared.messages.lock();
                    messages.wrote(Some(at), until, &[IoSlice::new(bytes)], count);
                    drop(messages);
                    self.body_sent += count.saturating_sub(lump.head) as u64;
                    lump.head = lump.head.saturating_sub(count);
                    lump.bytes.advance(count);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            if timeout(self.write_stall, self.socket.writable())
                .await
                .is_err()
            {
                return Err(self.open.shared.stalled(self.write_stall));
            }
            until = Some(Instant::now());
        }
    }

    /// Resets the connection: nobody says goodbye on a line that breaks.
    async fn reset(self, fault: Fault, words: String) -> io::Error {
        let stream = self.socket.as_ref();
        if fault == Fault::Cut {
            let by = Clock::now() + SEND_OFF;
            while has_unsent(stream) && Clock::now() < by {
                sleep(SEND_OFF_LOOK).await;
            }
        }
        let shared = self.open.shared.clone();
        self.asked.tell_always(Act {
            fault,
            direction: Direction::Response,
            summary: words.clone(),
            at: Instant::now(),
            took: None,
            bytes: (fault == Fault::Cut).then_some(self.body_sent),
        });
        shared.cut(SockRef::from(stream), &words);
        self.socket.forget();
        io::ErrorKind::ConnectionReset.into()
    }
}

impl Piece {
    /// Keeps the first `at` bytes and returns the others.
    fn split_off(&mut self, at: usize) -> Piece {
        let rest = Piece {
            bytes: self.bytes.split_off(at),
            head: self.head.saturating_sub(at),
            at: self.left_at,
            since: self.left,
            left_at: self.left_at,
            left: self.left,
            ends: self.ends,
        };
        self.ends = false;
        self.head = self.head.min(at);
        rest
    }

    fn join(&mut self, more: Piece) {
        self.bytes.extend_from_slice(&more.bytes);
        (self.left_at, self.left) = (more.left_at, more.left);
        self.ends = more.ends;
    }
}

/// `latency 203 ms`.
pub(super) fn late(took: Duration) -> String {
    format!("{} {} ms", Fault::Latency.name(), took.as_millis())
}

/// `cut at byte 4096`.
pub(super) fn cut_words(at: u64) -> String {
    format!("{} at byte {at}", Fault::Cut.name())
}

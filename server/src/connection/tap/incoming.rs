//! What comes in while faults are asked for: let in as slowly as they say, handed on as late, and cut where they say.
//!
//! The server really reads at that speed, so that a sender feels it; what is only late was read and is held here.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use tokio::{
    io::ReadBuf,
    time::{Instant as Clock, Sleep, sleep_until},
};
use wire::{Fault, http1::Direction, limits::FAULT_LINE_BYTES_MAX};

use super::{
    super::{
        faults::{Act, Asked},
        messages::Ahead,
    },
    Tap,
    faulty::Cutting,
    line::late,
    pace::Pace,
};

/// How much is read at once where the link sets no bound, in bytes.
const READ_BYTES: usize = 16 * 1024;

/// What was read and not handed on yet.
pub(super) struct Incoming {
    /// The exchange whose request is being received, while its faults act.
    exchange: Option<(u64, Arc<Asked>)>,
    pace: Option<Pace>,
    /// Bytes of its body that were let in, and how many of them were handed on.
    let_in: u64,
    handed_on: u64,
    /// What came behind a head in the same read: it had to wait until it was known whether the head asks for faults.
    behind: Bytes,
    late: VecDeque<Late>,
    late_bytes: usize,
    timer: Pin<Box<Sleep>>,
}

/// What was let in at one time.
struct Late {
    /// Whose faults make it late.
    asked: Option<Arc<Asked>>,
    bytes: Bytes,
    /// How many they were.
    count: u64,
    at: Instant,
    since: Clock,
    due: Clock,
}

/// What letting in came to.
enum LetIn {
    Bytes(Bytes),
    /// Not before this.
    At(Clock),
    /// When the peer sends more.
    Later,
    /// There is no more, or no room.
    Nothing,
    /// The peer's direction ended, or an error came.
    End(io::Result<()>),
    /// Here the connection is cut.
    Cut,
}

impl Default for Incoming {
    fn default() -> Self {
        Incoming {
            exchange: None,
            pace: None,
            let_in: 0,
            handed_on: 0,
            behind: Bytes::new(),
            late: VecDeque::new(),
            late_bytes: 0,
            timer: Box::pin(sleep_until(Clock::now())),
        }
    }
}

impl Incoming {
    /// Is there nothing left that it holds or slows?
    pub(super) fn is_done(&self) -> bool {
        self.exchange.is_none() && self.behind.is_empty() && self.late.is_empty()
    }

    /// From now on these faults act, or none.
    fn follow(&mut self, exchange: Option<(u64, Arc<Asked>)>) {
        let number =
            |exchange: &Option<(u64, Arc<Asked>)>| exchange.as_ref().map(|(number, _)| *number);
        if number(&self.exchange) == number(&exchange) {
            return;
        }
        self.tell_pace();
        self.pace = exchange
            .as_ref()
            .and_then(|(_, asked)| Pace::new(asked, Direction::Request));
        (self.let_in, self.handed_on) = (0, 0);
        self.exchange = exchange;
    }

    fn tell_pace(&mut self) {
        if let (Some(pace), Some((_, asked))) = (&mut self.pace, &self.exchange) {
            pace.tell(asked);
        }
    }

    /// Bytes that were let in go onto the late ones, or come back to be handed on at once.
    fn arrange(&mut self, bytes: Bytes) -> Option<Bytes> {
        self.let_in += bytes.len() as u64;
        if let (Some(pace), Some((_, asked))) = (&mut self.pace, &self.exchange) {
            pace.put(bytes.len());
            pace.tell_now_and_then(asked);
        }
        let since = Clock::now();
        let delaying = self.exchange.as_ref().filter(|(_, asked)| asked.delays());
        let due = match (delaying, self.late.back()) {
            (None, None) => return Some(bytes),
            // Order is kept.
            (None, Some(last)) => last.due,
            (Some((_, asked)), last) => last.map_or(since, |last| last.due).max(asked.due(since)),
        };
        self.late_bytes += bytes.len();
        self.late.push_back(Late {
            asked: delaying.map(|(_, asked)| asked.clone()),
            count: bytes.len() as u64,
            bytes,
            at: Instant::now(),
            since,
            due,
        });
        None
    }

    /// Hands on what is due: whether there was anything.
    fn hand_on(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let Some(first) = self
            .late
            .front_mut()
            .filter(|late| late.due <= Clock::now())
        else {
            return false;
        };
        let count = first.bytes.len().min(buffer.remaining());
        buffer.put_slice(&first.bytes.split_to(count));
        self.late_bytes -= count;
        self.handed_on += count as u64;
        if first.bytes.is_empty() {
            let (took, at, whole) = (first.since.elapsed(), first.at, first.count);
            let asked = first.asked.take();
            self.late.pop_front();
            if let Some(asked) = asked {
                asked.tell(|| Act {
                    fault: Fault::Latency,
                    direction: Direction::Request,
                    summary: late(took),
                    at,
                    took: Some(took),
                    bytes: Some(whole),
                });
            }
        }
        true
    }
}

impl Tap {
    /// Holds back what was read behind a head that mentions faults.
    pub(super) fn hold_back(&mut self, buffer: &mut ReadBuf<'_>, waits: usize) {
        if waits == 0 {
            return;
        }
        let end = buffer.filled().len() - waits;
        let incoming = self.incoming.get_or_insert_default();
        incoming.behind = Bytes::copy_from_slice(&buffer.filled()[end..]);
        buffer.set_filled(end);
    }

    /// Reads as the faults of the request under way say.
    pub(super) fn poll_read_faulty(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.shared.faults.register_reader(cx);
        if let Poll::Ready(Err(error)) = self.poll_carried(cx) {
            return Poll::Ready(Err(error));
        }
        ready!(self.poll_cut(cx));
        self.check_cut()?;
        let mut incoming = self.incoming.take().unwrap_or_default();
        let read = self.poll_incoming(&mut incoming, cx, buffer);
        if !incoming.is_done() {
            self.incoming = Some(incoming);
        }
        read
    }

    fn poll_incoming(
        &mut self,
        incoming: &mut Incoming,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let let_in = self.let_in(incoming, cx, buffer.remaining());
            let wake_at = match let_in {
                LetIn::Bytes(bytes) => match incoming.arrange(bytes) {
                    Some(bytes) => {
                        incoming.handed_on += bytes.len() as u64;
                        buffer.put_slice(&bytes);
                        self.look_after(incoming, cx);
                        return Poll::Ready(Ok(()));
                    }
                    None => continue,
                },
                LetIn::End(end) if incoming.late.is_empty() => return Poll::Ready(end),
                LetIn::Cut if incoming.late.is_empty() => {
                    self.look_after(incoming, cx);
                    ready!(self.poll_cut(cx));
                    return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
                }
                LetIn::At(at) => Some(at),
                LetIn::Later | LetIn::Nothing | LetIn::End(_) | LetIn::Cut => None,
            };
            if incoming.hand_on(buffer) {
                self.look_after(incoming, cx);
                return Poll::Ready(Ok(()));
            }
            let due = incoming.late.front().map(|late| late.due);
            let Some(at) = [wake_at, due].into_iter().flatten().min() else {
                return Poll::Pending;
            };
            // It is not the peer that keeps the server waiting.
            self.waiting = None;
            incoming.timer.as_mut().reset(at);
            if incoming.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// The next bytes that the link lets in, of those held back or from the kernel.
    fn let_in(&mut self, incoming: &mut Incoming, cx: &mut Context<'_>, room: usize) -> LetIn {
        if incoming.late_bytes >= FAULT_LINE_BYTES_MAX {
            return LetIn::Nothing;
        }
        let ahead = self.follow(incoming);
        if ahead.bytes == 0 {
            // A handler has the head, or will once all that stands before is handed on, and says whether faults are asked
            // for.
            return LetIn::Nothing;
        }
        let mut most =
            usize::try_from(ahead.bytes).map_or(READ_BYTES, |bytes| bytes.min(READ_BYTES));
        if let Some(cut) = incoming.cut_at() {
            let may = usize::try_from(cut.saturating_sub(incoming.let_in)).unwrap_or(most);
            if may == 0 {
                return LetIn::Cut;
            }
            most = most.min(may);
        }
        if let Some(pace) = &incoming.pace {
            if pace.free_at() > Clock::now() {
                return LetIn::At(pace.free_at());
            }
            most = most.min(pace.piece());
        }
        if !incoming
            .exchange
            .as_ref()
            .is_some_and(|(_, asked)| asked.delays())
            && incoming.late.is_empty()
        {
            most = most.min(room);
        }
        if !incoming.behind.is_empty() {
            let count = most.min(incoming.behind.len());
            return LetIn::Bytes(incoming.behind.split_to(count));
        }
        let mut bytes = vec![0; most];
        let mut read = ReadBuf::new(&mut bytes);
        match self.poll_receive(cx, &mut read) {
            Poll::Ready(Ok(waits)) => {
                let (these, behind) = read.filled().split_at(read.filled().len() - waits);
                if these.is_empty() {
                    return LetIn::End(Ok(()));
                }
                incoming.behind = Bytes::copy_from_slice(behind);
                LetIn::Bytes(Bytes::copy_from_slice(these))
            }
            Poll::Ready(Err(error)) => LetIn::End(Err(error)),
            Poll::Pending => {
                incoming.tell_pace();
                LetIn::Later
            }
        }
    }

    /// From here on the faults of the request act that the next bytes belong to.
    fn follow(&self, incoming: &mut Incoming) -> Ahead {
        let mut messages = self.shared.messages.lock();
        let ahead = messages.ahead(incoming.behind.len());
        let asked = ahead
            .number
            .and_then(|number| Some((number, messages.faults(number)?)));
        drop(messages);
        incoming.follow(asked.filter(|(_, asked)| Clock::now() < asked.until));
        ahead
    }

    /// Was the request let in to its end?
    fn is_received(&self, incoming: &Incoming) -> bool {
        let Some((number, _)) = &incoming.exchange else {
            return true;
        };
        let ahead = self.shared.messages.lock().ahead(incoming.behind.len());
        ahead.number != Some(*number)
    }

    /// After bytes were handed on: tells how slowly they all came, or cuts the connection where no more may pass.
    fn look_after(&mut self, incoming: &mut Incoming, cx: &mut Context<'_>) {
        if self.is_received(incoming) {
            incoming.tell_pace();
            return;
        }
        let Some((number, asked)) = incoming.exchange.clone() else {
            return;
        };
        let Some(cut) = incoming.cut_at().filter(|cut| incoming.handed_on >= *cut) else {
            return;
        };
        incoming.tell_pace();
        self.cutting = Some(Box::new(Cutting::new(number, asked, cut)));
        let _ = self.poll_cut(cx);
    }
}

impl Incoming {
    fn cut_at(&self) -> Option<u64> {
        self.exchange
            .as_ref()
            .and_then(|(_, asked)| asked.get(Fault::Cut))
    }
}

//! The tap: a socket that notes when bytes are read and written, how many, and which; and that ends a connection whose
//! peer keeps the server waiting.
//!
//! HTTP runs on top and does not know it. The deadlines stand here because only here it is known that the server waits
//! for the peer: a timer runs while a read or a write finds nothing to do, and at no other time. A handler that thinks
//! for a minute, or a stream that says nothing for an hour, has no deadline.

mod closing;
mod deadline;
mod faulty;
mod incoming;
mod line;
mod pace;
mod socket;

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Instant,
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant as Clock, Sleep},
};
use wire::trace::SpanId;

use self::{
    closing::{Closing, LastWord},
    deadline::Timer,
    faulty::Cutting,
    incoming::Incoming,
    line::Line,
    socket::Socket,
};
pub(super) use self::{
    closing::{LINGER, LINGER_BYTES},
    faulty::Open,
};
use super::{
    admission::Admitted,
    messages::{Messages, Waiting},
    signals::Signals,
    streams::{Source, Stream},
    system,
    upgraded::Bare,
};
use crate::{
    config::ConnectionLimits,
    trace::{Recorder, RunHandle},
};

/// What the tap and the requests of its connection share.
pub(super) struct Shared {
    pub connection: u64,
    pub messages: Mutex<Messages>,
    pub faults: Signals,
    /// A response that does not end, which is written without HTTP once its head is out.
    pub unended: Unended,
}

/// What takes over the socket, once there is something.
#[derive(Default)]
pub(super) struct Unended {
    /// Asked behind every turn of every connection.
    is_there: AtomicBool,
    source: Mutex<Option<(u64, Box<dyn Source>)>>,
}

impl Shared {
    /// The response to this request comes from that source, once its head is out.
    pub(super) fn will_take_over(&self, number: u64, source: Box<dyn Source>) {
        *self.unended.source.lock() = Some((number, source));
        self.unended.is_there.store(true, Relaxed);
    }

    /// Is the head out that the socket is taken over behind?
    pub(super) fn is_taken_over(&self) -> bool {
        self.unended.is_there.load(Relaxed)
            && matches!(&*self.unended.source.lock(), Some((number, _)) if self.messages.lock().is_head_out(*number))
    }
}

/// A connection's socket, seen from the inside.
pub(super) struct Tap {
    /// Goes before the socket does.
    open: Arc<Open>,
    socket: Socket,
    shared: Arc<Shared>,
    limits: Arc<ConnectionLimits>,
    recorder: Recorder,
    /// What a read waits for, and since when.
    waiting: Option<(Waiting, Clock)>,
    /// The last read left nothing to wait for until the handler has had its turn.
    is_servers_turn: bool,
    read_timer: Timer,
    /// When the write under way was first tried, where the kernel makes it wait.
    write_since: Option<Instant>,
    write_timer: Option<Pin<Box<Sleep>>>,
    /// What the server says itself before it closes.
    last_word: Option<LastWord>,
    closing: Option<Closing>,
    /// What is on its way in and out, while faults are asked for.
    incoming: Option<Box<Incoming>>,
    line: Option<Box<Line>>,
    cutting: Option<Box<Cutting>>,
}

impl Tap {
    /// `claimed`: the whole connection belongs to this run, its first request is this exchange.
    pub(super) fn new(
        socket: TcpStream,
        admitted: Admitted,
        claimed: Option<(RunHandle, SpanId)>,
        limits: Arc<ConnectionLimits>,
        recorder: Recorder,
    ) -> Tap {
        let connection = admitted.connection();
        let descriptor = system::descriptor(&socket);
        let messages = Messages::new(connection, Instant::now(), descriptor, claimed);
        let now = Clock::now();
        let shared = Arc::new(Shared {
            connection,
            messages: Mutex::new(messages),
            faults: Signals::default(),
            unended: Unended::default(),
        });
        Tap {
            open: Arc::new(Open::new(shared.clone(), admitted)),
            socket: Socket::Whole(socket),
            shared,
            recorder,
            waiting: Some((Waiting::FirstByte, now)),
            is_servers_turn: false,
            read_timer: Timer::new(now + limits.first_byte),
            limits,
            write_since: None,
            write_timer: None,
            last_word: None,
            closing: None,
            incoming: None,
            line: None,
            cutting: None,
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The stream that takes the socket over; none where there is no source, or no socket.
    pub(super) fn into_stream(mut self) -> Option<Stream> {
        let (_, source) = self.shared.unended.source.lock().take()?;
        let Socket::Whole(socket) = std::mem::replace(&mut self.socket, Socket::Gone) else {
            return None;
        };
        self.shared.messages.lock().forget();
        let (open, stall) = (self.open.clone(), self.limits.write_stall);
        Some(Stream::new(socket, open, source, stall))
    }

    /// The socket of a connection that is no longer HTTP, if nobody looks at it.
    pub(super) fn into_bare(mut self) -> Result<Bare, Box<Tap>> {
        let is_watched = self.shared.faults.is_on()
            || self.closing.is_some()
            || self.shared.messages.lock().is_recorded();
        match std::mem::replace(&mut self.socket, Socket::Gone) {
            Socket::Whole(socket) if !is_watched => {
                self.shared.messages.lock().forget();
                let open = self.open.clone();
                Ok(Bare { open, socket })
            }
            socket => {
                self.socket = socket;
                Err(Box::new(self))
            }
        }
    }

    /// Takes bytes from the kernel, and notes it. Says how many of them must wait until it is known whether the head
    /// before them asks for faults.
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<usize>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.socket).poll_read(cx, buffer) {
            Poll::Ready(Ok(())) => {
                let bytes = &buffer.filled()[before..];
                let mut waits = 0;
                if !bytes.is_empty() {
                    if let Some((Waiting::Body, _)) = self.waiting {
                        self.waiting = None;
                    }
                    let mut messages = self.shared.messages.lock();
                    waits = messages.read(Instant::now(), bytes);
                    self.is_servers_turn = messages.waiting() == Waiting::Nothing;
                    drop(messages);
                    if waits > 0 {
                        self.shared.faults.turn_on();
                    }
                }
                Poll::Ready(Ok(waits))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending if self.is_servers_turn => {
                // Whether that is over, the flush behind every turn finds out.
                self.waiting = None;
                Poll::Pending
            }
            Poll::Pending => {
                let waiting = ready!(self.poll_deadline(cx));
                match self.too_slow(waiting) {
                    Some(error) => Poll::Ready(Err(error)),
                    None if self.closing.is_some() => self.poll_close(cx).map_ok(|()| 0),
                    None => Poll::Ready(Ok(0)),
                }
            }
        }
    }

    /// Hands bytes to the kernel, and notes it. What hyper says to a head that it refuses goes out in other words.
    fn poll_send(&mut self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut messages = self.shared.messages.lock();
        if self.closing.is_none() && messages.is_automatic() {
            drop(messages);
            return Poll::Ready(Ok(self.answer_in_words(bufs)));
        }
        // Without a run nobody asks when.
        let at = self
            .write_since
            .or_else(|| messages.records_response().then(Instant::now));
        let result = match bufs {
            [one] => Pin::new(&mut self.socket).poll_write(cx, one),
            many => Pin::new(&mut self.socket).poll_write_vectored(cx, many),
        };
        match result {
            Poll::Ready(Ok(count)) => {
                let until = self.write_since.take().map(|_| Instant::now());
                self.write_timer = None;
                messages.wrote(at, until, bufs, count);
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                drop(messages);
                self.write_since = Some(at.unwrap_or_else(Instant::now));
                self.poll_stalled(cx).map(Err)
            }
        }
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.closing.is_some() {
            // The reader sees the end once the peer has had its chance to read the last word.
            return this.poll_close(cx).map(|_| Ok(()));
        }
        if this.shared.faults.is_on() {
            return this.poll_read_faulty(cx, buffer);
        }
        let waits = ready!(this.poll_receive(cx, buffer))?;
        this.hold_back(buffer, waits);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.closing.is_some() {
            // The last word is said: what comes behind it goes nowhere.
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        if this.shared.faults.is_on() {
            return this.poll_write_faulty(cx, bufs);
        }
        this.poll_send(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(Closing::Flush) = this.closing {
            return this.poll_last_word(cx);
        }
        if this.shared.faults.is_on() {
            this.tend_faults(cx)?;
        }
        if this.waiting.is_none() {
            // The last read found that it was the server's turn. With what has been written since, it is the peer's, and
            // nobody reads again before something comes: the deadline must wake the reader.
            this.is_servers_turn = false;
            if this.poll_deadline(cx).is_ready() {
                cx.waker().wake_by_ref();
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_close(cx)
    }
}

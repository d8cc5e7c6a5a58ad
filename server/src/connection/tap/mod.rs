//! The tap: a socket that notes when bytes are read and written, how many, and which; and that ends a connection whose
//! peer keeps the server waiting.
//!
//! HTTP runs on top and does not know it. The deadlines stand here because only here it is known that the server waits
//! for the peer: a timer runs while a read or a write finds nothing to do, and at no other time. A handler that thinks
//! for a minute, or a stream that says nothing for an hour, has no deadline.

mod closing;
mod deadline;

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant as Clock, Sleep, sleep_until},
};
use wire::trace::SpanId;

use self::closing::{Closing, LastWord};
use super::{
    admission::Admitted,
    messages::{Messages, Waiting},
    system,
};
use crate::{
    config::ConnectionLimits,
    trace::{Recorder, RunHandle},
};

/// What the tap and the requests of its connection share.
pub(super) struct Shared {
    pub connection: u64,
    pub messages: Mutex<Messages>,
}

/// A connection's socket, seen from the inside.
pub(super) struct Tap {
    socket: TcpStream,
    shared: Arc<Shared>,
    limits: Arc<ConnectionLimits>,
    recorder: Recorder,
    /// What a read waits for, and since when.
    waiting: Option<(Waiting, Clock)>,
    read_timer: Pin<Box<Sleep>>,
    /// When the write under way was first tried, where the kernel makes it wait.
    write_since: Option<Instant>,
    write_timer: Option<Pin<Box<Sleep>>>,
    /// What the server says itself before it closes.
    last_word: Option<LastWord>,
    closing: Option<Closing>,
    _admitted: Admitted,
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
        Tap {
            socket,
            shared: Arc::new(Shared {
                connection,
                messages: Mutex::new(messages),
            }),
            recorder,
            waiting: Some((Waiting::FirstByte, now)),
            read_timer: Box::pin(sleep_until(now + limits.first_byte)),
            limits,
            write_since: None,
            write_timer: None,
            last_word: None,
            closing: None,
            _admitted: admitted,
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Hands bytes to the kernel, and notes it.
    fn poll_send(&mut self, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut messages = self.shared.messages.lock();
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
        let before = buffer.filled().len();
        match Pin::new(&mut this.socket).poll_read(cx, buffer) {
            Poll::Ready(Ok(())) => {
                let bytes = &buffer.filled()[before..];
                if !bytes.is_empty() {
                    if let Some((Waiting::Body, _)) = this.waiting {
                        this.waiting = None;
                    }
                    this.shared.messages.lock().read(Instant::now(), bytes);
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let waiting = ready!(this.poll_deadline(cx));
                match this.too_slow(waiting) {
                    Some(error) => Poll::Ready(Err(error)),
                    None if this.closing.is_some() => this.poll_close(cx).map(|_| Ok(())),
                    None => Poll::Ready(Ok(())),
                }
            }
        }
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
        if this.shared.messages.lock().is_automatic() {
            return Poll::Ready(Ok(this.answer_in_words(bufs)));
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
        if this.waiting.is_none() && this.poll_deadline(cx).is_ready() {
            // The last read found that it was the server's turn. With what has been written since, it is the peer's, and
            // nobody reads again before something comes: the deadline must wake the reader.
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_close(cx)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        // The descriptor is forgotten before the socket is closed: nobody asks the kernel about another's.
        self.shared.messages.lock().closed(Instant::now());
    }
}

//! The tap while an exchange asks for faults. All that is here is reached through one flag; a connection on which nobody
//! asks for any never comes here.
//!
//! What is read passes [`Incoming`](super::incoming), what is written goes onto a [`Line`]. Neither touches another
//! exchange: a response that stands before is written as ever, one behind waits until the line is empty.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use socket2::SockRef;
use tokio::{
    net::TcpStream,
    time::{Instant as Clock, Sleep, sleep_until},
};
use wire::{Fault, http1::Direction};

use super::{
    super::{
        admission::Admitted,
        faults::{Act, Asked},
        streams::Streams,
        system,
    },
    Shared, Tap,
    closing::Closing,
    line::{Line, cut_words},
    socket::Socket,
};

/// Before a cut, the kernel is given this long to send what it has.
pub(super) const SEND_OFF: Duration = Duration::from_secs(2);
pub(super) const SEND_OFF_LOOK: Duration = Duration::from_millis(5);

/// A request at which the connection is about to be cut.
pub(super) struct Cutting {
    asked: Arc<Asked>,
    number: u64,
    /// At which byte of its body.
    at: u64,
    /// Until then it is looked, now and then, whether anything is unsent.
    by: Clock,
    look: Pin<Box<Sleep>>,
}

impl Cutting {
    pub(super) fn new(number: u64, asked: Arc<Asked>, at: u64) -> Cutting {
        let now = Clock::now();
        Cutting {
            asked,
            number,
            at,
            by: now + SEND_OFF,
            look: Box::pin(sleep_until(now + SEND_OFF_LOOK)),
        }
    }
}

/// Does the kernel have bytes that it did not send yet?
pub(super) fn has_unsent(stream: &TcpStream) -> bool {
    let info = system::tcp_info(system::descriptor(stream));
    info.is_some_and(|info| info.notsent_bytes > 0)
}

impl Shared {
    /// The connection is cut: closing the socket resets it, and whoever has it is woken to do so.
    pub(super) fn cut(&self, socket: SockRef<'_>, words: &str) {
        if let Err(error) = socket.set_linger(Some(Duration::ZERO)) {
            // Without it the connection is closed in the ordinary way, which the peer sees just as well.
            tracing::debug!(%error, "a connection cannot be reset");
        }
        self.messages
            .lock()
            .close_because(format!("a fault was asked for: {words}"));
        self.faults.cut();
    }

    /// The peer took nothing for as long as it may.
    pub(super) fn stalled(&self, limit: Duration) -> io::Error {
        let why = format!(
            "the peer took nothing for {}",
            humantime::format_duration(limit)
        );
        self.messages.lock().close_because(why.clone());
        io::Error::new(io::ErrorKind::TimedOut, why)
    }
}

impl Tap {
    /// Writes what belongs to a response whose exchange asks for faults onto its line, and anything else as ever.
    pub(super) fn poll_write_faulty(
        &mut self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.shared.faults.register_writer(cx);
        if let Some(cutting) = &self.cutting
            && self.shared.messages.lock().responding() >= cutting.number
        {
            ready!(self.poll_cut(cx));
        }
        self.check_cut()?;
        if self.line.as_ref().is_some_and(|line| line.ended) {
            // What follows belongs to the next response.
            ready!(self.poll_carried(cx))?;
        }
        self.begin_line();
        if let Some(line) = &mut self.line {
            return match line.put(bufs) {
                0 if bufs.iter().any(|buf| !buf.is_empty()) => {
                    // There is no room, or nobody who makes any.
                    ready!(self.poll_carried(cx))?;
                    Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
                }
                count => Poll::Ready(Ok(count)),
            };
        }
        let mut framer = self.shared.messages.lock().responses_ahead();
        // The response behind this one may be another exchange's: no further than to this one's end.
        let first = bufs.iter().find(|buf| !buf.is_empty());
        let first = first.map_or(&[][..], |buf| &buf[..]);
        let count = framer.advance(first).bytes;
        self.poll_send(cx, &[IoSlice::new(&first[..count])])
    }

    /// What is to be done when the handler has had its turn: the faults that it was called with begin, those of an
    /// exchange that is over end.
    pub(super) fn tend_faults(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.poll_cut(cx).is_pending() {
            // What comes next on the line is not to be sent any more.
            return match self.poll_carried(cx) {
                Poll::Ready(carried) => carried,
                Poll::Pending => Ok(()),
            };
        }
        // A line that begins is asked too, so that this task hears of its end.
        if let Poll::Ready(carried) = self.poll_carried(cx) {
            carried?;
            self.begin_line();
            if let Poll::Ready(carried) = self.poll_carried(cx) {
                carried?;
            }
        }
        let is_over = self.line.is_none()
            && self.incoming.is_none()
            && !self.shared.faults.is_cut()
            && !self.shared.messages.lock().has_faults();
        if is_over {
            self.shared.faults.turn_off();
        }
        Ok(())
    }

    /// Begins the line of the response that comes next, if its exchange asks for faults.
    fn begin_line(&mut self) {
        if self.line.is_some() || self.closing.is_some() {
            return;
        }
        let mut messages = self.shared.messages.lock();
        let number = messages.responding();
        let Some(asked) = messages.faults(number) else {
            return;
        };
        let framer = messages.responses_ahead();
        drop(messages);
        if let Some(half) = self.socket.split() {
            let open = self.open.clone();
            let stall = self.limits.write_stall;
            self.line = Some(Box::new(Line::new(asked, half, framer, open, stall)));
        }
    }

    /// Ready once nothing is on the line any more: the socket is whole again.
    pub(super) fn poll_carried(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(line) = &mut self.line else {
            return Poll::Ready(Ok(()));
        };
        let carried = ready!(Pin::new(&mut line.carrier).poll(cx));
        self.line = None;
        let carried = carried
            .map_err(io::Error::other)
            .and_then(|carried| carried);
        // Reader and writer may be two tasks, and only one of them heard of it.
        self.shared.faults.wake();
        self.check_cut()?;
        self.socket.reunite(carried?);
        Poll::Ready(Ok(()))
    }

    /// What is left on the line goes its way, however long it takes.
    pub(super) fn poll_line_empty(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(line) = &self.line {
            self.shared.faults.register_writer(cx);
            line.close();
            // A response that ends with the connection needs no further line.
            self.closing.get_or_insert(Closing::Flush);
        }
        self.poll_carried(cx)
    }

    /// Cuts the connection at this request, as soon as what answers those before it was sent off, or did not go in time.
    pub(super) fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(cutting) = &mut self.cutting {
            let stream = self.socket.stream();
            let earlier = self.shared.messages.lock().responding() < cutting.number;
            if (earlier || stream.is_some_and(has_unsent)) && Clock::now() < cutting.by {
                ready!(cutting.look.as_mut().poll(cx));
                cutting.look.as_mut().reset(Clock::now() + SEND_OFF_LOOK);
                continue;
            }
            let words = cut_words(cutting.at);
            cutting.asked.tell_always(Act {
                fault: Fault::Cut,
                direction: Direction::Request,
                summary: words.clone(),
                at: Instant::now(),
                took: None,
                bytes: Some(cutting.at),
            });
            if let Some(stream) = stream {
                self.shared.cut(SockRef::from(stream), &words);
            }
            self.cutting = None;
            let _ = self.check_cut();
        }
        Poll::Ready(())
    }

    /// An error, and the socket's end, if the connection was cut.
    pub(super) fn check_cut(&mut self) -> io::Result<()> {
        if !self.shared.faults.is_cut() {
            return Ok(());
        }
        if let Some(line) = self.line.take() {
            line.cut();
        }
        self.shared.messages.lock().forget_socket();
        self.socket = Socket::Gone;
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        if let Some(line) = &self.line {
            line.close();
        }
    }
}

/// A connection's place, and its end: whoever has the socket last tells that it is closed.
pub(in super::super) struct Open {
    pub shared: Arc<Shared>,
    admitted: Admitted,
}

impl Open {
    pub(super) fn new(shared: Arc<Shared>, admitted: Admitted) -> Open {
        Open { shared, admitted }
    }

    /// Where responses and conversations go that need no task of their own.
    pub(in super::super) fn streams(&self) -> &Arc<Streams> {
        self.admitted.streams()
    }

    /// The peer took nothing for as long as it may: the reason, in words.
    pub(in super::super) fn stalled(&self, limit: Duration) -> String {
        self.shared.stalled(limit).to_string()
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // The descriptor is forgotten before the socket is closed: nobody asks the kernel about another's.
        self.shared.messages.lock().closed(Instant::now());
    }
}

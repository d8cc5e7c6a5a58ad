//! How a connection ends: the server's last word, and the time a peer has to read it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant as Clock,
};
use wire::{
    http1::{Answers, Direction, PartKind, split},
    trace::{Kind, Traceparent},
};

use super::{
    super::{entry::Sender, recording::summary, refusal},
    Tap,
};

/// After its last word the server goes on reading and throws away what comes, for this long and this many bytes: closing
/// over unread bytes resets the connection, which could cost the peer the answer (RFC 9112 §9.6).
pub(in super::super) const LINGER: Duration = Duration::from_secs(2);
pub(in super::super) const LINGER_BYTES: usize = 4 * 1024 * 1024;

/// What the server says itself before it closes.
pub(super) struct LastWord {
    bytes: Vec<u8>,
    written: usize,
}

/// How far closing has come.
#[derive(Debug, Clone, Copy)]
pub(super) enum Closing {
    Flush,
    Shutdown,
    Linger { until: Clock, bytes: usize },
    Done,
}

impl Tap {
    /// From here on the server says this and nothing else.
    pub(super) fn say_last(&mut self, bytes: Vec<u8>) {
        self.claim_refused();
        self.last_word = Some(LastWord { bytes, written: 0 });
        self.closing = Some(Closing::Flush);
    }

    /// hyper refuses a head without calling the handler, by a bare status. The same status goes out with a problem
    /// document that says what is wrong. Returns how many bytes that spares hyper.
    pub(super) fn answer_in_words(&mut self, bufs: &[IoSlice<'_>]) -> usize {
        let status = bufs
            .first()
            .and_then(|buf| buf.get(9..12))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(400);
        let problem = {
            let mut messages = self.shared.messages.lock();
            let head = messages.open().map_or(&[][..], |(_, head)| head);
            let problem = refusal::rejected(status, head, &self.limits);
            messages.close_because(problem.title.to_lowercase());
            problem
        };
        self.say_last(refusal::response(&problem, None));
        bufs.iter().map(|buf| buf.len()).sum()
    }

    /// No handler will see this request. If its head came far enough to name a run, that run shall show it all the same.
    fn claim_refused(&mut self) {
        let mut messages = self.shared.messages.lock();
        let Some((number, head)) = messages.open() else {
            return;
        };
        let Some(named) = named_run(head) else {
            return;
        };
        let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let sender = Sender::Program {
            summary: summary(line.trim_ascii_end(), Kind::Read),
            user_agent: None,
        };
        if let Some(run) = self.recorder.join(named.run) {
            messages.claim(number, run, named.exchange, &sender);
        }
    }

    /// Says the last word, closes this direction and lets the peer read before the socket goes.
    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let next = match self.closing.unwrap_or(Closing::Flush) {
                Closing::Flush => {
                    ready!(self.poll_last_word(cx))?;
                    Closing::Shutdown
                }
                Closing::Shutdown => {
                    ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
                    let spoke = self.last_word.is_some();
                    if spoke || self.shared.messages.lock().has_unread() {
                        let until = Clock::now() + LINGER;
                        Closing::Linger { until, bytes: 0 }
                    } else {
                        Closing::Done
                    }
                }
                Closing::Linger { until, bytes } => match ready!(self.poll_discard(cx, until)) {
                    Some(more) if bytes + more < LINGER_BYTES => Closing::Linger {
                        until,
                        bytes: bytes + more,
                    },
                    _ => Closing::Done,
                },
                Closing::Done => return Poll::Ready(Ok(())),
            };
            self.closing = Some(next);
        }
    }

    pub(super) fn poll_last_word(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_line_empty(cx))?;
        let Some(mut word) = self.last_word.take() else {
            return Poll::Ready(Ok(()));
        };
        let result = loop {
            let rest = &word.bytes[word.written..];
            if rest.is_empty() {
                break Poll::Ready(Ok(()));
            }
            match self.poll_send(cx, &[IoSlice::new(rest)]) {
                Poll::Ready(Ok(0)) => break Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => word.written += count,
                Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                Poll::Pending => break Poll::Pending,
            }
        };
        self.last_word = Some(word);
        result
    }

    /// Reads and throws away: how many bytes; `None` at the end, or when the time is over.
    fn poll_discard(&mut self, cx: &mut Context<'_>, until: Clock) -> Poll<Option<usize>> {
        let mut bytes = [0; 4096];
        let mut buffer = ReadBuf::new(&mut bytes);
        match Pin::new(&mut self.socket).poll_read(cx, &mut buffer) {
            Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                let read = buffer.filled();
                self.shared.messages.lock().read(Instant::now(), read);
                Poll::Ready(Some(read.len()))
            }
            Poll::Ready(_) => Poll::Ready(None),
            Poll::Pending => self
                .read_timer
                .poll_until(until, Clock::now(), cx)
                .map(|()| None),
        }
    }
}

/// The run that a head names in its `traceparent`, as far as the head came.
fn named_run(head: &[u8]) -> Option<Traceparent> {
    let parts = split(head, Direction::Request, Answers::Other).parts;
    parts.into_iter().find_map(|part| match part.kind {
        PartKind::Field { name, value }
            if head[name.clone()].eq_ignore_ascii_case(b"traceparent") =>
        {
            let value = std::str::from_utf8(&head[value]).ok()?;
            let named: Traceparent = value.parse().ok()?;
            named.recorded.then_some(named)
        }
        _ => None,
    })
}

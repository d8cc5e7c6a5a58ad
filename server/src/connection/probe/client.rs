//! The raw client: one connection, these bytes, and what comes back.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::body::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpSocket,
        tcp::{ReadHalf, WriteHalf},
    },
    time::{sleep, timeout},
};
use wire::{
    http1::{Answers, Direction, Framer, PartKind, split},
    limits::{PROBE_REPLY_MAX, PROBE_TOTAL_MS, PROBE_WAIT_MS},
    trace::{Kind, Lane, SpanId},
};

use super::super::{admission::Connections, recording::summary};
use crate::trace::{Draft, RunHandle};

/// What to send, and how.
pub(super) struct Plan {
    pub to: SocketAddr,
    pub bytes: Bytes,
    /// At least 1.
    pub pieces: usize,
    pub gap: Duration,
}

/// What came back.
pub(super) struct Answer {
    pub bytes: Vec<u8>,
    pub end: End,
}

/// Why the answer ends where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Every whole request got its whole answer.
    Complete,
    /// The server closed the connection.
    Closed,
    /// Nothing came for too long.
    Idle,
    /// It is as large, or took as long, as an answer may.
    Bound,
}

impl End {
    pub(super) const fn name(self) -> &'static str {
        match self {
            End::Complete => "complete",
            End::Closed => "closed",
            End::Idle => "idle",
            End::Bound => "bound",
        }
    }

    const fn why(self) -> &'static str {
        match self {
            End::Complete => "every whole request got its whole answer",
            End::Closed => "the server closed the connection",
            End::Idle => "nothing came for too long",
            End::Bound => "the answer is as large, or took as long, as one may",
        }
    }
}

/// Where the probe tells what it did itself.
struct Teller(Option<(RunHandle, SpanId)>);

impl Teller {
    fn tell(&self, kind: Kind, at: Instant, say: impl FnOnce(Draft) -> Draft) {
        if let Some((run, exchange)) = &self.0 {
            run.emit(say(Draft::new(Lane::TERMINAL, kind, at)).with(|detail| {
                detail.exchange = Some(*exchange);
                detail.more.insert("probe".into(), true.into());
            }));
        }
    }
}

impl Plan {
    /// Sends the bytes and takes the answer. Where `inner` is given, the server's end of the connection is recorded there
    /// from the first byte on, and the probe tells its own side of it.
    pub(super) async fn send(
        self,
        connections: &Connections,
        inner: Option<(RunHandle, SpanId)>,
    ) -> io::Result<Answer> {
        let socket = match self.to {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // The port is taken before the connection is made: the server knows whose it is when it accepts it.
        socket.bind(SocketAddr::new(self.to.ip(), 0))?;
        let _expected = connections.expect(socket.local_addr()?, inner.clone());
        let teller = Teller(inner);
        let since = Instant::now();
        let mut stream = socket.connect(self.to).await?;
        stream.set_nodelay(true)?;
        teller.tell(Kind::Connected, since, |draft| draft.until(Instant::now()));
        let mut bytes = Vec::new();
        let (mut read, mut write) = stream.split();
        let exchange = async {
            tokio::select! {
                end = self.read(&mut read, &mut bytes, &teller) => end,
                never = self.write(&mut write, &teller) => match never {},
            }
        };
        let ended = timeout(Duration::from_millis(PROBE_TOTAL_MS), exchange).await;
        let end = ended.unwrap_or(End::Bound);
        teller.tell(Kind::ResponseEnd, Instant::now(), |draft| {
            let draft = draft.bytes(bytes.len() as u64);
            draft.with(|detail| detail.why = Some(end.why().to_owned()))
        });
        Ok(Answer { bytes, end })
    }

    /// Sends the pieces, then lets the reader decide when it is over.
    async fn write(&self, to: &mut WriteHalf<'_>, teller: &Teller) -> Infallible {
        let length = self.bytes.len().div_ceil(self.pieces).max(1);
        let mut sent = 0;
        for piece in self.bytes.chunks(length) {
            if sent > 0 {
                sleep(self.gap).await;
            }
            let at = Instant::now();
            // The server may close before all is sent; what it said before counts.
            if to.write_all(piece).await.is_err() {
                break;
            }
            let kind = if sent == 0 {
                Kind::RequestSent
            } else {
                Kind::Progress
            };
            sent += piece.len();
            teller.tell(kind, at, |draft| {
                draft.bytes(sent as u64).with(|detail| {
                    let line = self.bytes.split(|byte| *byte == b'\n').next();
                    detail.summary =
                        line.and_then(|line| summary(line.trim_ascii_end(), Kind::Read));
                })
            });
        }
        std::future::pending().await
    }

    /// Takes what comes until it is over.
    async fn read(&self, from: &mut ReadHalf<'_>, answer: &mut Vec<u8>, teller: &Teller) -> End {
        let pauses = self.gap * u32::try_from(self.pieces.saturating_sub(1)).unwrap_or(u32::MAX);
        let wait = Duration::from_millis(PROBE_WAIT_MS).saturating_add(pauses);
        let mut owed = Owed::new(&self.bytes);
        let mut chunk = vec![0; 16 * 1024];
        loop {
            let count = match timeout(wait, from.read(&mut chunk)).await {
                Err(_) => return End::Idle,
                Ok(Ok(0) | Err(_)) => return End::Closed,
                Ok(Ok(count)) => count,
            };
            teller.tell(Kind::ResponseData, Instant::now(), |draft| {
                draft.bytes(count as u64)
            });
            let room = usize::try_from(PROBE_REPLY_MAX).unwrap_or(usize::MAX) - answer.len();
            let came = &chunk[..count.min(room)];
            answer.extend_from_slice(came);
            if owed.is_paid_by(came) && !closes_behind(answer) {
                return End::Complete;
            }
            if came.len() < count || count == room {
                return End::Bound;
            }
        }
    }
}

/// Does the last of these whole responses say that the connection closes behind it (RFC 9112 §9.6)?
fn closes_behind(mut answer: &[u8]) -> bool {
    let mut closes = false;
    while !answer.is_empty() {
        let response = split(answer, Direction::Response, Answers::Other);
        closes = response.parts.iter().any(|part| match &part.kind {
            PartKind::StatusLine { version, .. } => &answer[version.clone()] == b"HTTP/1.0",
            PartKind::Field { name, value } => {
                answer[name.clone()].eq_ignore_ascii_case(b"connection")
                    && answer[value.clone()].eq_ignore_ascii_case(b"close")
            }
            _ => false,
        });
        answer = &answer[response.bytes..];
    }
    closes
}

/// Which answers are still to come.
struct Owed {
    /// What each whole request asks to be answered, in order; none where the bytes end within a request.
    requests: Option<VecDeque<Answers>>,
    responses: Framer,
}

impl Owed {
    fn new(mut bytes: &[u8]) -> Owed {
        let mut framer = Framer::request();
        let mut requests = VecDeque::new();
        while !bytes.is_empty() {
            let step = framer.advance(bytes);
            bytes = &bytes[step.bytes..];
            if step.ended {
                requests.extend(framer.head().map(|head| head.answers));
            }
        }
        Owed {
            responses: Framer::response(requests.front().copied().unwrap_or_default()),
            requests: framer.is_between().then_some(requests),
        }
    }

    /// Is everything answered with these further bytes?
    fn is_paid_by(&mut self, mut bytes: &[u8]) -> bool {
        let Some(requests) = &mut self.requests else {
            return false;
        };
        while !bytes.is_empty() {
            let step = self.responses.advance(bytes);
            bytes = &bytes[step.bytes..];
            if step.ended {
                requests.pop_front();
                self.responses
                    .answering(requests.front().copied().unwrap_or_default());
            }
        }
        requests.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_whole_request_is_owed_an_answer() {
        let mut owed = Owed::new(b"HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n");
        assert!(!owed.is_paid_by(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"));
        assert!(!owed.is_paid_by(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nh"));
        assert!(owed.is_paid_by(b"i"));
    }

    #[test]
    fn half_a_request_waits_for_what_the_server_makes_of_it() {
        let mut owed = Owed::new(b"GET / HTTP/1.1\r\n");
        assert!(!owed.is_paid_by(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n"));
    }
}

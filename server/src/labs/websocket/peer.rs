//! One WebSocket: messages in, frames out, pings, and how it ends.
//!
//! tungstenite reads the protocol out of memory; the bytes come and go here. So frames that many sockets share are written
//! as they are, in one write with whatever else is ready, and a socket that is silent holds next to nothing.

use std::{
    future::poll_fn,
    io::{self, Read, Write},
    pin::{Pin, pin},
    task::{Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::{Instant, Sleep, error::Elapsed, sleep_until, timeout},
};
use tungstenite::{
    Error, Message,
    error::{CapacityError, ProtocolError},
    protocol::{CloseFrame, Role, WebSocket, WebSocketConfig, frame::coding::CloseCode},
};
use wire::{
    limits::{SOCKET_PING_S, SOCKET_SILENCE_S},
    socket::close_code,
};

use crate::connection::streams::{Bare, Upgraded};

/// How much is read at once, in bytes.
const READ_BYTES: usize = 16 * 1024;
/// What tungstenite keeps ready for reading, in bytes: thousands of sockets may be open.
const BUFFER_BYTES: usize = 1024;
/// What stands before the payload of a control frame that a client sends (RFC 6455 §5.2).
const CONTROL_HEADER_BYTES: usize = 6;
/// How long the peer may take to say goodbye.
const GOODBYE_MAX: Duration = Duration::from_secs(2);
/// How long the server still reads from a peer that it no longer understands.
const LAST_READ_MAX: Duration = Duration::from_millis(500);
const PING: Duration = Duration::from_secs(SOCKET_PING_S);
const SILENCE: Duration = Duration::from_secs(SOCKET_SILENCE_S);

/// What a socket is allowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// The largest message that is read, in bytes.
    pub(super) message_bytes: usize,
    /// How long the peer may take nothing of what is sent.
    pub(super) stall: Duration,
}

/// Why a socket ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The peer said goodbye.
    Goodbye,
    /// The connection broke.
    Broken,
    /// The server says this code and reason.
    Close(u16, String),
}

impl End {
    /// The reason, where it is the server's.
    pub(super) fn why(&self) -> Option<&str> {
        match self {
            End::Close(_, why) => Some(why),
            End::Goodbye | End::Broken => None,
        }
    }

    /// The connection broke. The kernel gives a peer up that takes nothing, and may be first.
    fn by(error: &io::Error) -> End {
        match error.kind() {
            io::ErrorKind::TimedOut => {
                End::Close(close_code::SLOW, "slow: TCP has given the peer up".into())
            }
            _ => End::Broken,
        }
    }

    /// What the peer did to the protocol.
    fn of(error: &Error, bounds: Bounds) -> End {
        let close = |code, why: String| End::Close(code, why);
        match error {
            Error::Capacity(CapacityError::MessageTooLong { .. }) => close(
                close_code::TOO_BIG,
                format!("a message has at most {} bytes", bounds.message_bytes),
            ),
            Error::Utf8(_) => close(close_code::NOT_TEXT, "text has to be UTF-8".into()),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::Broken,
            Error::Protocol(error) => close(close_code::PROTOCOL, error.to_string()),
            _ => End::Broken,
        }
    }
}

/// The other side of one WebSocket, on an upgraded connection.
pub(super) struct Peer {
    io: Upgraded,
    socket: WebSocket<Pipe>,
    bounds: Bounds,
    heard: Instant,
    beat: Pin<Box<Sleep>>,
    /// How many bytes the messages took that came, each counted as one frame.
    understood: u64,
}

/// A peer that says nothing for now, without its connection.
pub(super) struct Rested {
    bounds: Bounds,
    heard: Instant,
}

impl Rested {
    /// When it is to be pinged.
    pub(super) fn due(&self) -> Instant {
        self.heard + PING
    }
}

/// The socket as tungstenite sees it: memory.
#[derive(Default)]
struct Pipe {
    incoming: BytesMut,
    outgoing: BytesMut,
    /// Nothing more will come in.
    ended: bool,
    /// How many bytes of a message came so far, its frames' headers included.
    partial: usize,
    /// How many bytes came in all.
    read: u64,
}

impl Read for Pipe {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.incoming.is_empty() {
            // A silent socket keeps no buffer.
            self.incoming = BytesMut::new();
            return if self.ended {
                Ok(0)
            } else {
                Err(io::ErrorKind::WouldBlock.into())
            };
        }
        let count = out.len().min(self.incoming.len());
        self.incoming.copy_to_slice(&mut out[..count]);
        Ok(count)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Peer {
    pub(super) fn new(upgraded: Upgraded, bounds: Bounds) -> Peer {
        let config = WebSocketConfig::default()
            .read_buffer_size(BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(bounds.message_bytes))
            .max_frame_size(Some(bounds.message_bytes));
        let now = Instant::now();
        Peer {
            understood: 0,
            io: upgraded,
            socket: WebSocket::from_raw_socket(Pipe::default(), Role::Server, Some(config)),
            bounds,
            heard: now,
            beat: Box::pin(sleep_until(now + PING)),
        }
    }

    /// Is nothing under way in either direction, and does nobody watch the connection?
    pub(super) fn may_rest(&self) -> bool {
        let pipe = self.socket.get_ref();
        // Of a message in several frames more was read than was understood: such a peer does not rest again.
        pipe.read == self.understood
            && pipe.outgoing.is_empty()
            && Instant::now() < self.heard + PING
            && self.io.is_bare()
    }

    /// Lets go of all that is needed only for a peer that speaks.
    pub(super) fn rest(self) -> Option<(Bare, Rested)> {
        let (bounds, heard) = (self.bounds, self.heard);
        Some((self.io.into_bare()?, Rested { bounds, heard }))
    }

    /// It has its connection again; this is left of what was to be sent.
    pub(super) fn rouse(connection: Upgraded, rested: Rested, unsent: &[u8]) -> Peer {
        let mut peer = Peer::new(connection, rested.bounds);
        peer.heard = rested.heard;
        peer.beat.as_mut().reset(rested.due());
        peer.queue(unsent);
        peer
    }

    /// How many bytes of a message are here whose end is not.
    pub(super) fn partial(&self) -> usize {
        self.socket.get_ref().partial
    }

    /// The next message. `None`: there is none yet, but there may be something to flush. Nothing is lost where this is
    /// dropped half-way.
    pub(super) async fn receive(&mut self) -> Result<Option<Message>, End> {
        if let Some(message) = self.parse()? {
            return Ok(Some(message));
        }
        tokio::select! {
            read = fill(&mut self.io, self.socket.get_mut()) => {
                read.map_err(|error| End::by(&error))?;
                self.heard = Instant::now();
            }
            () = self.beat.as_mut() => self.beat()?,
        }
        self.parse()
    }

    fn parse(&mut self) -> Result<Option<Message>, End> {
        match self.socket.read() {
            Ok(Message::Close(_)) => Err(End::Goodbye),
            Ok(message) => {
                self.understood += framed(message.len());
                let pipe = self.socket.get_mut();
                pipe.partial = match &message {
                    Message::Ping(payload) | Message::Pong(payload) => pipe
                        .partial
                        .saturating_sub(CONTROL_HEADER_BYTES + payload.len()),
                    // What is left belongs to the next.
                    _ => pipe.incoming.len(),
                };
                Ok(Some(message))
            }
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(End::of(&error, self.bounds)),
        }
    }

    /// The peer was silent for a while: it is pinged, and in the end given up.
    fn beat(&mut self) -> Result<(), End> {
        let now = Instant::now();
        if now >= self.heard + SILENCE {
            return Err(End::Close(
                close_code::SLOW,
                format!("silent: nothing came for {SOCKET_SILENCE_S} s, not even a pong"),
            ));
        }
        if now >= self.heard + PING {
            // It goes into memory, which cannot fail.
            let _ = self.socket.send(Message::Ping(Bytes::new()));
            self.beat.as_mut().reset(now + PING);
        } else {
            self.beat.as_mut().reset(self.heard + PING);
        }
        Ok(())
    }

    /// Puts a frame before what is sent next.
    pub(super) fn queue(&mut self, frame: &[u8]) {
        self.socket.get_mut().outgoing.extend_from_slice(frame);
    }

    /// Sends what is queued, pongs included, and then these frames. Whoever does not take them in time is too slow.
    pub(super) async fn send(&mut self, mut frames: Bytes) -> Result<(), End> {
        // Pongs stand in tungstenite's own queue.
        let _ = self.socket.flush();
        let stall = self.bounds.stall;
        let outgoing = &mut self.socket.get_mut().outgoing;
        if outgoing.is_empty() && frames.is_empty() {
            return Ok(());
        }
        let mut bytes = (&mut *outgoing).chain(&mut frames);
        match write_all(&mut self.io, &mut bytes, stall).await {
            Ok(Ok(())) => {
                // A silent socket keeps no buffer.
                *outgoing = BytesMut::new();
                Ok(())
            }
            Ok(Err(error)) => Err(End::by(&error)),
            Err(_) => {
                // A goodbye can only follow a whole frame.
                outgoing.extend_from_slice(&frames);
                Err(End::Close(
                    close_code::SLOW,
                    format!(
                        "slow: nothing of a write was taken within {} ms",
                        stall.as_millis()
                    ),
                ))
            }
        }
    }

    /// Sends what is queued.
    pub(super) async fn flush(&mut self) -> Result<(), End> {
        self.send(Bytes::new()).await
    }

    async fn discard(&mut self) -> Result<(), End> {
        let pipe = self.socket.get_mut();
        let read = fill(&mut self.io, pipe).await;
        pipe.incoming.clear();
        match read {
            Ok(()) if !pipe.ended => Ok(()),
            _ => Err(End::Broken),
        }
    }

    /// Says goodbye, and waits a moment for the peer's.
    pub(super) async fn close(mut self, end: &End) {
        if *end == End::Broken {
            return;
        }
        if let End::Close(code, why) = end {
            let frame = CloseFrame {
                code: CloseCode::from(*code),
                reason: truncated(why).into(),
            };
            let _ = self.socket.close(Some(frame));
        }
        let lost = matches!(
            end,
            End::Close(
                close_code::PROTOCOL | close_code::NOT_TEXT | close_code::TOO_BIG,
                _
            )
        );
        let goodbye = async {
            self.flush().await?;
            if *end == End::Goodbye {
                return Ok(());
            }
            // What the peer has sent meanwhile is read, or the kernel would reset the connection and lose the goodbye.
            loop {
                if lost {
                    // Where its next frame begins, nobody knows.
                    self.discard().await?;
                } else {
                    self.receive().await?;
                }
            }
        };
        let longest = if lost { LAST_READ_MAX } else { GOODBYE_MAX };
        let _: Result<Result<(), End>, _> = timeout(longest, goodbye).await;
        let _ = timeout(GOODBYE_MAX, self.io.shutdown()).await;
    }
}

/// How many bytes so many take as one frame of a client (RFC 6455 §5.2).
fn framed(payload: usize) -> u64 {
    let length = match payload {
        ..126 => 0,
        126..65_536 => 2,
        _ => 8,
    };
    (CONTROL_HEADER_BYTES + length + payload) as u64
}

/// A close frame's reason has at most 123 bytes (RFC 6455 §5.5).
fn truncated(why: &str) -> String {
    let mut end = why.len().min(123);
    while !why.is_char_boundary(end) {
        end -= 1;
    }
    why[..end].to_owned()
}

/// Writes all of it. Each time the peer takes some, however little, it has so long again for the next.
async fn write_all(
    io: &mut (impl AsyncWrite + Unpin),
    bytes: &mut impl Buf,
    stall: Duration,
) -> Result<io::Result<()>, Elapsed> {
    while bytes.has_remaining() {
        match unless_stalled(io.write_buf(bytes), stall).await? {
            Ok(0) => return Ok(Err(io::ErrorKind::WriteZero.into())),
            Ok(_) => {}
            Err(error) => return Ok(Err(error)),
        }
    }
    unless_stalled(io.flush(), stall).await
}

/// Mostly the kernel takes it at once, and no timer is needed.
async fn unless_stalled<T>(doing: impl Future<Output = T>, stall: Duration) -> Result<T, Elapsed> {
    let mut doing = pin!(doing);
    match poll_fn(|cx| Poll::Ready(doing.as_mut().poll(cx))).await {
        Poll::Ready(done) => Ok(done),
        Poll::Pending => timeout(stall, doing).await,
    }
}

/// Reads what has come. The buffer stands on the stack while it is needed.
async fn fill(io: &mut Upgraded, pipe: &mut Pipe) -> io::Result<()> {
    poll_fn(|cx| {
        let mut stack = [0; READ_BYTES];
        let mut buffer = ReadBuf::new(&mut stack);
        ready!(Pin::new(&mut *io).poll_read(cx, &mut buffer))?;
        let read = buffer.filled();
        pipe.incoming.extend_from_slice(read);
        pipe.partial += read.len();
        pipe.read += read.len() as u64;
        pipe.ended = read.is_empty();
        Poll::Ready(Ok(()))
    })
    .await
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, duplex},
        time::advance,
    };

    use super::*;

    const STALL: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_reads_slowly_all_the_time_gets_everything() {
        let (mut io, mut peer) = duplex(10);
        let since = Instant::now();
        let writing =
            tokio::spawn(async move { write_all(&mut io, &mut &[7; 1_000][..], STALL).await });
        let mut read = Vec::new();
        while read.len() < 1_000 {
            tokio::task::yield_now().await;
            advance(STALL - Duration::from_secs(1)).await;
            read.push(peer.read_u8().await.expect("it is not given up"));
        }
        assert!(matches!(writing.await, Ok(Ok(Ok(())))));
        assert_eq!(read, [7; 1_000]);
        assert!(since.elapsed() > 100 * STALL);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_for_too_long_is_given_up() {
        let (mut io, mut peer) = duplex(10);
        let mut bytes = &[7; 1_000][..];
        let since = Instant::now();
        assert!(write_all(&mut io, &mut bytes, STALL).await.is_err());
        assert_eq!((since.elapsed(), bytes.len()), (STALL, 990));
        peer.read_exact(&mut [0; 10]).await.expect("what it has");
    }
}

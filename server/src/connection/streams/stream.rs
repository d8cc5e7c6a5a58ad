//! One stream: its socket, where its bytes come from, and what of them the kernel has not taken yet.

use std::{
    io,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::{net::TcpStream, time::Instant};

use super::{
    super::{
        tap::Open,
        upgraded::{Bare, Upgraded},
    },
    Bell, Conversation, Heartbeat, Next, Source,
    chunk::{Chunks, LAST},
    closing,
    rouse::{Rouse, Roused},
};

/// What a peer may send behind its request and have read, in bytes. It is thrown away; what is beyond stays in the kernel,
/// and that the peer has gone is known by what is written.
const STRAY_MAX: usize = 64 * 1024;

/// A socket that was taken over.
pub(in super::super) struct Stream {
    /// Goes before the socket does.
    open: Arc<Open>,
    socket: TcpStream,
    voice: Voice,
    /// What the kernel has not taken yet.
    unsent: Bytes,
    /// Since when it takes nothing.
    blocked: Option<Instant>,
    /// When it took something last.
    spoke: Instant,
    /// What the peer has sent behind its request, in bytes.
    strays: usize,
    /// The source has come to its end.
    over: bool,
    /// Who is woken by the socket.
    rouse: Option<Arc<Rouse>>,
}

/// Whose bytes they are.
enum Voice {
    /// A response's, as chunks.
    Response {
        source: Box<dyn Source>,
        /// How long the peer may take nothing.
        stall: Duration,
    },
    /// What is no longer HTTP, as they are.
    Conversation(Box<dyn Conversation>),
}

/// What a turn came to.
pub(super) enum Turn {
    /// Nothing is to be done before the bell rings or the socket wakes it.
    Rests,
    /// There may be more to write.
    GoesOn,
    /// The kernel takes nothing. By then it must, or the stream is cut off.
    Blocks { until: Instant },
    /// It is over.
    Ends(End),
}

/// How a stream ends.
pub(super) enum End {
    /// All of it was written.
    Whole,
    /// The peer has gone.
    Gone,
    /// The peer takes nothing.
    Stalled,
    /// A conversation gets its connection back.
    Back,
}

impl End {
    /// The kernel gives a peer up that takes nothing for as long (`TCP_USER_TIMEOUT`), and may be first.
    fn by(error: &io::Error) -> End {
        match error.kind() {
            io::ErrorKind::TimedOut => End::Stalled,
            _ => End::Gone,
        }
    }
}

impl Stream {
    /// What comes from the source goes to the socket as chunks; the head is out.
    pub(in super::super) fn new(
        socket: TcpStream,
        open: Arc<Open>,
        source: Box<dyn Source>,
        stall: Duration,
    ) -> Stream {
        Stream::of(Bare { open, socket }, Voice::Response { source, stall })
    }

    /// What the conversation says goes to the socket as it is.
    pub(in super::super) fn conversation(
        bare: Bare,
        conversation: Box<dyn Conversation>,
    ) -> Stream {
        Stream::of(bare, Voice::Conversation(conversation))
    }

    fn of(Bare { open, socket }: Bare, voice: Voice) -> Stream {
        Stream {
            open,
            socket,
            voice,
            unsent: Bytes::new(),
            blocked: None,
            spoke: Instant::now(),
            strays: 0,
            over: false,
            rouse: None,
        }
    }

    pub(super) fn bell(&self) -> Bell {
        match &self.voice {
            Voice::Response { source, .. } => source.bell(),
            Voice::Conversation(conversation) => conversation.bell(),
        }
    }

    pub(super) fn is_conversation(&self) -> bool {
        matches!(self.voice, Voice::Conversation(_))
    }

    /// It is this one of its crowd: its socket is listened to.
    pub(super) fn join(&mut self, number: u64, roused: &Arc<Roused>) -> Turn {
        self.rouse = Some(Arc::new(Rouse::new(number, roused.clone())));
        self.listen()
    }

    /// Its socket woke it.
    pub(super) fn roused(&mut self, now: Instant) -> Turn {
        if let Some(rouse) = &self.rouse {
            rouse.heard();
        }
        match self.listen() {
            Turn::Rests if !self.unsent.is_empty() => self.flush(now),
            turn => turn,
        }
    }

    /// Has the peer gone? In a response it has nothing to say any more.
    fn listen(&mut self) -> Turn {
        if self.is_conversation() {
            return match self.wakes(|socket, cx| socket.poll_read_ready(cx)) {
                Poll::Ready(_) => Turn::Ends(End::Back),
                Poll::Pending => Turn::Rests,
            };
        }
        let mut bytes = [0; 1024];
        while self.strays < STRAY_MAX {
            match self.socket.try_read(&mut bytes) {
                Ok(0) => return Turn::Ends(End::Gone),
                Ok(read) => self.strays += read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match self.wakes(|socket, cx| socket.poll_read_ready(cx)) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return Turn::Ends(End::by(&error)),
                        Poll::Pending => return Turn::Rests,
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Turn::Ends(End::by(&error)),
            }
        }
        Turn::Rests
    }

    /// Writes what comes next, unless the kernel takes nothing now.
    pub(super) fn write(&mut self, chunks: &mut Chunks, now: Instant) -> Turn {
        if self.blocked.is_some() {
            return Turn::Rests;
        }
        let (next, is_response) = match &mut self.voice {
            Voice::Response { source, .. } => (source.next(), true),
            Voice::Conversation(conversation) => (conversation.next(), false),
        };
        match next {
            // An empty chunk would be the end.
            Next::Bytes(bytes) if bytes.is_empty() => return Turn::GoesOn,
            Next::Bytes(bytes) if is_response => self.unsent = chunks.framed(&bytes),
            Next::Bytes(bytes) => self.unsent = bytes,
            Next::Nothing => return Turn::Rests,
            Next::End if is_response => {
                self.over = true;
                self.unsent = LAST;
            }
            Next::End => return Turn::Ends(End::Back),
        }
        self.flush(now)
    }

    fn flush(&mut self, now: Instant) -> Turn {
        loop {
            match self.socket.try_write(&self.unsent) {
                Ok(count) => {
                    self.unsent.advance(count);
                    self.spoke = now;
                    self.blocked = None;
                    if self.unsent.is_empty() {
                        // What is shared is not held on to.
                        self.unsent = Bytes::new();
                        return match self.over {
                            true => Turn::Ends(End::Whole),
                            false => Turn::GoesOn,
                        };
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    match self.wakes(|socket, cx| socket.poll_write_ready(cx)) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return Turn::Ends(End::by(&error)),
                        Poll::Pending => {
                            let Voice::Response { stall, .. } = self.voice else {
                                return Turn::Ends(End::Back);
                            };
                            let since = *self.blocked.get_or_insert(now);
                            let until = since + stall;
                            return Turn::Blocks { until };
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Turn::Ends(End::by(&error)),
            }
        }
    }

    /// Asks for the socket's readiness, so that it is woken when that comes.
    fn wakes(
        &self,
        ask: impl FnOnce(&TcpStream, &mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        let waker = self.rouse.clone().map(Waker::from);
        let waker = waker.as_ref().unwrap_or(Waker::noop());
        ask(&self.socket, &mut Context::from_waker(waker))
    }

    /// When it is to be looked at, if nothing happens before.
    pub(super) fn due(&self) -> Option<Instant> {
        match (&self.voice, self.blocked) {
            (Voice::Response { stall, .. }, Some(since)) => Some(since + *stall),
            (Voice::Response { source, .. }, None) => {
                Some(self.spoke + source.heartbeat()?.silence)
            }
            (Voice::Conversation(conversation), _) => Some(conversation.due()),
        }
    }

    /// It is due: the peer has taken nothing for too long, or nothing was said for a while.
    pub(super) fn look(&mut self, chunks: &mut Chunks, now: Instant) -> Turn {
        if self.due().is_none_or(|due| now < due) {
            return Turn::Rests;
        }
        let Voice::Response { source, .. } = &self.voice else {
            return Turn::Ends(End::Back);
        };
        if self.blocked.is_some() {
            return Turn::Ends(End::Stalled);
        }
        if let Some(Heartbeat { bytes, .. }) = source.heartbeat() {
            self.unsent = chunks.framed(&bytes);
        }
        self.flush(now)
    }

    /// Lets go of it.
    pub(super) fn end(self, end: &End) {
        match (end, self.voice) {
            // From here on nobody counts it as a reader, however long the goodbye takes.
            (End::Whole, voice) => {
                drop(voice);
                tokio::spawn(closing::close(self.open, self.socket));
            }
            (End::Stalled, Voice::Response { source, stall }) => {
                let why = self.open.stalled(stall);
                source.cut(&why);
            }
            (End::Back, Voice::Conversation(conversation)) => {
                let (open, socket) = (self.open, self.socket);
                conversation.back(Upgraded::from(Bare { open, socket }), self.unsent);
            }
            _ => {}
        }
    }
}

//! A connection that is no longer HTTP, as whoever speaks on it has it.
//!
//! Where a run records it, or faults are asked for, its bytes go through the tap. Else nobody looks at them any more: the
//! tap and what it keeps are let go of, and the socket is all that is left.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{
    streams::{Conversation, Stream},
    tap::{Open, Tap},
};

/// Bytes in both directions.
pub(crate) struct Upgraded {
    /// What came behind the request before the connection was upgraded.
    ahead: Bytes,
    io: Io,
}

enum Io {
    /// Somebody may look.
    Tapped(Box<dyn ReadWrite>),
    /// Nobody does.
    Bare(Bare),
}

/// A socket that nobody looks at. Its place among the connections is free before the socket is.
pub(crate) struct Bare {
    pub(super) open: Arc<Open>,
    pub(super) socket: TcpStream,
}

trait ReadWrite: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ReadWrite for T {}

impl Upgraded {
    /// What hyper hands over.
    pub(crate) fn of(upgraded: hyper::upgrade::Upgraded) -> Upgraded {
        match upgraded.downcast::<TokioIo<Tap>>() {
            Ok(parts) => Upgraded {
                ahead: parts.read_buf,
                io: match parts.io.into_inner().into_bare() {
                    Ok(bare) => Io::Bare(bare),
                    Err(tap) => Io::Tapped(tap),
                },
            },
            // The server runs without the tap.
            Err(upgraded) => Upgraded {
                ahead: Bytes::new(),
                io: Io::Tapped(Box::new(TokioIo::new(upgraded))),
            },
        }
    }

    /// Is the socket all that there is?
    pub(crate) fn is_bare(&self) -> bool {
        matches!(self.io, Io::Bare(_)) && self.ahead.is_empty()
    }

    /// The socket alone, where nobody watches.
    pub(crate) fn into_bare(self) -> Option<Bare> {
        match self.io {
            Io::Bare(bare) => Some(bare),
            Io::Tapped(_) => None,
        }
    }

    fn io(&mut self) -> Pin<&mut dyn ReadWrite> {
        match &mut self.io {
            Io::Tapped(io) => Pin::new(&mut **io),
            Io::Bare(bare) => Pin::new(&mut bare.socket),
        }
    }
}

impl From<Bare> for Upgraded {
    fn from(bare: Bare) -> Upgraded {
        Upgraded {
            ahead: Bytes::new(),
            io: Io::Bare(bare),
        }
    }
}

impl Bare {
    /// While only the server speaks, the conversation needs no task of its own.
    pub(crate) fn rest(self, conversation: Box<dyn Conversation>) {
        let streams = self.open.streams().clone();
        streams.take(Stream::conversation(self, conversation));
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.ahead.is_empty() {
            return this.io().poll_read(cx, buffer);
        }
        let count = this.ahead.len().min(buffer.remaining());
        buffer.put_slice(&this.ahead[..count]);
        this.ahead.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().io().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().io().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().io().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().io().poll_shutdown(cx)
    }
}

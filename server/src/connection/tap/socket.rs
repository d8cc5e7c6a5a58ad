//! The socket as the tap holds it: whole, or only its reading half while a line carries what is written.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// A connection's socket.
pub(super) enum Socket {
    Whole(TcpStream),
    /// The other half is with a line.
    Reading(OwnedReadHalf),
    /// It was closed already.
    Gone,
}

impl Socket {
    /// Parts with the writing half; none where that is gone.
    pub(super) fn split(&mut self) -> Option<OwnedWriteHalf> {
        match std::mem::replace(self, Socket::Gone) {
            Socket::Whole(stream) => {
                let (reading, writing) = stream.into_split();
                *self = Socket::Reading(reading);
                Some(writing)
            }
            other => {
                *self = other;
                None
            }
        }
    }

    /// Takes the writing half back.
    pub(super) fn reunite(&mut self, writing: OwnedWriteHalf) {
        match std::mem::replace(self, Socket::Gone) {
            Socket::Reading(reading) => match reading.reunite(writing) {
                Ok(stream) => *self = Socket::Whole(stream),
                // A line gives back the half that it was given, so this does not happen; and the socket is closed.
                Err(error) => tracing::error!(%error, "the halves are of two sockets"),
            },
            other => *self = other,
        }
    }

    /// The stream, whoever writes to it.
    pub(super) fn stream(&self) -> Option<&TcpStream> {
        match self {
            Socket::Whole(stream) => Some(stream),
            Socket::Reading(reading) => Some(reading.as_ref()),
            Socket::Gone => None,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Whole(stream) => Pin::new(stream).poll_read(cx, buffer),
            Socket::Reading(reading) => Pin::new(reading).poll_read(cx, buffer),
            Socket::Gone => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Whole(stream) => Pin::new(stream).poll_write(cx, bytes),
            _ => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Socket::Whole(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            _ => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Socket::Whole(stream) => Pin::new(stream).poll_shutdown(cx),
            _ => Poll::Ready(Ok(())),
        }
    }
}

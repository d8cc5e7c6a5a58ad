//! How a stream that came to its end is closed.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::super::tap::{LINGER, LINGER_BYTES, Open};

/// Closes this direction, and reads until the peer has closed the other, within bounds: closing over bytes that were not
/// read, or that come later, resets the connection, which could cost the peer the end of the stream (RFC 9112 §9.6).
pub(super) async fn close(open: Arc<Open>, mut socket: TcpStream) {
    let farewell = async {
        socket.shutdown().await?;
        let (mut bytes, mut left) = ([0; 1024], LINGER_BYTES);
        while left > 0 {
            match socket.read(&mut bytes).await? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        std::io::Result::Ok(())
    };
    // A peer that does not close in time, or has gone, is closed all the same.
    let _ = timeout(LINGER, farewell).await;
    // Its place is free before the socket is.
    drop(open);
}

//! A socket that sends back what it gets.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use tungstenite::Message;
use wire::{limits::SOCKET_ECHO_MEMORY_MAX, socket::close_code};

use super::peer::{End, Peer};
use crate::topics::message::{Opcode, frame_header};

/// Echoes until one side leaves.
pub(super) async fn run(mut peer: Peer, stopping: CancellationToken) {
    let end = tokio::select! {
        end = echo(&mut peer) => end,
        () = stopping.cancelled() => End::Close(close_code::RESTART, "the server stops".into()),
    };
    peer.close(&end).await;
}

async fn echo(peer: &mut Peer) -> End {
    let mut held = Held::default();
    loop {
        let echoed = async {
            let message = peer.receive().await?;
            held.hold(peer.partial())?;
            match message {
                Some(Message::Text(text)) => {
                    held.hold(text.len())?;
                    send_back(peer, Opcode::Text, text.into()).await
                }
                Some(Message::Binary(bytes)) => {
                    held.hold(bytes.len())?;
                    send_back(peer, Opcode::Binary, bytes).await
                }
                // tungstenite has answered pings by itself.
                _ => peer.flush().await,
            }
        };
        if let Err(end) = echoed.await {
            return end;
        }
    }
}

/// Sends the message as one frame, without copying it.
async fn send_back(peer: &mut Peer, opcode: Opcode, payload: Bytes) -> Result<(), End> {
    let mut header = Vec::new();
    frame_header(opcode, payload.len(), &mut header);
    peer.queue(&header);
    peer.send(payload).await
}

/// What all echo sockets hold, in bytes.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// What one of them holds.
#[derive(Default)]
struct Held(usize);

impl Held {
    /// It holds this many bytes now; more than all together may hold ends it.
    fn hold(&mut self, bytes: usize) -> Result<(), End> {
        let all = HELD.fetch_add(bytes, Relaxed) + bytes;
        HELD.fetch_sub(self.0, Relaxed);
        let all = all - self.0;
        self.0 = bytes;
        if all > SOCKET_ECHO_MEMORY_MAX {
            return Err(End::Close(
                close_code::POLICY,
                format!("all echo sockets together hold at most {SOCKET_ECHO_MEMORY_MAX} bytes"),
            ));
        }
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        HELD.fetch_sub(self.0, Relaxed);
    }
}

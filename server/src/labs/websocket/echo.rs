//! A socket that sends back what it gets.

use std::{collections::BTreeMap, net::IpAddr};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tungstenite::Message;
use wire::{
    limits::{SOCKET_ECHO_MEMORY_MAX, SOCKET_ECHO_MEMORY_PER_ADDRESS_MAX},
    socket::close_code,
};

use super::peer::{End, Peer};
use crate::{
    address::Counted,
    topics::message::{Opcode, frame_header},
};

/// Echoes until one side leaves.
pub(super) async fn run(mut peer: Peer, address: Counted, stopping: CancellationToken) {
    let end = echo(&mut peer, address, &stopping).await;
    peer.close(&end).await;
}

async fn echo(peer: &mut Peer, address: Counted, stopping: &CancellationToken) -> End {
    let mut held = Held::nothing(&MEMORY, address);
    loop {
        // Only while it waits for the peer: a goodbye in the middle of a frame would be read as part of it.
        let received = tokio::select! {
            received = peer.receive() => received,
            () = stopping.cancelled() => {
                return End::Close(close_code::RESTART, "the server stops".into());
            }
        };
        let echoed = match received {
            Ok(message) => send_back(peer, message, &mut held).await,
            Err(end) => Err(end),
        };
        if let Err(end) = echoed {
            return end;
        }
    }
}

async fn send_back(
    peer: &mut Peer,
    message: Option<Message>,
    held: &mut Held<'_>,
) -> Result<(), End> {
    match message {
        Some(Message::Text(text)) => {
            held.hold(text.len() + peer.partial())?;
            send_frame(peer, Opcode::Text, text.into()).await?;
        }
        Some(Message::Binary(bytes)) => {
            held.hold(bytes.len() + peer.partial())?;
            send_frame(peer, Opcode::Binary, bytes).await?;
        }
        // tungstenite has answered pings by itself.
        _ => peer.flush().await?,
    }
    held.hold(peer.partial())
}

/// Sends the message as one frame, without copying it.
async fn send_frame(peer: &mut Peer, opcode: Opcode, payload: Bytes) -> Result<(), End> {
    let mut header = Vec::new();
    frame_header(opcode, payload.len(), &mut header);
    peer.queue(&header);
    peer.send(payload).await
}

static MEMORY: Memory = Memory(Mutex::new(Sums {
    all: 0,
    by_address: BTreeMap::new(),
}));

/// What all echo sockets hold.
struct Memory(Mutex<Sums>);

/// In bytes.
struct Sums {
    all: usize,
    /// Only of those that hold something.
    by_address: BTreeMap<IpAddr, usize>,
}

/// What one of them holds.
struct Held<'a> {
    memory: &'a Memory,
    address: Counted,
    bytes: usize,
}

impl<'a> Held<'a> {
    fn nothing(memory: &'a Memory, address: Counted) -> Held<'a> {
        Held {
            memory,
            address,
            bytes: 0,
        }
    }

    /// It holds this many bytes now; more than all together may hold, or those from one address, ends it.
    fn hold(&mut self, bytes: usize) -> Result<(), End> {
        let (all, of_address) = self.count(bytes);
        let refused = |who: &str, most: usize| {
            let why = format!("{who} hold at most {most} bytes");
            Err(End::Close(close_code::POLICY, why))
        };
        if all > SOCKET_ECHO_MEMORY_MAX {
            return refused("all echo sockets together", SOCKET_ECHO_MEMORY_MAX);
        }
        if of_address > SOCKET_ECHO_MEMORY_PER_ADDRESS_MAX {
            return refused(
                "all echo sockets from your address",
                SOCKET_ECHO_MEMORY_PER_ADDRESS_MAX,
            );
        }
        Ok(())
    }

    /// What all hold with that, and those from its address.
    fn count(&mut self, bytes: usize) -> (usize, usize) {
        let before = std::mem::replace(&mut self.bytes, bytes);
        if before == bytes {
            return (0, 0);
        }
        let mut sums = self.memory.0.lock();
        sums.all = sums.all - before + bytes;
        let Counted(Some(address)) = self.address else {
            return (sums.all, 0);
        };
        let of_address = sums.by_address.entry(address).or_insert(0);
        *of_address = *of_address - before + bytes;
        let of_address = *of_address;
        if of_address == 0 {
            sums.by_address.remove(&address);
        }
        (sums.all, of_address)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.count(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> Counted {
        Counted(Some(address.parse().expect("an address")))
    }

    fn empty() -> Memory {
        Memory(Mutex::new(Sums {
            all: 0,
            by_address: BTreeMap::new(),
        }))
    }

    #[test]
    fn all_together_hold_so_much_and_not_one_byte_more() {
        let memory = empty();
        let mut first = Held::nothing(&memory, Counted(None));
        let mut second = Held::nothing(&memory, Counted(None));
        assert_eq!(first.hold(SOCKET_ECHO_MEMORY_MAX - 5), Ok(()));
        assert_eq!(second.hold(5), Ok(()));
        assert!(second.hold(6).is_err());
        drop(second);
        assert_eq!(first.hold(SOCKET_ECHO_MEMORY_MAX), Ok(()));
        drop(first);
        assert_eq!(memory.0.lock().all, 0);
    }

    #[test]
    fn one_address_holds_its_share_and_leaves_the_others_theirs() {
        let memory = empty();
        let mut one = Held::nothing(&memory, from("192.0.2.1"));
        let mut same = Held::nothing(&memory, from("192.0.2.1"));
        let mut other = Held::nothing(&memory, from("192.0.2.2"));
        assert_eq!(one.hold(SOCKET_ECHO_MEMORY_PER_ADDRESS_MAX), Ok(()));
        assert!(same.hold(1).is_err());
        drop(same);
        assert_eq!(other.hold(SOCKET_ECHO_MEMORY_PER_ADDRESS_MAX), Ok(()));
        drop((one, other));
        assert!(memory.0.lock().by_address.is_empty());
    }
}

//! Responses that do not end, written outside of the HTTP library.
//!
//! hyper keeps a task and its buffers for each connection: thousands of streams that are mostly silent are mostly that.
//! Once the head of such a response is out, there is little left to do for HTTP: each piece is a chunk (RFC 9112 §7.1). So
//! the socket is taken over, and what hyper kept for it is gone. The streams that are woken by the same [`Bell`] are
//! written by a few [`crowd`]s: one wake-up for all of a crowd, one `write` for each of its sockets.
//!
//! A stream that is taken over is told so by `Connection: close`: what the peer sends behind its request is thrown away,
//! and nothing follows the response. A response that a run records, that asks for faults, or that is for HTTP/1.0 stays
//! where it is, and the tap measures it: its [`Source`] is the body of an ordinary response then.
//!
//! What was upgraded and is no longer HTTP may join a crowd as well, as long as only the server speaks: a
//! [`Conversation`], which gets its connection back for everything else.

mod chunk;
mod closing;
mod crowd;
mod endless;
mod rouse;
mod stream;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    sync::{
        mpsc::{UnboundedSender, unbounded_channel},
        watch,
    },
    time::Instant,
};
use wire::topics::Presence;

use self::crowd::Crowd;
pub(crate) use self::endless::Endless;
pub(super) use self::stream::Stream;
use super::lockfree;
pub(crate) use super::upgraded::{Bare, Upgraded};

/// Where the bytes of a response come from that does not end.
pub(crate) trait Source: Send + 'static {
    /// What is to be sent now. Asked whenever the bell has rung, and as often as there was something.
    fn next(&mut self) -> Next;

    /// What rings when there may be something.
    fn bell(&self) -> Bell;

    /// What is sent where nothing has been for a while.
    fn heartbeat(&self) -> Option<Heartbeat>;

    /// The server cuts the stream off, and this is why.
    fn cut(self: Box<Self>, why: &str);

    /// The same as a response's body, which rings by itself.
    fn into_body(self: Box<Self>) -> Body;
}

/// A conversation on a connection that is no longer HTTP, while only the server speaks. Whatever is not simply to be
/// written is for a task of its own: it gets the connection back.
pub(crate) trait Conversation: Send + 'static {
    /// What is to be sent now. At the end, or where there is more to say than bytes, the connection is given back.
    fn next(&mut self) -> Next;

    /// What rings when there may be something.
    fn bell(&self) -> Bell;

    /// When the connection is wanted back, if nothing happens before.
    fn due(&self) -> Instant;

    /// The peer speaks, or is slow, or it is time: the connection is given back. This is left of what was to be sent.
    fn back(self: Box<Self>, connection: Upgraded, unsent: Bytes);
}

/// What a source has.
#[derive(Debug)]
pub(crate) enum Next {
    /// These bytes, and perhaps more.
    Bytes(Bytes),
    /// Nothing before the bell rings.
    Nothing,
    /// Nothing any more.
    End,
}

/// Wakes all streams that wait for the same.
#[derive(Debug)]
pub(crate) struct Bell {
    /// What tells it from the others.
    pub(crate) number: u64,
    /// Changes when it rings.
    pub(crate) rings: watch::Receiver<()>,
    /// Changes when conversations may have something to say that can wait.
    pub(crate) murmurs: watch::Receiver<Presence>,
}

/// A sign that the connection is alive.
#[derive(Debug, Clone)]
pub(crate) struct Heartbeat {
    /// What is sent.
    pub(crate) bytes: Bytes,
    /// After how long a silence.
    pub(crate) silence: Duration,
}

/// A crowd is not divided before it is this large: waking another worker costs more than a few writes.
const CROWD: usize = 256;

/// All crowds of a server.
#[derive(Default)]
pub(super) struct Streams {
    by_bell: Mutex<HashMap<u64, Vec<Place>>>,
}

/// Where a crowd takes in who joins.
struct Place {
    door: UnboundedSender<Stream>,
    size: Arc<AtomicUsize>,
}

impl Streams {
    /// Takes a stream over: it is written from here on.
    pub(super) fn take(self: &Arc<Self>, stream: Stream) {
        let bell = stream.bell();
        let most = Handle::current().metrics().num_workers();
        let mut by_bell = self.by_bell.lock();
        let crowds = by_bell.entry(bell.number).or_default();
        let emptiest = crowds.iter().min_by_key(|place| place.size.load(Relaxed));
        let place = match emptiest {
            Some(place) if crowds.len() == most || place.size.load(Relaxed) < CROWD => place,
            _ => {
                crowds.push(self.begin(bell));
                let Some(begun) = crowds.last() else { return };
                begun
            }
        };
        place.size.fetch_add(1, Relaxed);
        // A crowd that is in the list takes in whoever comes: it leaves the list first.
        let _ = place.door.send(stream);
    }

    fn begin(self: &Arc<Self>, bell: Bell) -> Place {
        let (door, newcomers) = unbounded_channel();
        let size = Arc::<AtomicUsize>::default();
        let crowd = Crowd::new(bell, newcomers, size.clone(), self.clone());
        tokio::spawn(tokio::task::unconstrained(crowd.run()));
        Place { door, size }
    }

    /// A crowd is empty: it is over, unless somebody stands at its door.
    fn end(&self, bell: u64, size: &Arc<AtomicUsize>) -> bool {
        let mut by_bell = self.by_bell.lock();
        if size.load(Relaxed) > 0 {
            return false;
        }
        if let Some(crowds) = by_bell.get_mut(&bell) {
            crowds.retain(|place| !Arc::ptr_eq(&place.size, size));
            if crowds.is_empty() {
                by_bell.remove(&bell);
            }
        }
        true
    }
}

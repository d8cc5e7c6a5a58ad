//! Topics that are acknowledged on disk, on a thread of their own: it takes all publishes that wait, writes them in one
//! commit, and only when the disk has said that they are there delivers and acknowledges them. Many publishers share the
//! price of one sync (group commit).
//!
//! Only this thread gives a disk topic's messages their ids, so that nothing has to be taken back when a commit fails. What
//! waits for it keeps its turn whatever becomes of the topic meanwhile: restarted, ended, or told to acknowledge in memory.

mod doubt;
mod group;
mod worker;

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{
        Arc,
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use tokio::sync::oneshot;
use wire::limits::DISK_QUEUE_MAX;

use super::{
    Error, Limits, Map, Settings,
    epochs::Epochs,
    message::NewMessage,
    store::{Store, Unstored},
    topic::{Ended, Keyed, Publication, Topic, Totals},
};
use worker::Worker;

/// The commit that a message came to the disk with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Synced {
    /// When it began.
    pub since: Instant,
    /// When the disk said that everything is there.
    pub until: Instant,
    /// How many messages shared it.
    pub messages: usize,
}

/// What is answered: `Ended` where the topic's life was over before its turn came.
pub(super) type Reply<T> = oneshot::Sender<Result<Result<T, Error>, Ended>>;

/// What the thread is asked for.
#[derive(Debug)]
pub(super) enum Ask {
    /// Publish a message to a disk topic.
    Publish {
        topic: Arc<Topic>,
        new: NewMessage,
        keyed: Option<Keyed>,
        reply: Reply<Publication>,
    },
    /// Change when a topic acknowledges, and what its history keeps.
    Configure {
        topic: Arc<Topic>,
        settings: Settings,
        reply: Reply<()>,
    },
    /// Remove a disk topic.
    Remove { topic: Arc<Topic>, reply: Reply<()> },
    /// Begin a disk topic's next life with what is on disk.
    Restart {
        topic: Arc<Topic>,
        reply: Reply<bool>,
    },
    /// Forget on disk what the histories no longer hold.
    Trim,
}

/// The way to the thread. Dropping it waits until the thread has done what it was asked for.
pub(super) struct Disk {
    asks: Option<SyncSender<Ask>>,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").finish_non_exhaustive()
    }
}

/// What the thread shares with the hub.
pub(super) struct Shared {
    pub(super) topics: Map,
    pub(super) totals: Arc<Totals>,
    pub(super) epochs: Arc<Epochs>,
    pub(super) limits: Limits,
}

impl Shared {
    /// The topic's present life.
    fn present(&self, name: &str) -> Option<Arc<Topic>> {
        self.topics.lock().get(name).map(Arc::clone)
    }
}

impl Disk {
    /// Starts the thread. `kept`: the names of the topics that the store holds already.
    pub(super) fn start(
        store: Store,
        kept: HashSet<Arc<str>>,
        hub: Shared,
    ) -> std::io::Result<Disk> {
        let (asks, queue) = sync_channel(DISK_QUEUE_MAX);
        let worker = Worker {
            store,
            trimmed: kept.into_iter().map(|topic| (topic, 0)).collect(),
            doubts: HashMap::new(),
            hub,
        };
        let thread = thread::Builder::new()
            .name("topics-disk".into())
            .spawn(move || worker.run(&queue))?;
        Ok(Disk {
            asks: Some(asks),
            thread: Some(thread),
        })
    }

    /// Puts something into the queue; its place there is its place in time.
    pub(super) fn ask(&self, ask: Ask) -> Result<(), Error> {
        let failed = Error::Unstored(Unstored::Failed);
        let asks = self.asks.as_ref().ok_or(failed)?;
        asks.try_send(ask).map_err(|refused| match refused {
            TrySendError::Full(_) => Error::DiskBehind(DISK_QUEUE_MAX),
            TrySendError::Disconnected(_) => failed,
        })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(self.asks.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that keeps topics on disk failed");
        }
    }
}

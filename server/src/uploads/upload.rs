//! One upload: what is known of it, and who writes to it.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use sha2::Sha256;
use tokio_util::sync::CancellationToken;

use super::{Record, UploadId};

#[derive(Debug)]
pub(super) struct Upload {
    pub(super) id: UploadId,
    /// The address that it counts under; not known of what an earlier life left.
    pub(super) from: Option<IpAddr>,
    pub(super) state: Mutex<State>,
    /// Held by the one writer, and by whoever tells an offset or finishes the upload. Whoever lets go of it has synced
    /// what was received.
    pub(super) pen: tokio::sync::Mutex<Pen>,
    /// Held by the one who makes the picture.
    pub(super) picture: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
pub(super) struct State {
    /// What the storage was given last.
    pub(super) record: Record,
    /// How many bytes are there that count. Those of a piece whose checksum is still to be seen do not.
    pub(super) received: u64,
    /// What it takes on the disk, in bytes: the preview, and bytes that do not count yet, too.
    pub(super) taken: u64,
    /// Asks the present writer to stop.
    pub(super) stop: Option<CancellationToken>,
    /// When a client last did something with it.
    pub(super) touched: SystemTime,
    /// When a file was last joined of this part and others.
    pub(super) joined: Option<SystemTime>,
    pub(super) removed: bool,
}

/// The digest of the first `hashed` bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Pen {
    pub(super) hasher: Sha256,
    pub(super) hashed: u64,
    /// How long the hashing took, all in all.
    pub(super) hashing: Duration,
}

impl Upload {
    pub(super) fn new(
        id: UploadId,
        record: Record,
        received: u64,
        from: Option<IpAddr>,
        now: SystemTime,
    ) -> Upload {
        Upload {
            id,
            from,
            state: Mutex::new(State {
                taken: received + record.preview_bytes(),
                record,
                received,
                stop: None,
                touched: now,
                joined: None,
                removed: false,
            }),
            pen: tokio::sync::Mutex::default(),
            picture: tokio::sync::Mutex::default(),
        }
    }
}

impl State {
    pub(super) fn is_finished(&self) -> bool {
        self.record.is_finished()
    }

    /// What it takes on the disk of what counts, in bytes.
    pub(super) fn size(&self) -> u64 {
        self.received + self.record.preview_bytes()
    }

    /// Have all bytes come?
    pub(super) fn is_complete(&self) -> bool {
        self.record.length == Some(self.received)
    }
}

//! One upload: what is known of it, and who writes to it.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use parking_lot::Mutex;
use sha2::Sha256;
use tokio_util::sync::CancellationToken;

use super::{UploadId, folder::Record};

#[derive(Debug)]
pub(super) struct Upload {
    pub(super) id: UploadId,
    /// The address that it counts under; not known of what an earlier life left.
    pub(super) from: Option<IpAddr>,
    pub(super) state: Mutex<State>,
    /// Held by the one writer, and by whoever finishes the upload: the digest of the bytes so far, where it is known.
    pub(super) pen: tokio::sync::Mutex<Pen>,
    /// Held by the one who makes the picture.
    pub(super) picture: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) record: Record,
    /// How many bytes the file holds.
    pub(super) received: u64,
    /// How many of them are known to be on disk.
    pub(super) synced: u64,
    /// Asks the present writer to stop.
    pub(super) stop: Option<CancellationToken>,
    /// When a client last did something with it.
    pub(super) touched: SystemTime,
    pub(super) removed: bool,
}

/// The digest of the first `hashed` bytes.
#[derive(Debug, Default)]
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
                record,
                received,
                // What another life of the program left unsynced is synced before it is told.
                synced: 0,
                stop: None,
                touched: now,
                removed: false,
            }),
            pen: tokio::sync::Mutex::default(),
            picture: tokio::sync::Mutex::default(),
        }
    }
}

impl State {
    pub(super) fn is_finished(&self) -> bool {
        self.record.finished.is_some()
    }

    /// Have all bytes come?
    pub(super) fn is_complete(&self) -> bool {
        self.record.length == Some(self.received)
    }

    /// What it takes on disk, in bytes.
    pub(super) fn size(&self) -> u64 {
        let preview = self
            .record
            .picture
            .as_ref()
            .and_then(|picture| picture.preview.as_ref());
        self.received + preview.map_or(0, |preview| preview.bytes)
    }
}

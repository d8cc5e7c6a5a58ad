//! How soon the storage is done with what it is given.
//!
//! Mostly a write only copies into the system's memory, and handing it to a thread that may wait costs more than it does.
//! So while writes are done at once they are done where the bytes came in, as nginx does. The first that makes its thread
//! wait is the last for a while: a disk that cannot keep up, or a storage elsewhere, never holds up others for longer than
//! one write. A sync is done there too only where it waits for no device: the file system is in memory.

use std::{
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

/// A write that takes longer has waited for something.
const WRITE: Duration = Duration::from_millis(5);
/// A sync that takes longer has waited for a device.
const SYNC: Duration = Duration::from_micros(50);
/// How many have to be done at once, one after the other, before the next is believed to be.
const BELIEVED: u32 = 16;

/// How the last writes and syncs went.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// How many in a row were done at once.
    writes: AtomicU32,
    syncs: AtomicU32,
}

impl Pace {
    pub(super) fn writes_at_once(&self) -> bool {
        self.writes.load(Relaxed) >= BELIEVED
    }

    pub(super) fn syncs_at_once(&self) -> bool {
        self.syncs.load(Relaxed) >= BELIEVED
    }

    /// A batch was written.
    pub(super) fn wrote(&self, took: Duration) {
        count(&self.writes, took <= WRITE);
    }

    /// A piece was synced.
    pub(super) fn synced(&self, took: Duration) {
        count(&self.syncs, took <= SYNC);
    }
}

fn count(row: &AtomicU32, at_once: bool) {
    if !at_once {
        row.store(0, Relaxed);
    } else if row.load(Relaxed) < BELIEVED {
        row.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_waits_takes_away_what_many_have_earned() {
        let pace = Pace::default();
        for _ in 0..BELIEVED {
            assert!(!pace.writes_at_once());
            pace.wrote(WRITE);
        }
        assert!(pace.writes_at_once() && !pace.syncs_at_once());
        pace.wrote(WRITE + Duration::from_nanos(1));
        assert!(!pace.writes_at_once());
        for _ in 0..BELIEVED {
            pace.wrote(Duration::ZERO);
        }
        assert!(pace.writes_at_once());
    }

    #[test]
    fn a_sync_that_reaches_a_device_is_never_at_once() {
        let pace = Pace::default();
        for _ in 0..100 {
            pace.synced(SYNC + Duration::from_nanos(1));
        }
        assert!(!pace.syncs_at_once());
        for _ in 0..BELIEVED {
            pace.synced(SYNC);
        }
        assert!(pace.syncs_at_once());
    }
}

//! A storage that a test can stop, fail and crash: a crash loses any of the writes that were not synced.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard},
};

use redb::{Builder, StorageBackend};

use super::{Limits, Topics, store::Store};

/// A disk in memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Platter {
    inner: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// What a reader sees.
    now: Vec<u8>,
    /// What is there after a crash whatever happens.
    synced: Vec<u8>,
    unsynced: Vec<Write>,
    /// Syncs wait.
    pub(super) stopped: bool,
    /// What writes and syncs fail with.
    pub(super) failing: Option<io::ErrorKind>,
    /// Syncs fail after they have succeeded.
    pub(super) unsure: bool,
    /// After this many more writes and syncs the machine stops.
    pub(super) crash_in: Option<usize>,
}

#[derive(Debug, Clone)]
enum Write {
    Bytes(usize, Vec<u8>),
    Len(usize),
}

impl Write {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Write::Len(len) => image.resize(*len, 0),
            Write::Bytes(at, bytes) => {
                if image.len() < at + bytes.len() {
                    image.resize(at + bytes.len(), 0);
                }
                image[*at..at + bytes.len()].copy_from_slice(bytes);
            }
        }
    }
}

fn index(at: u64) -> usize {
    usize::try_from(at).expect("it fits into memory")
}

impl Platter {
    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.0.lock().expect("no test failed in it")
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.inner.1.notify_all();
    }

    fn write(&self, write: Write) -> io::Result<()> {
        let mut state = self.state();
        state.tick()?;
        write.apply(&mut state.now);
        state.unsynced.push(write);
        Ok(())
    }

    /// The disk after a crash: what was synced, and of what was not any part; `lot` decides which.
    pub(super) fn after_crash(&self, mut lot: u64) -> Platter {
        let state = self.state();
        let mut image = state.synced.clone();
        for write in &state.unsynced {
            // xorshift
            lot ^= lot << 13;
            lot ^= lot >> 7;
            lot ^= lot << 17;
            // A file's length is its system's to keep; contents are ours.
            if lot.is_multiple_of(2) || matches!(write, Write::Len(_)) {
                write.apply(&mut image);
            }
        }
        let platter = Platter::default();
        platter.change(|state| {
            state.now.clone_from(&image);
            state.synced = image;
        });
        platter
    }

    pub(super) fn store(&self) -> Store {
        let platter = self.clone();
        Store::opened_by(move || Builder::new().create_with_backend(platter.clone()))
    }

    /// A hub over this disk.
    pub(super) fn topics(&self) -> Topics {
        let topics = Topics::new(Limits::default());
        topics.start(self.store()).expect("it can be read");
        topics
    }
}

impl State {
    fn tick(&mut self) -> io::Result<()> {
        if let Some(kind) = self.failing {
            return Err(kind.into());
        }
        match &mut self.crash_in {
            Some(0) => Err(io::Error::other("the machine has stopped")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }
}

impl StorageBackend for Platter {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state();
        let at = index(offset);
        let bytes = state.now.get(at..at + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.write(Write::Len(index(len)))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.state();
        while state.stopped {
            state = self.inner.1.wait(state).expect("no test failed in it");
        }
        state.tick()?;
        for write in std::mem::take(&mut state.unsynced) {
            write.apply(&mut state.synced);
        }
        if state.unsure {
            return Err(io::Error::other("it may be there or not"));
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        Platter::write(self, Write::Bytes(index(offset), data.to_vec()))
    }
}

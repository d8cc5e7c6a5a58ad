//! Which sockets of a crowd want attention: the peer has closed, or takes bytes again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::AcqRel},
    },
    task::Wake,
};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The numbers of those that want attention.
#[derive(Default)]
pub(super) struct Roused {
    numbers: Mutex<Vec<u64>>,
    notify: Notify,
}

impl Roused {
    /// Waits until there are some, and puts them into the list.
    pub(super) async fn wait(&self, numbers: &mut Vec<u64>) {
        loop {
            numbers.append(&mut self.numbers.lock());
            if !numbers.is_empty() {
                return;
            }
            self.notify.notified().await;
        }
    }
}

/// The waker of one socket.
pub(super) struct Rouse {
    number: u64,
    roused: Arc<Roused>,
    /// It stands in the list.
    listed: AtomicBool,
}

impl Rouse {
    pub(super) fn new(number: u64, roused: Arc<Roused>) -> Rouse {
        Rouse {
            number,
            roused,
            listed: AtomicBool::new(false),
        }
    }

    /// Its socket is about to be looked at: what happens from here on is news.
    pub(super) fn heard(&self) {
        self.listed.swap(false, AcqRel);
    }
}

impl Wake for Rouse {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.listed.swap(true, AcqRel) {
            self.roused.numbers.lock().push(self.number);
            self.roused.notify.notify_one();
        }
    }
}

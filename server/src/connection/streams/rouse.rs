//! Which sockets of a crowd want attention: the peer has closed, or takes bytes again.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Poll, Wake},
};

use super::lockfree::{AcqRel, AtomicBool, AtomicWaker, Mutex};

/// The numbers of those that want attention.
#[derive(Default)]
pub(super) struct Roused {
    numbers: Mutex<Vec<u64>>,
    waiting: AtomicWaker,
}

impl Roused {
    /// Waits until there are some, and puts them into the list. One task waits at a time.
    pub(super) async fn wait(&self, numbers: &mut Vec<u64>) {
        poll_fn(|cx| {
            // First: a number may be added behind the look.
            self.waiting.register(cx.waker());
            numbers.append(&mut self.numbers.lock());
            match numbers.is_empty() {
                true => Poll::Pending,
                false => Poll::Ready(()),
            }
        })
        .await;
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
            self.roused.waiting.wake();
        }
    }
}

//! How many connections are open, and who waits until none is.

use std::task::{Context, Poll};

use super::lockfree::{AtomicUsize, AtomicWaker, Relaxed};

/// The open connections of one server.
#[derive(Default)]
pub(super) struct OpenCount {
    count: AtomicUsize,
    waiting: AtomicWaker,
}

impl OpenCount {
    /// One more, unless there are `most` already.
    pub(super) fn enter(&self, most: usize) -> bool {
        let fits = self.count.fetch_add(1, Relaxed) < most;
        if !fits {
            self.leave();
        }
        fits
    }

    /// One less. Whoever was the last, if only for a moment, wakes the one that waits.
    pub(super) fn leave(&self) {
        if self.count.fetch_sub(1, Relaxed) == 1 {
            self.waiting.wake();
        }
    }

    pub(super) fn get(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// Ready when there is none. One task waits at a time.
    pub(super) fn poll_none(&self, cx: &Context<'_>) -> Poll<()> {
        // First: the last one may leave behind the look.
        self.waiting.register(cx.waker());
        match self.get() {
            0 => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }
}

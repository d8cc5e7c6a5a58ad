//! A connection that wakes itself while it runs goes on at once.
//!
//! A handler that takes a chunk of a body wakes the connection that it runs in, to read the next. The scheduler puts a task
//! that woke itself behind all others, and wakes another thread to take it over: for each chunk of an upload, a system
//! call and two threads that take turns. So what wakes the connection while it runs is noted here, and it runs again.

use std::{
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
};

use tokio::task::coop::has_budget_remaining;

use super::lockfree::{AcqRel, AtomicUsize, AtomicWaker, Relaxed};

/// How often it runs in a row: others wait meanwhile. With a buffer of 128 KiB this is a megabyte.
pub(super) const TURNS: usize = 8;

/// Nobody has woken it since it was run, or the task was woken.
const RESTING: usize = 0;
const RUNNING: usize = 1;
/// Woken while it ran.
const WOKEN: usize = 2;

/// Runs something within a task again while it wakes itself.
pub(super) struct Again {
    noted: Arc<Noted>,
    waker: Waker,
}

#[derive(Default)]
struct Noted {
    state: AtomicUsize,
    task: AtomicWaker,
}

impl Again {
    pub(super) fn new() -> Again {
        let noted = Arc::<Noted>::default();
        let waker = Waker::from(noted.clone());
        Again { noted, waker }
    }

    pub(super) fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        mut run: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.noted.task.register(cx.waker());
        for _ in 0..TURNS {
            let _ = self.noted.state.swap(RUNNING, AcqRel);
            let done = run(&mut Context::from_waker(&self.waker));
            let was = self.noted.state.swap(RESTING, AcqRel);
            if done.is_ready() || was == RUNNING {
                return done;
            }
            if !has_budget_remaining() {
                break;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Wake for Noted {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let noted = self.state.compare_exchange(RUNNING, WOKEN, AcqRel, Relaxed);
        if noted == Err(RESTING) {
            self.task.wake();
        }
    }
}

//! What connections took while HTTP was at work on them, the allocator keeps for the next ones. When many have gone on to be
//! streams, or have closed, and no more come, it goes back to the system: else a thousand idle streams are mostly that.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

/// How many connections HTTP has to be done with, or it is not worth the while.
const MANY: usize = 64;
/// How long it has to be quiet.
const QUIET: Duration = Duration::from_secs(1);

/// Counts the connections that HTTP is done with.
#[derive(Default)]
pub(super) struct Settling {
    done: AtomicUsize,
    waiting: AtomicBool,
}

impl Settling {
    /// HTTP is done with one more connection.
    pub(super) fn one_more(self: &Arc<Self>) {
        let done = self.done.fetch_add(1, Relaxed) + 1;
        if done >= MANY && !self.waiting.swap(true, Relaxed) {
            tokio::spawn(self.clone().wait());
        }
    }

    async fn wait(self: Arc<Self>) {
        let mut seen = 0;
        while seen != self.done.load(Relaxed) {
            seen = self.done.load(Relaxed);
            tokio::time::sleep(QUIET).await;
        }
        self.done.store(0, Relaxed);
        self.waiting.store(false, Relaxed);
        // It may take milliseconds. Nobody waits for it.
        drop(tokio::task::spawn_blocking(give_back));
    }
}

/// Gives what is free in memory back to the system, where the allocator is glibc's (`malloc_trim(3)`).
fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(
        unsafe_code,
        reason = "it takes no pointer and may be called at any time, by any thread"
    )]
    unsafe {
        libc::malloc_trim(0);
    }
}

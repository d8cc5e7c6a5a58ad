//! What is lock-free, in every order that its steps can take (loom): nobody sleeps through what was meant for them.

/// Loom's, in place of those that the server uses.
mod lockfree {
    use std::task::Waker;

    use loom::sync::MutexGuard;
    pub(super) use loom::sync::atomic::{
        AtomicBool, AtomicUsize,
        Ordering::{AcqRel, Relaxed},
    };

    /// One that is not poisoned, as the server's.
    #[derive(Default)]
    pub(super) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(super) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("no panic")
        }
    }

    /// Orders as much as the real one does: what came before a wake is seen behind the next registration.
    #[derive(Default)]
    pub(super) struct AtomicWaker(Mutex<Option<Waker>>);

    impl AtomicWaker {
        pub(super) fn register(&self, waker: &Waker) {
            *self.0.lock() = Some(waker.clone());
        }

        pub(super) fn wake(&self) {
            let waker = self.0.lock().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}
#[path = "../src/connection/again.rs"]
mod again;
#[path = "../src/connection/open.rs"]
mod open;
#[path = "../src/connection/streams/rouse.rs"]
mod rouse;
#[expect(dead_code, reason = "what has no order to be tried is not called")]
#[path = "../src/connection/signals.rs"]
mod signals;

use std::{
    future::poll_fn,
    task::{Poll, Wake},
};

use again::Again;
use lockfree::Relaxed;
use loom::{
    future::block_on,
    sync::{Arc, atomic::AtomicUsize},
    thread,
};
use open::OpenCount;
use rouse::{Rouse, Roused};
use signals::Signals;

/// Every order in which the running thread is changed for another at most twice while it could go on: more have
/// not been seen to matter, and take minutes. A task that never ends is a deadlock to loom, and fails.
fn in_every_order(run: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(run);
}

#[test]
fn a_cut_reaches_reader_and_writer_however_late_they_look() {
    let registers = [Signals::register_reader, Signals::register_writer];
    for register in registers {
        in_every_order(move || {
            let signals = Arc::new(Signals::default());
            let cutter = thread::spawn({
                let signals = Arc::clone(&signals);
                move || signals.cut()
            });
            block_on(poll_fn(|cx| {
                register(&signals, cx);
                match signals.is_cut() {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                }
            }));
            cutter.join().expect("no panic");
        });
    }
}

#[test]
fn whoever_waits_for_the_last_to_leave_is_woken() {
    in_every_order(|| {
        let open = Arc::new(OpenCount::default());
        assert!(open.enter(1));
        let first = thread::spawn({
            let open = Arc::clone(&open);
            move || open.leave()
        });
        // One that comes too early is refused, and may be the last to be counted out.
        let second = thread::spawn({
            let open = Arc::clone(&open);
            move || {
                if open.enter(1) {
                    open.leave();
                }
            }
        });
        block_on(poll_fn(|cx| open.poll_none(cx)));
        first.join().expect("no panic");
        second.join().expect("no panic");
        assert_eq!(open.get(), 0);
    });
}

#[test]
fn a_crowd_sleeps_through_nothing_that_its_sockets_say() {
    in_every_order(|| {
        let roused = std::sync::Arc::new(Roused::default());
        let rouse = std::sync::Arc::new(Rouse::new(7, std::sync::Arc::clone(&roused)));
        let said = Arc::new(AtomicUsize::new(0));
        let socket = thread::spawn({
            let (rouse, said) = (std::sync::Arc::clone(&rouse), Arc::clone(&said));
            move || {
                for _ in 0..2 {
                    said.fetch_add(1, Relaxed);
                    rouse.wake_by_ref();
                }
            }
        });
        block_on(async {
            let mut numbers = Vec::new();
            while said.load(Relaxed) < 2 {
                roused.wait(&mut numbers).await;
                assert_eq!(std::mem::take(&mut numbers), [7]);
                rouse.heard();
            }
        });
        socket.join().expect("no panic");
    });
}

#[test]
fn what_comes_while_a_connection_runs_is_not_slept_through() {
    in_every_order(|| {
        let again = Again::new();
        let waiting = std::sync::Arc::new(lockfree::AtomicWaker::default());
        let said = Arc::new(AtomicUsize::new(0));
        let other = thread::spawn({
            let (waiting, said) = (std::sync::Arc::clone(&waiting), Arc::clone(&said));
            move || {
                for _ in 0..2 {
                    said.fetch_add(1, Relaxed);
                    waiting.wake();
                }
            }
        });
        block_on(poll_fn(|cx| {
            again.poll(cx, |cx| {
                waiting.register(cx.waker());
                match said.load(Relaxed) {
                    2 => Poll::Ready(()),
                    _ => Poll::Pending,
                }
            })
        }));
        other.join().expect("no panic");
    });
}

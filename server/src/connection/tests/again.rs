//! What wakes itself while it runs.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Wake, Waker},
};

use crate::connection::again::{Again, TURNS};

#[derive(Default)]
struct Counted(AtomicUsize);

impl Wake for Counted {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

/// Runs it once as a task would; says what came of it, how often it ran, and how often the task was woken.
fn turn(again: &Again, wakes: usize) -> (Poll<()>, usize, usize) {
    let task = Arc::<Counted>::default();
    let mut runs = 0;
    let waker = Waker::from(task.clone());
    let done = again.poll(&mut Context::from_waker(&waker), |cx| {
        runs += 1;
        if runs <= wakes {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    });
    (done, runs, task.0.load(Relaxed))
}

#[test]
fn it_runs_again_as_often_as_it_wakes_itself_and_no_more() {
    let again = Again::new();
    assert_eq!(turn(&again, 0), (Poll::Pending, 1, 0));
    assert_eq!(turn(&again, 3), (Poll::Pending, 4, 0));
    assert_eq!(turn(&again, TURNS - 1), (Poll::Pending, TURNS, 0));
    // Others have their turn, and the task has another.
    assert_eq!(turn(&again, TURNS), (Poll::Pending, TURNS, 1));
    assert_eq!(turn(&again, usize::MAX), (Poll::Pending, TURNS, 1));
}

#[test]
fn who_wakes_it_while_it_rests_wakes_the_task() {
    let again = Again::new();
    let task = Arc::<Counted>::default();
    let waker = Waker::from(task.clone());
    let mut kept = None;
    let _ = again.poll(&mut Context::from_waker(&waker), |cx| {
        kept = Some(cx.waker().clone());
        Poll::<()>::Pending
    });
    assert_eq!(task.0.load(Relaxed), 0);
    kept.expect("it ran").wake();
    assert_eq!(task.0.load(Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_of_another_thread_s_wakes_is_lost() {
    for _ in 0..2_000 {
        let again = Again::new();
        let (done, mut waiting) = tokio::sync::oneshot::channel();
        tokio::spawn(async move { done.send(7) });
        let got = poll_fn(|cx| again.poll(cx, |cx| Pin::new(&mut waiting).poll(cx)));
        assert_eq!(got.await, Ok(7));
    }
}

//! Work that its caller waits for, and that goes on when the caller does not.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use tokio::runtime::Handle;

/// Done where it is awaited, without a hand-over to another task; where that is dropped, a task takes it to its end.
pub(super) struct GoesOn<F: Future<Output: Send> + Send + 'static> {
    work: Option<Pin<Box<F>>>,
    alone: Alone,
}

/// Tells the work whether anybody waits for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Alone(Arc<AtomicBool>);

impl Alone {
    /// Has whoever waited for it gone?
    pub(super) fn is_so(&self) -> bool {
        self.0.load(Relaxed)
    }
}

impl<F: Future<Output: Send> + Send + 'static> GoesOn<F> {
    pub(super) fn new(work: impl FnOnce(Alone) -> F) -> Self {
        let alone = Alone::default();
        GoesOn {
            work: Some(Box::pin(work(alone.clone()))),
            alone,
        }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for GoesOn<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(work) = &mut self.work else {
            return Poll::Pending;
        };
        let done = work.as_mut().poll(cx);
        if done.is_ready() {
            self.work = None;
        }
        done
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for GoesOn<F> {
    fn drop(&mut self) {
        // Where no runtime is left, nothing goes on.
        if let Some(work) = self.work.take()
            && let Ok(runtime) = Handle::try_current()
        {
            self.alone.0.store(true, Relaxed);
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn it_goes_on_when_nobody_waits_any_more() {
        let (go, begun) = oneshot::channel::<()>();
        let (done, waiting) = oneshot::channel();
        let work = GoesOn::new(|alone| async move {
            let before = alone.is_so();
            begun.await.expect("it may");
            done.send((before, alone.is_so())).expect("it is wanted");
        });
        assert!(work.now_or_never().is_none());
        go.send(()).expect("it goes on");
        assert_eq!(waiting.await, Ok((false, true)));
    }

    #[tokio::test]
    async fn what_it_comes_to_is_told() {
        assert_eq!(GoesOn::new(|_| async { 7 }).await, 7);
    }
}

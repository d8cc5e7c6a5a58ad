//! The work itself: so many steps of the same length, each either waited or computed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::sleep_until,
};
use tokio_util::sync::CancellationToken;
use wire::{
    echo::Work,
    jobs::{JOB_STEPS, JobOrder, JobState},
};

use super::job::{JobId, Standing};

/// Who is told of each step of a job.
pub trait Witness: Send + Sync + 'static {
    /// A step is over.
    fn step(&self, step: Step);
}

/// A step of a job.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Which one, counted from 1.
    pub number: u64,
    /// When it began; it is over now.
    pub began: Instant,
    /// It was broken off, as nobody wants the job any more.
    pub was_cancelled: bool,
}

/// The one who works on a job.
pub(super) struct Worker {
    id: JobId,
    order: JobOrder,
    told: watch::Sender<Standing>,
    cancelled: CancellationToken,
}

impl Worker {
    pub(super) fn new(
        id: JobId,
        order: JobOrder,
        told: watch::Sender<Standing>,
        cancelled: CancellationToken,
    ) -> Worker {
        Worker {
            id,
            order,
            told,
            cancelled,
        }
    }

    pub(super) fn id(&self) -> JobId {
        self.id
    }

    /// Works until all steps are done, or nobody wants them any more.
    pub(super) async fn work(self, threads: Arc<Semaphore>, witness: impl Witness) {
        let thread = match self.order.work {
            // As for a database: nobody has to stand by.
            Work::Wait => None,
            Work::Cpu => self.free(threads).await,
        };
        let may_begin = thread.is_some() || self.order.work == Work::Wait;
        let is_done = may_begin && self.all_steps(&witness).await;
        drop(thread);
        self.told.send_modify(|standing| {
            standing.state = match is_done {
                true => JobState::Done,
                false => JobState::Cancelled,
            };
        });
    }

    /// A thread to compute on, when one is free.
    async fn free(&self, threads: Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            thread = threads.acquire_owned() => thread.ok(),
            () = self.cancelled.cancelled() => None,
        }
    }

    async fn all_steps(&self, witness: &impl Witness) -> bool {
        let whole = Duration::from_millis(self.order.work_ms);
        let started = tokio::time::Instant::now();
        self.told
            .send_modify(|standing| standing.state = JobState::Running);
        for number in 1..=JOB_STEPS {
            let began = Instant::now();
            let until = started + whole * number as u32 / JOB_STEPS as u32;
            let is_done = match self.order.work {
                Work::Wait => self.wait(until).await,
                Work::Cpu => self.compute(until.into_std()).await,
            };
            self.told.send_modify(|standing| {
                standing.worked = started.elapsed();
                standing.steps += u64::from(is_done);
            });
            witness.step(Step {
                number,
                began,
                was_cancelled: !is_done,
            });
            if !is_done {
                return false;
            }
        }
        true
    }

    async fn wait(&self, until: tokio::time::Instant) -> bool {
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => false,
            () = sleep_until(until) => true,
        }
    }

    /// Computes on a thread of its own: it can do nothing else meanwhile.
    async fn compute(&self, until: Instant) -> bool {
        let cancelled = self.cancelled.clone();
        let computed = tokio::task::spawn_blocking(move || {
            let mut digest = Sha256::digest(b"roundtrip");
            while Instant::now() < until && !cancelled.is_cancelled() {
                digest = Sha256::digest(digest);
            }
            std::hint::black_box(digest);
            !cancelled.is_cancelled()
        });
        computed.await.unwrap_or(false)
    }
}

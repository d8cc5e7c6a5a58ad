//! One job, as those see it who have its id.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wire::jobs::{JOB_STEPS, JobOrder, JobState, JobStatus};

use super::work::Worker;

/// 64 random bits: whoever knows the id may look at the job and cancel it. Written as 16 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JobId(u64);

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for JobId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        match u64::from_str_radix(text, 16) {
            Ok(bits) if text.len() == 16 && text.bytes().all(is_digit) => Ok(JobId(bits)),
            _ => Err(()),
        }
    }
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Where it has come to.
    pub state: JobState,
    /// How many of its steps are done.
    pub steps: u64,
    /// How long it has been worked on.
    pub worked: Duration,
}

/// A job. Cheap to clone; the work does not end when all of these are gone.
#[derive(Debug, Clone)]
pub struct Job {
    id: JobId,
    order: JobOrder,
    key: Option<Arc<str>>,
    standing: watch::Receiver<Standing>,
    cancelled: CancellationToken,
}

impl Job {
    pub(super) fn new(order: JobOrder, key: Option<Arc<str>>) -> (Job, Worker) {
        let id = JobId(rand::random());
        let (told, standing) = watch::channel(Standing {
            state: JobState::Queued,
            steps: 0,
            worked: Duration::ZERO,
        });
        let cancelled = CancellationToken::new();
        let job = Job {
            id,
            order,
            key,
            standing,
            cancelled: cancelled.clone(),
        };
        (job, Worker::new(id, order, told, cancelled))
    }

    /// Its id.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// What was ordered.
    pub fn order(&self) -> JobOrder {
        self.order
    }

    pub(super) fn key(&self) -> Option<Arc<str>> {
        self.key.clone()
    }

    /// How far it is now.
    pub fn standing(&self) -> Standing {
        *self.standing.borrow()
    }

    /// How far it is now; from here on [`Job::moved`] waits for what is new.
    pub fn look(&mut self) -> Standing {
        *self.standing.borrow_and_update()
    }

    /// Waits until it is further than it was at the last look.
    pub async fn moved(&mut self) {
        // The worker tells the end before it goes.
        let _ = self.standing.changed().await;
    }

    /// Waits until it is over.
    pub async fn over(&mut self) -> Standing {
        loop {
            let standing = self.look();
            if standing.state.is_over() {
                return standing;
            }
            self.moved().await;
        }
    }

    /// Nobody wants it any more. What is over stays as it is.
    pub fn cancel(&self) {
        self.cancelled.cancel();
    }

    /// What is told of it.
    pub fn status(&self) -> JobStatus {
        let standing = self.standing();
        JobStatus {
            id: self.id.to_string(),
            state: standing.state,
            progress: standing.steps * 100 / JOB_STEPS,
            worked_ms: u64::try_from(standing.worked.as_millis()).unwrap_or(u64::MAX),
            order: self.order,
        }
    }
}

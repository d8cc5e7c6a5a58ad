//! Jobs: work that goes on whether anybody waits for it or not. Knows no HTTP.
//!
//! A job is ordered, works in steps ([`work`]), and is over when it is done or cancelled. Who has its id may look at it,
//! wait for it, cancel it. The same key orders the same job once. What is over is kept for a while, and then forgotten.

mod job;
mod work;

#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{sync::Semaphore, time::Instant};
use wire::{
    jobs::JobOrder,
    limits::{JOB_KEPT_S, JOBS_MAX, UNFINISHED_JOBS_MAX, UNFINISHED_JOBS_PER_ADDRESS_MAX},
};

use crate::address::PerAddress;
pub use job::{Job, JobId, Standing};
pub use work::{Step, Witness};

/// How many jobs there may be, and how long one is kept.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Over or not.
    pub jobs: usize,
    /// Not over.
    pub unfinished: usize,
    /// Not over, and from one address.
    pub unfinished_per_address: usize,
    /// How long one is kept that is over.
    pub kept: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            jobs: JOBS_MAX,
            unfinished: UNFINISHED_JOBS_MAX,
            unfinished_per_address: UNFINISHED_JOBS_PER_ADDRESS_MAX,
            kept: Duration::from_secs(JOB_KEPT_S),
        }
    }
}

/// Why there is no job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// So many are unfinished.
    #[error("at most {0} unfinished jobs")]
    TooMany(usize),
    /// So many are unfinished that were ordered from this address.
    #[error("at most {0} unfinished jobs from one address")]
    TooManyFromAddress(usize),
    /// The key was used for another order.
    #[error("the key was used for another order")]
    KeyReused,
    /// The server is stopping.
    #[error("the server is stopping")]
    Closed,
}

/// An order that was taken.
#[derive(Debug, Clone)]
pub struct Ordered {
    /// The job.
    pub job: Job,
    /// Was it there already, by the same key?
    pub was_known: bool,
}

/// All jobs. Cheap to clone.
#[derive(Clone)]
pub struct Jobs {
    inner: Arc<Inner>,
}

struct Inner {
    limits: Limits,
    addresses: Arc<PerAddress>,
    /// The threads that may compute.
    threads: Arc<Semaphore>,
    book: Mutex<Book>,
}

/// Which jobs there are.
#[derive(Default)]
struct Book {
    jobs: HashMap<JobId, Job>,
    keys: HashMap<Arc<str>, JobId>,
    /// Those that are over, in the order in which they are forgotten.
    over: VecDeque<(Instant, JobId)>,
    is_closed: bool,
}

impl Jobs {
    /// None yet.
    pub fn new(limits: Limits) -> Jobs {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Jobs {
            inner: Arc::new(Inner {
                limits,
                addresses: Arc::default(),
                // The server has others to serve.
                threads: Arc::new(Semaphore::new((processors / 2).max(1))),
                book: Mutex::default(),
            }),
        }
    }

    /// Orders a job, unless this key has ordered it already. It is worked on at once, or as soon as a thread is free, and
    /// `witness` is told of each step.
    ///
    /// # Errors
    /// When there is no room for it, or the key was used for another order.
    pub fn order(
        &self,
        order: JobOrder,
        key: Option<&str>,
        address: Option<IpAddr>,
        witness: impl Witness,
    ) -> Result<Ordered, Error> {
        let limits = &self.inner.limits;
        let mut book = self.inner.book.lock();
        book.forget(Instant::now(), limits.kept);
        if let Some(job) = book.ordered_by(key) {
            return match job.order() == order {
                true => Ok(Ordered {
                    job,
                    was_known: true,
                }),
                false => Err(Error::KeyReused),
            };
        }
        if book.is_closed {
            return Err(Error::Closed);
        }
        if book.jobs.len() - book.over.len() >= limits.unfinished {
            return Err(Error::TooMany(limits.unfinished));
        }
        let most = limits.unfinished_per_address;
        let place = self.inner.addresses.take(address, most);
        let place = place.ok_or(Error::TooManyFromAddress(most))?;
        book.make_room(limits.jobs)
            .ok_or(Error::TooMany(limits.jobs))?;

        let (job, worker) = Job::new(order, key.map(Arc::from));
        book.enter(&job);
        let (jobs, threads) = (self.clone(), Arc::clone(&self.inner.threads));
        tokio::spawn(async move {
            let id = worker.id();
            worker.work(threads, witness).await;
            drop(place);
            let mut book = jobs.inner.book.lock();
            book.over.push_back((Instant::now(), id));
        });
        Ok(Ordered {
            job,
            was_known: false,
        })
    }

    /// The job of this id, if it is not forgotten.
    pub fn get(&self, id: JobId) -> Option<Job> {
        let mut book = self.inner.book.lock();
        book.forget(Instant::now(), self.inner.limits.kept);
        book.jobs.get(&id).cloned()
    }

    /// Forgets what was kept for long enough.
    pub fn sweep(&self) {
        let mut book = self.inner.book.lock();
        book.forget(Instant::now(), self.inner.limits.kept);
    }

    /// Cancels all, and takes no more.
    pub fn close(&self) {
        let mut book = self.inner.book.lock();
        book.is_closed = true;
        for job in book.jobs.values() {
            job.cancel();
        }
    }
}

impl Book {
    fn ordered_by(&self, key: Option<&str>) -> Option<Job> {
        let id = self.keys.get(key?)?;
        self.jobs.get(id).cloned()
    }

    fn enter(&mut self, job: &Job) {
        self.jobs.insert(job.id(), job.clone());
        if let Some(key) = job.key() {
            self.keys.insert(key, job.id());
        }
    }

    /// Forgets those that have been over for so long.
    fn forget(&mut self, now: Instant, kept: Duration) {
        while let Some((since, _)) = self.over.front()
            && now.saturating_duration_since(*since) >= kept
        {
            self.forget_oldest();
        }
    }

    /// Room for one more; none where so many are unfinished.
    fn make_room(&mut self, most: usize) -> Option<()> {
        while self.jobs.len() >= most {
            self.forget_oldest()?;
        }
        Some(())
    }

    fn forget_oldest(&mut self) -> Option<()> {
        let (_, id) = self.over.pop_front()?;
        if let Some(key) = self.jobs.remove(&id).and_then(|job| job.key()) {
            self.keys.remove(&key);
        }
        Some(())
    }
}

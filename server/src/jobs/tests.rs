//! Jobs without a server: their bounds, their end, their keys.

use super::*;
use tokio::time::{advance, timeout};
use wire::{
    echo::Work,
    jobs::{JOB_STEPS, JobState},
};

/// Tells nobody.
struct Nobody;

impl Witness for Nobody {
    fn step(&self, _: Step) {}
}

fn jobs(change: impl FnOnce(&mut Limits)) -> Jobs {
    let mut limits = Limits::default();
    change(&mut limits);
    Jobs::new(limits)
}

const MINUTE: JobOrder = JobOrder {
    work_ms: 60_000,
    work: Work::Wait,
};

fn order(jobs: &Jobs, key: Option<&str>) -> Result<Ordered, Error> {
    jobs.order(MINUTE, key, None, Nobody)
}

#[tokio::test(start_paused = true)]
async fn a_job_goes_through_all_its_steps() {
    let jobs = jobs(|_| {});
    let mut job = order(&jobs, None).expect("room").job;
    assert_eq!(job.standing().state, JobState::Queued);
    let began = Instant::now();
    let mut seen = 0;
    loop {
        job.moved().await;
        let standing = job.look();
        if standing.state.is_over() {
            break;
        }
        assert!(standing.steps >= seen);
        seen = standing.steps;
    }
    assert_eq!(began.elapsed(), Duration::from_secs(60));
    let status = job.status();
    assert_eq!((status.state, status.progress), (JobState::Done, 100));
    assert_eq!(job.standing().steps, JOB_STEPS);
    assert!(seen > 1, "the steps were told one by one");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_job_ends_at_once_and_a_done_one_stays_done() {
    let jobs = jobs(|_| {});
    let mut job = order(&jobs, None).expect("room").job;
    let began = Instant::now();
    let over = timeout(Duration::from_secs(4), job.over()).await;
    assert!(over.is_err(), "a minute's job is not over by then");
    job.cancel();
    let standing = job.over().await;
    assert_eq!((standing.state, standing.steps), (JobState::Cancelled, 1));
    assert_eq!(began.elapsed(), Duration::from_secs(4));

    let mut job = order(&jobs, None).expect("room").job;
    job.over().await;
    job.cancel();
    assert_eq!(job.over().await.state, JobState::Done);
}

#[tokio::test]
async fn computing_jobs_queue_for_a_thread_and_can_be_cancelled_there() {
    let jobs = jobs(|_| {});
    let compute = JobOrder {
        work_ms: 30_000,
        work: Work::Cpu,
    };
    let ordered = |_| jobs.order(compute, None, None, Nobody).expect("room").job;
    let threads = jobs.inner.threads.available_permits();
    let mut all: Vec<Job> = (0..=threads).map(ordered).collect();
    for job in &mut all[..threads] {
        job.moved().await;
        assert_eq!(job.look().state, JobState::Running);
    }
    let last = all.last_mut().expect("one more than threads");
    assert_eq!(last.standing().state, JobState::Queued);
    last.cancel();
    assert_eq!(last.over().await.worked, Duration::ZERO);
    for job in &mut all {
        job.cancel();
        assert_eq!(job.over().await.state, JobState::Cancelled);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_key_orders_once_until_the_job_is_forgotten() {
    let jobs = jobs(|_| {});
    let first = order(&jobs, Some("k")).expect("room");
    assert!(!first.was_known);
    let again = order(&jobs, Some("k")).expect("room");
    assert!(again.was_known);
    assert_eq!(again.job.id(), first.job.id());
    let other = JobOrder {
        work_ms: 1,
        ..MINUTE
    };
    let reused = jobs.order(other, Some("k"), None, Nobody);
    assert_eq!(reused.err(), Some(Error::KeyReused));

    let mut job = first.job;
    job.over().await;
    advance(Duration::from_secs(JOB_KEPT_S) - Duration::from_millis(1)).await;
    assert!(jobs.get(job.id()).is_some());
    advance(Duration::from_millis(2)).await;
    assert!(jobs.get(job.id()).is_none());
    assert!(!order(&jobs, Some("k")).expect("room").was_known);
}

#[tokio::test(start_paused = true)]
async fn unfinished_jobs_are_bounded_in_all_and_per_address() {
    let jobs = jobs(|limits| {
        limits.unfinished = 3;
        limits.unfinished_per_address = 2;
    });
    let from = |address: &str| jobs.order(MINUTE, None, address.parse().ok(), Nobody);
    let mut first = from("192.0.2.1").expect("room").job;
    from("192.0.2.1").expect("room");
    let refused = from("192.0.2.1").err();
    assert_eq!(refused, Some(Error::TooManyFromAddress(2)));
    from("192.0.2.2").expect("room");
    assert_eq!(from("192.0.2.2").err(), Some(Error::TooMany(3)));
    first.cancel();
    first.over().await;
    // Its place is free as soon as its worker has gone.
    while from("192.0.2.1").is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_one_that_has_been_over_for_longest_makes_room() {
    let jobs = jobs(|limits| {
        limits.jobs = 2;
        limits.unfinished = 2;
    });
    let mut first = order(&jobs, Some("first")).expect("room").job;
    first.over().await;
    let second = order(&jobs, None).expect("room").job;
    let third = order(&jobs, None).expect("room").job;
    assert!(jobs.get(first.id()).is_none());
    assert!(jobs.get(second.id()).is_some() && jobs.get(third.id()).is_some());
    assert_eq!(order(&jobs, None).err(), Some(Error::TooMany(2)));
    assert!(jobs.inner.book.lock().keys.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_closed_book_cancels_what_is_there_and_takes_no_more() {
    let jobs = jobs(|_| {});
    let mut job = order(&jobs, None).expect("room").job;
    jobs.close();
    assert_eq!(job.over().await.state, JobState::Cancelled);
    assert_eq!(order(&jobs, None).err(), Some(Error::Closed));
}

#[test]
fn an_id_has_one_spelling() {
    let id: JobId = "0123456789abcdef".parse().expect("an id");
    assert_eq!(id.to_string(), "0123456789abcdef");
    for bad in ["", "0123456789ABCDEF", "+123456789abcdef", "0"] {
        assert_eq!(bad.parse::<JobId>(), Err(()), "{bad}");
    }
}

//! All runs, bounded in number, bytes and age. Every function takes the time it acts at, so tests need no clock.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use wire::{
    limits::{RUN_AGE_S, RUN_BYTES_MAX, RUNS_BYTES_MAX, RUNS_MAX, UNOPENED_RUNS_MAX},
    trace::{TraceEvent, TraceId},
};

use super::{
    clock::Anchor,
    run::{Append, Ended, Released, Run},
};

/// How many runs are remembered after they were let go, so that asking for one says why it is gone.
const REMEMBERED: usize = 10_000;
/// How long an unopened run must be quiet before another one may take its place: shorter, and a flood of ids would
/// push out a run whose page is about to open it.
const UNOPENED_QUIET: Duration = Duration::from_secs(10);

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Runs that a page has opened.
    pub(super) runs: usize,
    /// Runs that no page has opened.
    pub(super) unopened: usize,
    /// Bytes of events of one run.
    pub(super) run_bytes: usize,
    /// Bytes of events of all runs.
    pub(super) bytes: usize,
    /// Since a run's last event.
    pub(super) age: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            runs: RUNS_MAX,
            unopened: UNOPENED_RUNS_MAX,
            run_bytes: RUN_BYTES_MAX,
            bytes: RUNS_BYTES_MAX,
            age: Duration::from_secs(RUN_AGE_S),
        }
    }
}

/// What is known about an id.
#[derive(Debug)]
pub(super) enum Known {
    /// The run.
    Run(Arc<Run>),
    /// It was there and was let go.
    Gone(Ended),
    /// Nobody has named it, or it was forgotten.
    Nothing,
}

/// All runs.
#[derive(Debug, Default)]
pub(super) struct Store {
    bounds: Bounds,
    runs: Mutex<Runs>,
    bytes: AtomicUsize,
}

#[derive(Debug, Default)]
struct Runs {
    by_id: HashMap<TraceId, Arc<Run>>,
    unopened: usize,
    gone: HashMap<TraceId, Ended>,
    gone_order: VecDeque<TraceId>,
}

/// What had to go. It is handed out so that nobody frees thousands of events while others wait for the lock.
pub(super) type Evicted = Vec<Released>;

impl Store {
    /// No run, other bounds.
    #[cfg(test)]
    pub(super) fn with_bounds(bounds: Bounds) -> Store {
        Store {
            bounds,
            ..Store::default()
        }
    }

    /// The run that a request named; it began with the request's first byte, at `since`, if it is new. `None` when the
    /// quota of unopened runs is full of runs that are still busy.
    pub(super) fn join(&self, id: TraceId, since: Instant) -> (Option<Arc<Run>>, Evicted) {
        let mut evicted = Evicted::new();
        let mut runs = self.runs.lock();
        if let Some(run) = runs.by_id.get(&id) {
            return (Some(run.clone()), evicted);
        }
        let anchor = Anchor::now();
        if runs.unopened >= self.bounds.unopened {
            let quiet = runs.quietest(|run| !run.is_opened());
            match quiet.filter(|run| anchor.at.duration_since(run.active()) >= UNOPENED_QUIET) {
                Some(run) => evicted.push(self.evict(&mut runs, &run, Ended::Place)),
                None => return (None, evicted),
            }
        }
        runs.unopened += 1;
        let run = self.insert(&mut runs, id, anchor.since(since));
        (Some(run), evicted)
    }

    /// The run that a page opens; it begins now if it is new. `None` when all places are taken by runs that somebody
    /// watches.
    pub(super) fn open(&self, id: TraceId) -> (Option<Arc<Run>>, Evicted) {
        let mut evicted = Evicted::new();
        let mut runs = self.runs.lock();
        let known = runs.by_id.get(&id).cloned();
        if let Some(run) = known.as_ref().filter(|run| run.is_opened()) {
            run.touch(Instant::now());
            return (known, evicted);
        }
        let opened = runs.by_id.len() - runs.unopened;
        if opened >= self.bounds.runs {
            match runs.quietest(|run| run.is_opened() && !run.is_watched()) {
                Some(run) => evicted.push(self.evict(&mut runs, &run, Ended::Place)),
                None => return (None, evicted),
            }
        }
        let run = match known {
            Some(run) => {
                runs.unopened -= 1;
                run
            }
            None => self.insert(&mut runs, id, Anchor::now()),
        };
        run.set_opened();
        run.touch(Instant::now());
        (Some(run), evicted)
    }

    /// What is known about an id.
    pub(super) fn get(&self, id: TraceId) -> Known {
        let runs = self.runs.lock();
        match (runs.by_id.get(&id), runs.gone.get(&id)) {
            (Some(run), _) => Known::Run(run.clone()),
            (None, Some(ended)) => Known::Gone(*ended),
            (None, None) => Known::Nothing,
        }
    }

    /// Keeps an event that was taken in at `now`, and makes room where all runs together have grown too large.
    pub(super) fn append(&self, run: &Run, event: TraceEvent, now: Instant) -> Evicted {
        run.touch(now);
        let Append::Taken(bytes) = run.append(event) else {
            return Evicted::new();
        };
        let held = self.bytes.fetch_add(bytes, Relaxed) + bytes;
        if held <= self.bounds.bytes {
            return Evicted::new();
        }
        let mut runs = self.runs.lock();
        let mut evicted = Evicted::new();
        while self.bytes.load(Relaxed) > self.bounds.bytes {
            let other = |other: &Run| other.id() != run.id();
            let Some(quietest) = runs
                .quietest(|run| other(run) && !run.is_watched())
                .or_else(|| runs.quietest(other))
            else {
                break;
            };
            evicted.push(self.evict(&mut runs, &quietest, Ended::Bytes));
        }
        evicted
    }

    /// Lets go of the runs that have been quiet for too long.
    pub(super) fn sweep(&self, now: Instant) -> Evicted {
        let mut runs = self.runs.lock();
        let old: Vec<Arc<Run>> = runs
            .by_id
            .values()
            .filter(|run| now.saturating_duration_since(run.active()) > self.bounds.age)
            .cloned()
            .collect();
        old.iter()
            .map(|run| self.evict(&mut runs, run, Ended::Age))
            .collect()
    }

    fn insert(&self, runs: &mut Runs, id: TraceId, anchor: Anchor) -> Arc<Run> {
        let run = Arc::new(Run::new(id, anchor, self.bounds.run_bytes));
        runs.gone.remove(&id);
        runs.by_id.insert(id, run.clone());
        run
    }

    fn evict(&self, runs: &mut Runs, run: &Run, why: Ended) -> Released {
        runs.by_id.remove(&run.id());
        if !run.is_opened() {
            runs.unopened -= 1;
        }
        if runs.gone.insert(run.id(), why).is_none() {
            runs.gone_order.push_back(run.id());
        }
        if runs.gone_order.len() > REMEMBERED
            && let Some(forgotten) = runs.gone_order.pop_front()
        {
            runs.gone.remove(&forgotten);
        }
        let released = run.end(why);
        self.bytes.fetch_sub(released.bytes, Relaxed);
        released
    }
}

impl Runs {
    /// Of the runs that `choose` accepts, the one in which nothing has happened for the longest.
    fn quietest(&self, choose: impl Fn(&Run) -> bool) -> Option<Arc<Run>> {
        self.by_id
            .values()
            .filter(|run| choose(run))
            .min_by_key(|run| run.active())
            .cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::trace::{Kind, Lane};

    fn id(number: u128) -> TraceId {
        TraceId::new(number).expect("not zero")
    }

    fn event() -> TraceEvent {
        TraceEvent::new(Lane::HANDLER, Kind::Process, 1, 1)
    }

    fn small() -> Store {
        Store::with_bounds(Bounds {
            runs: 2,
            unopened: 2,
            ..Bounds::default()
        })
    }

    fn open(store: &Store, number: u128) -> Option<Arc<Run>> {
        store.open(id(number)).0
    }

    fn join(store: &Store, number: u128) -> Option<Arc<Run>> {
        store.join(id(number), Instant::now()).0
    }

    #[test]
    fn a_run_begins_with_the_first_byte_that_named_it() {
        let store = Store::default();
        let first_byte = Instant::now() - Duration::from_micros(80);
        let (run, _) = store.join(id(1), first_byte);
        assert_eq!(run.expect("there is room").at_ns(first_byte), 0);
    }

    #[test]
    fn the_same_id_is_the_same_run_whether_joined_or_opened() {
        let store = small();
        let joined = join(&store, 1).expect("there is room");
        assert!(!joined.is_opened());
        let opened = open(&store, 1).expect("there is room");
        assert!(Arc::ptr_eq(&joined, &opened));
        assert!(joined.is_opened());
    }

    #[test]
    fn unopened_runs_have_a_quota_of_their_own() {
        let store = small();
        assert!(join(&store, 1).is_some());
        assert!(join(&store, 2).is_some());
        assert!(join(&store, 3).is_none(), "both are still busy");
        open(&store, 1);
        assert!(join(&store, 3).is_some(), "the first one left the quota");
    }

    #[test]
    fn a_quiet_unopened_run_makes_place() {
        let store = small();
        let long_ago = Instant::now() - UNOPENED_QUIET;
        let (quiet, _) = store.join(id(1), long_ago);
        join(&store, 2);
        let (run, evicted) = store.join(id(3), Instant::now());
        assert!(run.is_some());
        assert_eq!(evicted.len(), 1);
        assert!(matches!(store.get(id(1)), Known::Gone(Ended::Place)));
        assert!(
            quiet
                .expect("there was room")
                .watch()
                .borrow()
                .ended
                .is_some()
        );
    }

    #[test]
    fn a_new_run_takes_the_place_of_the_quietest_that_nobody_watches() {
        let store = small();
        let first = open(&store, 1).expect("there is room");
        open(&store, 2);
        let watcher = first.watch();
        assert!(open(&store, 3).is_some());
        assert!(matches!(store.get(id(2)), Known::Gone(Ended::Place)));
        assert!(watcher.borrow().ended.is_none());
        let _other = open(&store, 3).expect("known").watch();
        assert!(open(&store, 4).is_none(), "both are watched");
        drop(watcher);
        assert!(open(&store, 4).is_some());
    }

    #[test]
    fn age_counts_from_the_last_event() {
        let store = Store::default();
        let run = open(&store, 1).expect("there is room");
        let at = run.active();
        let age = Bounds::default().age;
        assert!(store.sweep(at + age).is_empty(), "at the limit");
        store.append(&run, event(), at + age);
        assert!(store.sweep(at + age + Duration::from_secs(1)).is_empty());
        let past = at + age + age + Duration::from_nanos(1);
        assert_eq!(store.sweep(past).len(), 1, "one past it");
        assert!(matches!(store.get(id(1)), Known::Gone(Ended::Age)));
        assert!(open(&store, 1).is_some(), "the id may begin anew");
        assert!(matches!(store.get(id(1)), Known::Run(_)));
    }

    #[test]
    fn all_bytes_together_are_bounded() {
        let one = {
            let store = Store::default();
            let run = open(&store, 1).expect("there is room");
            store.append(&run, event(), Instant::now());
            store.bytes.load(Relaxed)
        };
        let store = Store::with_bounds(Bounds {
            bytes: 2 * one,
            ..Bounds::default()
        });
        let [first, second, third] =
            [1, 2, 3].map(|number| open(&store, number).expect("there is room"));
        let now = Instant::now();
        assert!(store.append(&first, event(), now).is_empty());
        let _watcher = first.watch();
        assert!(
            store
                .append(&second, event(), now + Duration::from_secs(1))
                .is_empty()
        );
        let evicted = store.append(&third, event(), now + Duration::from_secs(2));
        assert_eq!(evicted.len(), 1);
        assert!(
            matches!(store.get(id(2)), Known::Gone(Ended::Bytes)),
            "the watched one stays"
        );
        assert_eq!(store.bytes.load(Relaxed), 2 * one);
    }

    #[test]
    fn what_was_let_go_is_remembered_up_to_a_bound() {
        let store = Store::with_bounds(Bounds {
            runs: 1,
            ..Bounds::default()
        });
        let last = REMEMBERED as u128 + 2;
        for number in 1..=last {
            open(&store, number);
        }
        assert!(matches!(store.get(id(1)), Known::Nothing));
        assert!(matches!(store.get(id(2)), Known::Gone(_)));
        assert!(matches!(store.get(id(last)), Known::Run(_)));
    }
}

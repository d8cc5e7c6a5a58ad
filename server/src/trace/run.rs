//! One run: its log of events, and who waits for more of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use tokio::sync::watch;
use wire::{
    limits::{RUN_AGE_S, RUN_EVENTS_MAX, UNOPENED_RUN_EVENTS_MAX},
    trace::{RUN_VERSION, TraceEvent, TraceId},
};

use super::clock::Anchor;

/// An event as its JSON, made once and shared by everyone who reads it.
#[derive(Debug, Clone)]
pub(super) struct Recorded(Arc<RawValue>);

impl Recorded {
    /// The length of the JSON, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.0.get().len()
    }
}

impl Serialize for Recorded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::serialize(&self.0, serializer)
    }
}

/// Why a run is no longer kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Nothing happened in it for too long.
    Age,
    /// Another run needed its place.
    Place,
    /// All runs together took too many bytes.
    Bytes,
}

impl Ended {
    /// In words, with what to do.
    pub(super) fn why(self) -> String {
        match self {
            Ended::Age => format!(
                "Nothing happened in this run for {} minutes, so it was let go. Start a new one.",
                RUN_AGE_S / 60
            ),
            Ended::Place => {
                "The server keeps a bounded number of runs, and others needed this one's place. Start a new one.".into()
            }
            Ended::Bytes => {
                "All runs together grew past what the server keeps, and this one was quiet the longest. Start a new one."
                    .into()
            }
        }
    }
}

/// What watchers are told: something is new, or nothing more will come.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    /// How many events the log holds.
    pub(super) events: usize,
    /// Set when the run is no longer kept.
    pub(super) ended: Option<Ended>,
}

/// What became of an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Append {
    /// It is in the log; this many bytes more.
    Taken(usize),
    /// A bound of the run is reached; it was counted as dropped.
    Full,
    /// The run is no longer kept.
    Gone,
}

/// One run.
#[derive(Debug)]
pub(super) struct Run {
    id: TraceId,
    anchor: Anchor,
    started_at: String,
    bytes_max: usize,
    opened: AtomicBool,
    dropped: AtomicU64,
    /// Of the last event or opening, in nanoseconds since the anchor.
    active_ns: AtomicU64,
    log: Mutex<Log>,
    progress: watch::Sender<Progress>,
}

#[derive(Debug, Default)]
struct Log {
    events: Vec<Recorded>,
    bytes: usize,
    ended: bool,
}

impl Run {
    /// A run whose zero is `anchor`.
    pub(super) fn new(id: TraceId, anchor: Anchor, bytes_max: usize) -> Run {
        Run {
            id,
            started_at: anchor.rfc3339(),
            anchor,
            bytes_max,
            opened: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            active_ns: AtomicU64::new(0),
            log: Mutex::default(),
            progress: watch::Sender::default(),
        }
    }

    pub(super) fn id(&self) -> TraceId {
        self.id
    }

    pub(super) fn started_at(&self) -> &str {
        &self.started_at
    }

    /// A time in nanoseconds since the run's start; negative before it.
    pub(super) fn at_ns(&self, at: Instant) -> i64 {
        self.anchor.ns(at)
    }

    /// How many events were dropped until now.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Counts events that could not be taken.
    pub(super) fn count_dropped(&self, count: u64) {
        self.dropped.fetch_add(count, Relaxed);
    }

    /// Has a page opened it?
    pub(super) fn is_opened(&self) -> bool {
        self.opened.load(Relaxed)
    }

    /// A page opened it: from now on it may grow to the full size.
    pub(super) fn set_opened(&self) {
        self.opened.store(true, Relaxed);
    }

    /// Something happened in it.
    pub(super) fn touch(&self, now: Instant) {
        let ns = u64::try_from(self.at_ns(now)).unwrap_or(0);
        self.active_ns.fetch_max(ns, Relaxed);
    }

    /// When something last happened in it.
    pub(super) fn active(&self) -> Instant {
        self.anchor.at + Duration::from_nanos(self.active_ns.load(Relaxed))
    }

    /// Is anybody following it?
    pub(super) fn is_watched(&self) -> bool {
        self.progress.receiver_count() > 0
    }

    /// How many follow it.
    pub(super) fn watchers(&self) -> usize {
        self.progress.receiver_count()
    }

    /// Follows it from its first event.
    pub(super) fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Numbers the event and keeps it, unless a bound is reached.
    pub(super) fn append(&self, mut event: TraceEvent) -> Append {
        let mut log = self.log.lock();
        if log.ended {
            return Append::Gone;
        }
        let events_max = if self.is_opened() {
            RUN_EVENTS_MAX
        } else {
            UNOPENED_RUN_EVENTS_MAX
        };
        event.seq = log.events.len() as u64 + 1;
        // An event is numbers, text and JSON values: it always serializes.
        let json = serde_json::value::to_raw_value(&event).ok();
        let fits = |json: &RawValue| log.bytes + json.get().len() <= self.bytes_max;
        match json.filter(|json| log.events.len() < events_max && fits(json)) {
            Some(json) => {
                let bytes = json.get().len();
                log.bytes += bytes;
                log.events.push(Recorded(json.into()));
                Append::Taken(bytes)
            }
            None => {
                self.count_dropped(1);
                Append::Full
            }
        }
    }

    /// Tells the watchers what is new since they were told last.
    pub(super) fn announce(&self) {
        let (events, ended) = {
            let log = self.log.lock();
            (log.events.len(), log.ended)
        };
        if !ended {
            self.progress.send_if_modified(|progress| {
                std::mem::replace(&mut progress.events, events) != events
            });
        }
    }

    /// Lets the run go, tells the watchers why, and hands out what it held.
    pub(super) fn end(&self, ended: Ended) -> Released {
        let events = {
            let mut log = self.log.lock();
            log.ended = true;
            Released {
                bytes: std::mem::take(&mut log.bytes),
                _events: std::mem::take(&mut log.events),
            }
        };
        self.progress
            .send_modify(|progress| progress.ended = Some(ended));
        events
    }

    /// Events after the first `after`, until `bytes_max` of JSON is reached; at least one where there is one.
    pub(super) fn events_after(&self, after: usize, bytes_max: usize) -> Vec<Recorded> {
        let log = self.log.lock();
        let mut bytes = 0;
        log.events
            .iter()
            .skip(after)
            .take_while(|event| {
                let first = bytes == 0;
                bytes += event.bytes();
                first || bytes <= bytes_max
            })
            .cloned()
            .collect()
    }

    /// The whole run, as it is saved.
    pub(super) fn whole(&self) -> WholeRun<'_> {
        WholeRun {
            version: RUN_VERSION,
            run: self.id,
            started_at: &self.started_at,
            dropped: self.dropped(),
            events: self.events_after(0, usize::MAX),
        }
    }
}

/// What a run held until it was let go. Dropping it may take a while: thousands of events.
#[derive(Debug)]
pub(super) struct Released {
    /// The bytes of its events.
    pub(super) bytes: usize,
    _events: Vec<Recorded>,
}

/// [`wire::trace::Run`] made of recorded events.
#[derive(Serialize)]
pub(super) struct WholeRun<'a> {
    version: u32,
    run: TraceId,
    started_at: &'a str,
    dropped: u64,
    events: Vec<Recorded>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::{
        limits::RUN_BYTES_MAX,
        trace::{Kind, Lane},
    };

    fn run(bytes_max: usize) -> Run {
        let id = TraceId::new(7).expect("not zero");
        Run::new(id, Anchor::now(), bytes_max)
    }

    fn event() -> TraceEvent {
        TraceEvent::new(Lane::HANDLER, Kind::Process, 1, 1)
    }

    #[test]
    fn an_unopened_run_takes_its_quota_and_not_one_event_more() {
        let run = run(RUN_BYTES_MAX);
        for _ in 0..UNOPENED_RUN_EVENTS_MAX {
            assert!(matches!(run.append(event()), Append::Taken(_)));
        }
        assert_eq!(run.append(event()), Append::Full);
        assert_eq!(run.dropped(), 1);
        run.set_opened();
        assert!(matches!(run.append(event()), Append::Taken(_)));
    }

    #[test]
    fn an_opened_run_takes_its_quota_and_not_one_event_more() {
        let run = run(usize::MAX);
        run.set_opened();
        for _ in 0..RUN_EVENTS_MAX {
            assert!(matches!(run.append(event()), Append::Taken(_)));
        }
        assert_eq!(run.append(event()), Append::Full);
        assert_eq!(run.dropped(), 1);
    }

    #[test]
    fn bytes_are_bounded_at_the_byte() {
        let first = run(usize::MAX);
        let Append::Taken(bytes) = first.append(event()) else {
            panic!("an empty run has room");
        };
        let exact = run(2 * bytes);
        exact.append(event());
        assert_eq!(exact.append(event()), Append::Taken(bytes));
        let one_short = run(2 * bytes - 1);
        one_short.append(event());
        assert_eq!(one_short.append(event()), Append::Full);
    }

    #[test]
    fn a_saved_run_is_what_the_wire_says_and_numbered_from_1() {
        let run = run(RUN_BYTES_MAX);
        run.append(event());
        run.append(event());
        let json = serde_json::to_string(&run.whole()).expect("serializes");
        let read: wire::trace::Run = serde_json::from_str(&json).expect("is a run");
        assert_eq!(
            (read.version, read.run, read.dropped),
            (RUN_VERSION, run.id(), 0)
        );
        assert_eq!(
            read.events
                .iter()
                .map(|event| event.seq)
                .collect::<Vec<_>>(),
            [1, 2]
        );
        assert!(read.started_at.ends_with('Z'));
    }

    #[test]
    fn a_batch_ends_at_its_bytes_but_holds_at_least_one_event() {
        let run = run(RUN_BYTES_MAX);
        for _ in 0..3 {
            run.append(event());
        }
        let one = run.events_after(0, 1);
        assert_eq!(one.len(), 1);
        assert_eq!(run.events_after(0, 2 * one[0].bytes()).len(), 2);
        assert_eq!(run.events_after(2, usize::MAX).len(), 1);
        assert_eq!(run.events_after(3, usize::MAX).len(), 0);
    }

    #[test]
    fn an_ended_run_takes_nothing_and_tells_its_watchers_why() {
        let run = run(RUN_BYTES_MAX);
        let mut watcher = run.watch();
        run.append(event());
        run.announce();
        assert_eq!(watcher.borrow_and_update().events, 1);
        assert!(run.end(Ended::Age).bytes > 0);
        assert_eq!(watcher.borrow_and_update().ended, Some(Ended::Age));
        assert_eq!(run.append(event()), Append::Gone);
        assert_eq!(run.dropped(), 0);
    }
}

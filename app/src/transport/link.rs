//! The page's end of the feed without the socket: which events are new, where they stand on the page's one time line,
//! and what the page itself has seen but not yet told.

use std::collections::VecDeque;

use wire::{
    clock::{ClockEstimator, Sample},
    trace::{ClientId, Detail, Kind, Lane, Opened, TraceEvent, Truth},
};

/// What the page saw, on its own clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Where it happened.
    pub lane: Lane,
    /// What happened.
    pub kind: Kind,
    /// When, in nanoseconds on the browser's own clock.
    pub at_ns: i64,
    /// How long it took, in nanoseconds.
    pub duration_ns: Option<u64>,
    /// How many bytes it was about.
    pub bytes: Option<u64>,
    /// What else there is to say.
    pub detail: Detail,
}

impl Seen {
    /// Something seen in this lane at this time.
    pub fn new(lane: Lane, kind: Kind, at_ns: i64) -> Seen {
        Seen {
            lane,
            kind,
            at_ns,
            duration_ns: None,
            bytes: None,
            detail: Detail::default(),
        }
    }

    /// It took until then.
    pub fn until(mut self, end_ns: i64) -> Seen {
        self.duration_ns = Some((end_ns - self.at_ns).max(0).unsigned_abs());
        self
    }

    /// It was about this many bytes.
    pub fn bytes(mut self, bytes: u64) -> Seen {
        self.bytes = Some(bytes);
        self
    }

    /// In these words.
    pub fn summary(mut self, words: impl Into<String>) -> Seen {
        self.detail.summary = Some(words.into());
        self
    }

    /// For this reason.
    pub fn why(mut self, words: impl Into<String>) -> Seen {
        self.detail.why = Some(words.into());
        self
    }

    /// With more to say.
    pub fn with(mut self, fill: impl FnOnce(&mut Detail)) -> Seen {
        fill(&mut self.detail);
        self
    }
}

/// How many of the page's own events wait at most while nobody takes them; beyond, the newest are dropped and counted.
pub const WAITING_MAX: usize = 5_000;
/// How many events go up in one frame.
const BATCH: usize = 200;
/// How many questions about the time are asked at once when a connection is open.
pub const CLOCK_BURST: u32 = 8;
/// What two server lives' clocks may be off against each other: both starts are told in microseconds of the wall clock,
/// which may be corrected in between.
const RESTART_ERROR_NS: u64 = 1_000_000;

/// What an `opened` frame means for the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// The run's first connection.
    First,
    /// The same run again, after a break: what was missed comes now.
    Same,
    /// The server has begun this run anew: it restarted, or had let the run go.
    Anew,
}

/// The page's end of the feed.
#[derive(Debug)]
pub struct Link {
    client: ClientId,
    step_ns: u64,
    clock: ClockEstimator,
    waiting: VecDeque<Seen>,
    /// Sent, with the time it was given, and not yet come back: a socket that breaks swallows what was put into it.
    in_flight: VecDeque<(Seen, i64)>,
    /// In flight when a connection broke: arrived or not, nobody knows yet.
    doubtful: VecDeque<(Seen, i64)>,
    answers: u32,
    lost: u64,
    started_at: Option<String>,
    /// What to add to the numbers and times of the server's present life.
    seq_base: u64,
    at_base_ns: i64,
    seq_seen: u64,
}

impl Link {
    /// The link of this page, whose clock advances in these steps.
    pub fn new(client: ClientId, step_ns: u64) -> Link {
        Link {
            client,
            step_ns,
            clock: ClockEstimator::new(step_ns),
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            doubtful: VecDeque::new(),
            answers: 0,
            lost: 0,
            started_at: None,
            seq_base: 0,
            at_base_ns: 0,
            seq_seen: 0,
        }
    }

    /// The page's own id.
    pub fn client(&self) -> ClientId {
        self.client
    }

    /// A connection is open.
    pub fn opened(&mut self, opened: &Opened) -> Opening {
        self.answers = 0;
        self.doubtful.append(&mut self.in_flight);
        let Some(before) = self.started_at.replace(opened.started_at.clone()) else {
            return Opening::First;
        };
        if before == opened.started_at {
            return Opening::Same;
        }
        // The screen keeps what it has; the new life's events are put behind it by the two starts' wall clocks.
        self.seq_base = self.seq_seen;
        if let (Some(old), Some(new)) = (micros(&before), micros(&opened.started_at)) {
            self.at_base_ns += (new - old) * 1_000;
        }
        self.clock = ClockEstimator::new(self.step_ns);
        Opening::Anew
    }

    /// Events from the server: those that are new, where they stand on the page's time line.
    pub fn arrived(&mut self, events: Vec<TraceEvent>) -> Vec<TraceEvent> {
        let mut fresh = Vec::with_capacity(events.len());
        for mut event in events {
            if event.detail.client == Some(self.client) {
                self.came_back(&event);
            }
            event.seq += self.seq_base;
            if event.seq <= self.seq_seen {
                continue;
            }
            self.seq_seen = event.seq;
            if self.seq_base > 0 {
                event.at_ns = event.at_ns.saturating_add(self.at_base_ns);
                event.error_ns = event.error_ns.saturating_add(RESTART_ERROR_NS);
            }
            fresh.push(event);
        }
        fresh
    }

    /// The server has this event of ours, and with it all that was sent before.
    fn came_back(&mut self, event: &TraceEvent) {
        for sent in [&mut self.doubtful, &mut self.in_flight] {
            let place = sent
                .iter()
                .position(|(seen, at_ns)| *at_ns == event.at_ns && seen.kind == event.kind);
            if let Some(place) = place {
                sent.drain(..=place);
                return;
            }
        }
    }

    /// An answer to a question about the time.
    pub fn clock_answered(&mut self, sample: Sample) {
        self.clock.add(sample);
        self.answers += 1;
        if self.answers == CLOCK_BURST {
            // The server has by now sent all it had. What of ours was not among it never arrived: once more.
            let again = self.doubtful.drain(..).map(|(seen, _)| seen);
            self.waiting = again.chain(std::mem::take(&mut self.waiting)).collect();
        }
    }

    /// Can browser times be told on the server's clock?
    pub fn is_timed(&self) -> bool {
        self.clock.is_ready()
    }

    /// Keeps something that the page saw until it can be sent.
    pub fn saw(&mut self, mut seen: Seen) {
        if self.waiting.len() >= WAITING_MAX {
            self.lost += 1;
            return;
        }
        seen.detail.client = Some(self.client);
        self.waiting.push_back(seen);
    }

    /// How many of the page's own events were dropped because nobody took them.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// A batch to send, on the server's clock; empty while there is nothing, or no time to give it.
    pub fn take_batch(&mut self) -> Vec<TraceEvent> {
        if !self.is_timed() {
            return Vec::new();
        }
        let mut batch = Vec::new();
        for _ in 0..BATCH {
            let Some(seen) = self.waiting.pop_front() else {
                break;
            };
            let Some(time) = self.clock.to_server(seen.at_ns) else {
                break;
            };
            batch.push(TraceEvent {
                seq: 0,
                lane: seen.lane,
                kind: seen.kind,
                at_ns: time.at_ns,
                duration_ns: seen.duration_ns,
                error_ns: time.error_ns,
                truth: Truth::Measured,
                bytes: seen.bytes,
                detail: seen.detail.clone(),
            });
            if self.in_flight.len() >= WAITING_MAX {
                self.in_flight.pop_front();
            }
            self.in_flight.push_back((seen, time.at_ns));
        }
        batch
    }

    /// Does anything wait to be sent?
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }
}

/// Microseconds since 1970 of an RFC 3339 time in UTC, `2026-11-24T02:11:05.123456Z`.
fn micros(text: &str) -> Option<i64> {
    let digits = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    let (hour, minute, second) = (digits(11, 13)?, digits(14, 16)?, digits(17, 19)?);
    let fraction = text.get(19..)?.strip_suffix('Z')?;
    let fraction = match fraction.strip_prefix('.') {
        Some(figures) => format!("{figures:0<6}").get(..6)?.parse::<i64>().ok()?,
        None => 0,
    };
    // Days since 1970 in the proleptic Gregorian calendar, counting years from March.
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::trace::TraceId;

    fn link() -> Link {
        Link::new(ClientId::new(7).expect("not zero"), 5_000)
    }

    fn opened(started_at: &str) -> Opened {
        Opened {
            run: TraceId::new(1).expect("not zero"),
            started_at: started_at.to_owned(),
            events_max: 20_000,
            bytes_max: 8_000_000,
            age_s: 3_600,
        }
    }

    fn event(seq: u64, at_ns: i64) -> TraceEvent {
        TraceEvent {
            seq,
            ..TraceEvent::new(Lane::SOCKET, Kind::Read, at_ns, 10)
        }
    }

    fn numbers(events: &[TraceEvent]) -> Vec<(u64, i64)> {
        events
            .iter()
            .map(|event| (event.seq, event.at_ns))
            .collect()
    }

    #[test]
    fn after_a_break_only_what_was_missed_is_new() {
        let mut link = link();
        assert_eq!(
            link.opened(&opened("2026-11-24T02:00:00.000000Z")),
            Opening::First
        );
        assert_eq!(link.arrived(vec![event(1, 10), event(2, 20)]).len(), 2);
        assert_eq!(
            link.opened(&opened("2026-11-24T02:00:00.000000Z")),
            Opening::Same
        );
        let fresh = link.arrived(vec![event(1, 10), event(2, 20), event(3, 30)]);
        assert_eq!(numbers(&fresh), [(3, 30)]);
    }

    #[test]
    fn after_a_restart_the_new_life_follows_the_old_one() {
        let mut link = link();
        link.opened(&opened("2026-11-24T02:00:00.000000Z"));
        link.arrived(vec![event(1, 10), event(2, 20)]);
        assert_eq!(
            link.opened(&opened("2026-11-24T02:00:09.5Z")),
            Opening::Anew
        );
        let fresh = link.arrived(vec![event(1, 7)]);
        assert_eq!(numbers(&fresh), [(3, 9_500_000_007)]);
        assert_eq!(fresh[0].error_ns, 1_000_010);
        assert!(!link.is_timed(), "the new server's clock is not known yet");
    }

    #[test]
    fn what_the_page_saw_waits_for_the_clock() {
        let mut link = link();
        link.saw(Seen::new(Lane::BROWSER, Kind::RequestSent, 1_000_000).summary("GET /"));
        assert!(link.take_batch().is_empty());
        link.clock_answered(Sample {
            t1_ns: 0,
            t2_ns: 5_100_000,
            t3_ns: 5_100_000,
            t4_ns: 200_000,
        });
        let batch = link.take_batch();
        let [sent] = batch.as_slice() else {
            panic!("one event was seen: {batch:?}");
        };
        // In the middle of what is possible; what drift may do in a millisecond moves it by nanoseconds.
        assert!((sent.at_ns - 6_000_000).abs() < 50, "{sent:?}");
        assert!(sent.error_ns >= 105_000);
        assert_eq!(batch[0].detail.client, ClientId::new(7));
        assert!(!link.has_waiting());
    }

    #[test]
    fn what_waits_is_bounded_and_what_is_dropped_is_counted() {
        let mut link = link();
        for at in 0..=WAITING_MAX as i64 {
            link.saw(Seen::new(Lane::BROWSER, Kind::Marked, at));
        }
        assert_eq!(link.lost(), 1);
        link.clock_answered(Sample {
            t1_ns: 0,
            t2_ns: 0,
            t3_ns: 0,
            t4_ns: 0,
        });
        let mut sent = 0;
        while link.has_waiting() {
            sent += link.take_batch().len();
        }
        assert_eq!(sent, WAITING_MAX);
    }

    #[test]
    fn what_a_broken_connection_swallowed_is_sent_again() {
        let quick = Sample {
            t1_ns: 0,
            t2_ns: 0,
            t3_ns: 0,
            t4_ns: 0,
        };
        let mut link = link();
        let start = opened("2026-11-24T02:00:00.000000Z");
        link.opened(&start);
        link.clock_answered(quick);
        for at in [10, 20, 30] {
            link.saw(Seen::new(Lane::BROWSER, Kind::Marked, at));
        }
        let mut came = link.take_batch();
        came.truncate(2);
        // Two came back before the break; the third never arrived.
        came[0].seq = 1;
        came[1].seq = 2;
        link.arrived(came);
        link.opened(&start);
        for _ in 0..CLOCK_BURST {
            assert!(!link.has_waiting());
            link.clock_answered(quick);
        }
        assert_eq!(numbers(&link.take_batch()), [(0, 30)]);
    }

    #[test]
    fn wall_clock_times_are_read() {
        assert_eq!(micros("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(
            micros("2024-02-29T12:34:56.000789Z"),
            Some(1_709_210_096_000_789)
        );
        assert_eq!(micros("2026-11-24T02:11:05+01:00"), None);
        assert_eq!(micros("soon"), None);
    }
}

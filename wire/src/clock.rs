//! The clock exchange: how far a browser's clock is from the server's, and how sure that is.
//!
//! Four timestamps as in NTP (RFC 5905 §8). A question leaves before it arrives, and so does its answer: each exchange
//! bounds the offset from both sides, by no more than its delay. Of a few exchanges the one with the least delay is kept
//! (the clock filter of §10). Two exchanges with time between them bound the drift in the same way, the more narrowly the
//! longer the run. A time is told as the middle of all offsets that fit every exchange kept, and half their width is its
//! error: a bound, not an estimate.

/// One exchange. The browser's times are on its own clock, the server's in nanoseconds since the run's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// The question left the browser (browser's clock).
    pub t1_ns: i64,
    /// It arrived at the server (server's clock).
    pub t2_ns: i64,
    /// The answer left the server (server's clock).
    pub t3_ns: i64,
    /// It arrived at the browser (browser's clock).
    pub t4_ns: i64,
}

impl Sample {
    /// The time on the way, there and back: (t4 − t1) − (t3 − t2).
    fn delay_ns(&self) -> i64 {
        (self.t4_ns - self.t1_ns) - (self.t3_ns - self.t2_ns)
    }

    /// At t1 the server's clock was ahead of the browser's by at most t2 − t1: the question took no less than no time.
    fn at_most(&self, step_ns: i64) -> Bound {
        Bound {
            browser_ns: self.t1_ns,
            offset_ns: self.t2_ns - self.t1_ns + step_ns,
        }
    }

    /// At t4 it was ahead by at least t3 − t4: neither did the answer.
    fn at_least(&self, step_ns: i64) -> Bound {
        Bound {
            browser_ns: self.t4_ns,
            offset_ns: self.t3_ns - self.t4_ns - step_ns,
        }
    }
}

/// A bound of the offset, server's clock minus browser's, at a time of the browser's.
#[derive(Debug, Clone, Copy)]
struct Bound {
    browser_ns: i64,
    offset_ns: i64,
}

/// A time on the server's clock, and how far it may be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Nanoseconds since the run's start on the server's clock.
    pub at_ns: i64,
    /// The most it can be off in either direction, as long as the clocks drift apart by no more than 50 parts per million,
    /// and in one stretch of the run by no more than one part per million otherwise than in another.
    pub error_ns: u64,
}

/// How many samples make a group; the one with the least delay stands for its group.
const GROUP: usize = 8;
/// How many groups are kept; beyond, every second one is let go, so that a long run stays covered.
const GROUPS_MAX: usize = 64;
/// The drift that is assumed possible while it is not known better: 50 parts per million, a poor quartz.
const DRIFT_MAX: f64 = 50e-6;
/// How much it may differ between two stretches of one run: a quartz that gets warm.
const DRIFT_WANDER: f64 = 1e-6;

/// What the server's clock gains on the browser's in each nanosecond: at least, and at most.
#[derive(Debug, Clone, Copy)]
struct Drift {
    least: f64,
    most: f64,
}

impl Drift {
    const UNKNOWN: Drift = Drift {
        least: -DRIFT_MAX,
        most: DRIFT_MAX,
    };

    /// The offset went from below the one bound to above the other, in the time between: forwards it gained at least that
    /// much, backwards at most.
    fn narrow(&mut self, below: Bound, above: Bound) {
        let gained = (above.offset_ns - below.offset_ns) as f64;
        let span = above.browser_ns - below.browser_ns;
        if span >= 0 {
            self.least = self.least.max(gained / span as f64);
        } else {
            self.most = self.most.min(gained / span as f64);
        }
    }

    /// Nothing within the assumptions fits: a clock was set, or stood still while its machine slept.
    fn is_impossible(&self) -> bool {
        self.least > self.most + DRIFT_WANDER
    }

    /// What was gained over a time, which may be negative: at least, and at most.
    fn gained_ns(&self, span_ns: i64) -> (i64, i64) {
        let one = (self.least - DRIFT_WANDER) * span_ns as f64;
        let other = (self.most + DRIFT_WANDER) * span_ns as f64;
        (one.min(other).floor() as i64, one.max(other).ceil() as i64)
    }
}

/// Follows the offset between a browser's clock and the server's.
#[derive(Debug, Clone)]
pub struct ClockEstimator {
    step_ns: i64,
    group: Vec<Sample>,
    best: Vec<Sample>,
    drift: Drift,
}

impl ClockEstimator {
    /// An estimator for a browser clock whose readings are off by up to `step_ns` (100 µs; 5 µs when cross-origin
    /// isolated).
    pub fn new(step_ns: u64) -> ClockEstimator {
        ClockEstimator {
            step_ns: i64::try_from(step_ns).unwrap_or(i64::MAX / 8),
            group: Vec::new(),
            best: Vec::new(),
            drift: Drift::UNKNOWN,
        }
    }

    /// Takes one exchange in. A sample whose times run backwards is left out; one that does not fit those before it, for
    /// a clock was set or stood still, begins anew.
    pub fn add(&mut self, sample: Sample) {
        if sample.t4_ns < sample.t1_ns || sample.t3_ns < sample.t2_ns {
            return;
        }
        let (at_most, at_least) = (sample.at_most(self.step_ns), sample.at_least(self.step_ns));
        for known in self.best.iter().chain(&self.group) {
            self.drift.narrow(known.at_most(self.step_ns), at_least);
            self.drift.narrow(at_most, known.at_least(self.step_ns));
        }
        if self.drift.is_impossible() {
            self.drift = Drift::UNKNOWN;
            self.best.clear();
            self.group.clear();
        }
        self.group.push(sample);
        if self.group.len() >= GROUP {
            let quickest = self.group.iter().min_by_key(|sample| sample.delay_ns());
            self.best.extend(quickest);
            self.group.clear();
            if self.best.len() > GROUPS_MAX {
                let mut odd = false;
                self.best.retain(|_| {
                    odd = !odd;
                    odd
                });
            }
        }
    }

    /// Can a time be told yet?
    pub fn is_ready(&self) -> bool {
        !(self.group.is_empty() && self.best.is_empty())
    }

    /// Tells a browser time on the server's clock; `None` before the first exchange.
    pub fn to_server(&self, browser_ns: i64) -> Option<Estimate> {
        let bounds = self.best.iter().chain(&self.group).map(|sample| {
            let at_least = sample.at_least(self.step_ns);
            let at_most = sample.at_most(self.step_ns);
            let (gained, _) = self.drift.gained_ns(browser_ns - at_least.browser_ns);
            let (_, gained_at_most) = self.drift.gained_ns(browser_ns - at_most.browser_ns);
            (
                at_least.offset_ns + gained,
                at_most.offset_ns + gained_at_most,
            )
        });
        let (least, most) = bounds.reduce(|(least, most), (at_least, at_most)| {
            (least.max(at_least), most.min(at_most))
        })?;
        let half = (most - least) / 2;
        Some(Estimate {
            at_ns: browser_ns + least + half,
            // This reading has a step too; the last nanosecond is for what was rounded.
            error_ns: (half + self.step_ns + 1).unsigned_abs(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STEP_NS: i64 = 5_000;
    const SECOND: i64 = 1_000_000_000;

    /// Two clocks that only a test can know: their offset, and a drift that changes once.
    #[derive(Debug, Clone, Copy)]
    struct Clocks {
        offset_ns: i64,
        drift_ppb: i64,
        changes_at_ns: i64,
        drift_then_ppb: i64,
    }

    impl Clocks {
        fn steady(offset_ns: i64, drift_ppb: i64) -> Clocks {
            Clocks {
                offset_ns,
                drift_ppb,
                changes_at_ns: 0,
                drift_then_ppb: drift_ppb,
            }
        }

        /// The true server time at a true browser time.
        fn server(&self, browser_ns: i64) -> i64 {
            let first = browser_ns.min(self.changes_at_ns);
            let then = browser_ns - first;
            let gained = i128::from(first) * i128::from(self.drift_ppb)
                + i128::from(then) * i128::from(self.drift_then_ppb);
            browser_ns + self.offset_ns + gained.div_euclid(1_000_000_000) as i64
        }

        /// An exchange that took so long in each direction, read by a browser exactly.
        fn exchange(&self, t1_ns: i64, there_ns: i64, back_ns: i64) -> Sample {
            let arrived = t1_ns + there_ns;
            let left = arrived + 20_000;
            Sample {
                t1_ns,
                t2_ns: self.server(arrived),
                t3_ns: self.server(left),
                t4_ns: left + back_ns,
            }
        }
    }

    fn estimator() -> ClockEstimator {
        ClockEstimator::new(STEP_NS as u64)
    }

    #[track_caller]
    fn assert_within(told: Estimate, truth: i64) {
        let off = (told.at_ns - truth).unsigned_abs();
        assert!(off <= told.error_ns, "off by {off}: {told:?}");
    }

    #[test]
    fn no_exchange_no_time() {
        assert_eq!(estimator().to_server(1), None);
    }

    #[test]
    fn the_quickest_exchange_wins() {
        let clocks = Clocks::steady(-700, 0);
        let mut clock = estimator();
        clock.add(clocks.exchange(0, 9_000_000, 1_000_000));
        clock.add(clocks.exchange(20_000_000, 100_000, 100_000));
        let told = clock.to_server(30_000_000).expect("ready");
        assert!((told.at_ns - (30_000_000 - 700)).abs() < 1_000, "{told:?}");
        // Half its delay, a step at each end, and 10 ms of drift.
        assert!(told.error_ns < 111_000, "{told:?}");
    }

    #[test]
    fn one_exchange_bounds_from_above_and_another_from_below() {
        let clocks = Clocks::steady(0, 0);
        let mut clock = estimator();
        clock.add(clocks.exchange(0, 10_000, 5_000_000));
        clock.add(clocks.exchange(10_000_000, 5_000_000, 10_000));
        let told = clock.to_server(20_000_000).expect("ready");
        assert_within(told, 20_000_000);
        assert!(told.error_ns < 25_000, "{told:?}");
    }

    #[test]
    fn drift_is_followed_over_a_long_run() {
        let clocks = Clocks::steady(5 * SECOND, 20_000);
        let mut clock = estimator();
        for second in 0..600_i64 {
            let jitter = (second * 7_919 % 13) * 40_000;
            clock.add(clocks.exchange(second * SECOND, 100_000 + jitter, 100_000));
        }
        let (least, most) = (clock.drift.least, clock.drift.most);
        assert!(
            least < 20e-6 && most > 20e-6 && most - least < 1e-6,
            "{clock:?}"
        );
        let told = clock.to_server(600 * SECOND).expect("ready");
        assert_within(told, clocks.server(600 * SECOND));
        assert!(told.error_ns < 125_000, "{told:?}");
        // Not knowing the drift would add 3 ms in a minute.
        let later = clock.to_server(660 * SECOND).expect("ready");
        assert_within(later, clocks.server(660 * SECOND));
        assert!(later.error_ns < 250_000, "{later:?}");
    }

    #[test]
    fn times_that_run_backwards_are_left_out() {
        let mut clock = ClockEstimator::new(0);
        clock.add(Sample {
            t1_ns: 10,
            t2_ns: 0,
            t3_ns: 0,
            t4_ns: 5,
        });
        clock.add(Sample {
            t1_ns: 10,
            t2_ns: 5,
            t3_ns: 0,
            t4_ns: 50,
        });
        assert!(!clock.is_ready());
    }

    #[test]
    fn a_clock_that_stood_still_begins_anew() {
        let before = Clocks::steady(0, 10_000);
        let mut clock = estimator();
        for second in 0..100 {
            clock.add(before.exchange(second * SECOND, 100_000, 100_000));
        }
        // The browser's machine slept for two seconds, its clock with it.
        let after = Clocks::steady(2 * SECOND, 10_000);
        clock.add(after.exchange(100 * SECOND, 300_000, 100_000));
        let told = clock.to_server(101 * SECOND).expect("ready");
        assert_within(told, after.server(101 * SECOND));
    }

    fn way() -> impl Strategy<Value = i64> {
        10_000_i64..50_000_000
    }

    /// How far a browser's reading is off.
    fn off() -> impl Strategy<Value = i64> {
        -STEP_NS..=STEP_NS
    }

    proptest! {
        #[test]
        fn the_true_time_is_always_within_the_error(
            offset_ns in -1_000_000_000_000_i64..1_000_000_000_000,
            drift_ppb in -49_000_i64..=49_000,
            wander_ppb in -1_000_i64..=1_000,
            changes_at in 0_i64..200,
            exchanges in prop::collection::vec((way(), way(), off(), off()), 1..1_000),
            gap in 1_000_000_i64..2_000_000_000,
            ask in prop::collection::vec((-10_i64..1_100, off()), 1..20),
        ) {
            let clocks = Clocks {
                offset_ns,
                drift_ppb,
                changes_at_ns: changes_at * gap,
                drift_then_ppb: drift_ppb + wander_ppb,
            };
            let mut clock = estimator();
            for (turn, (there, back, off_1, off_4)) in (0..).zip(exchanges) {
                let mut sample = clocks.exchange(turn * gap, there, back);
                sample.t1_ns += off_1;
                sample.t4_ns += off_4;
                clock.add(sample);
            }
            for (turn, off) in ask {
                let at = turn * gap;
                let told = clock.to_server(at + off).expect("ready");
                let wrong = (told.at_ns - clocks.server(at)).unsigned_abs();
                prop_assert!(wrong <= told.error_ns, "off by {wrong}: {told:?}");
            }
        }
    }
}

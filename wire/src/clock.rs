//! The clock exchange: how far a browser's clock is from the server's, and how sure that is.
//!
//! Four timestamps as in NTP (RFC 5905 §8), the sample with the least delay wins (the clock filter of §10), and over a
//! long run a straight line through such samples follows the drift. The error that remains is not hidden: half the
//! best sample's delay (the two ways may differ by as much), plus the step of the browser's clock, plus what drift may
//! have added since.

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
    /// Server's clock minus browser's, if both ways took equally long: ((t2 − t1) + (t3 − t4)) / 2.
    pub fn offset_ns(&self) -> i64 {
        ((self.t2_ns - self.t1_ns) + (self.t3_ns - self.t4_ns)) / 2
    }

    /// The time on the way, there and back: (t4 − t1) − (t3 − t2), never below zero.
    pub fn delay_ns(&self) -> i64 {
        ((self.t4_ns - self.t1_ns) - (self.t3_ns - self.t2_ns)).max(0)
    }

    /// The middle of the exchange on the browser's clock.
    fn middle_ns(&self) -> i64 {
        self.t1_ns + (self.t4_ns - self.t1_ns) / 2
    }
}

/// A time on the server's clock, and how far it may be off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Nanoseconds since the run's start on the server's clock.
    pub at_ns: i64,
    /// The most it can be off in either direction, given the drift bound.
    pub error_ns: u64,
}

/// How many samples make a group; the one with the least delay stands for its group.
const GROUP: usize = 8;
/// How many groups are kept; beyond, every second one is let go, so that a long run stays covered.
const GROUPS_MAX: usize = 64;
/// The drift that is assumed possible while it is not measured: 50 parts per million, a poor quartz.
const DRIFT_UNKNOWN_PPB: i64 = 50_000;
/// How far apart the first and the last group must be for a drift to be computed.
const DRIFT_BASE_NS: i64 = 30_000_000_000;

/// Follows the offset between a browser's clock and the server's.
#[derive(Debug, Clone)]
pub struct ClockEstimator {
    step_ns: u64,
    group: Vec<Sample>,
    best: Vec<Sample>,
}

impl ClockEstimator {
    /// An estimator for a browser clock that advances in steps of `step_ns` (100 µs; 5 µs when cross-origin isolated).
    pub fn new(step_ns: u64) -> ClockEstimator {
        ClockEstimator {
            step_ns,
            group: Vec::new(),
            best: Vec::new(),
        }
    }

    /// Takes one exchange in. A sample whose times run backwards is left out.
    pub fn add(&mut self, sample: Sample) {
        if sample.t4_ns < sample.t1_ns || sample.t3_ns < sample.t2_ns {
            return;
        }
        self.group.push(sample);
        if self.group.len() >= GROUP {
            self.best.extend(least_delay(&self.group));
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

    /// How many exchanges it rests on; 0 means that no time can be told yet.
    pub fn is_ready(&self) -> bool {
        !(self.group.is_empty() && self.best.is_empty())
    }

    /// The drift of the browser's clock against the server's, in parts per billion; `None` while the run is too short.
    pub fn drift_ppb(&self) -> Option<i64> {
        let points: Vec<&Sample> = self.best.iter().collect();
        let (first, last) = (points.first()?, points.last()?);
        if last.middle_ns() - first.middle_ns() < DRIFT_BASE_NS {
            return None;
        }
        // Least squares, each point weighted by 1/delay²: a quick exchange tells more.
        let origin = first.middle_ns();
        let (mut w, mut wx, mut wy, mut wxx, mut wxy) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for point in &points {
            let weight = 1.0 / ((point.delay_ns() as f64) + self.step_ns as f64 + 1.0).powi(2);
            let x = (point.middle_ns() - origin) as f64;
            let y = (point.offset_ns() - first.offset_ns()) as f64;
            w += weight;
            wx += weight * x;
            wy += weight * y;
            wxx += weight * x * x;
            wxy += weight * x * y;
        }
        let spread = w * wxx - wx * wx;
        if spread <= 0.0 {
            return None;
        }
        Some(((w * wxy - wx * wy) / spread * 1e9).round() as i64)
    }

    /// Tells a browser time on the server's clock; `None` before the first exchange.
    pub fn to_server(&self, browser_ns: i64) -> Option<Estimate> {
        let drift = self.drift_ppb();
        // Of all that stands, the sample that leaves the least doubt at this very time.
        let candidates = self
            .best
            .iter()
            .chain(least_delay(&self.group).as_slice())
            .copied()
            .collect::<Vec<_>>();
        candidates
            .iter()
            .map(|sample| {
                let age = browser_ns - sample.middle_ns();
                let parts = |ppb: i64| (i128::from(age) * i128::from(ppb) / 1_000_000_000) as i64;
                // A measured drift is trusted to a fifth of the unknown one.
                let (correction, doubt) = match drift {
                    Some(ppb) => (parts(ppb), parts(DRIFT_UNKNOWN_PPB / 5)),
                    None => (0, parts(DRIFT_UNKNOWN_PPB)),
                };
                Estimate {
                    at_ns: browser_ns + sample.offset_ns() + correction,
                    error_ns: (sample.delay_ns() / 2).unsigned_abs()
                        + self.step_ns
                        + doubt.unsigned_abs(),
                }
            })
            .min_by_key(|estimate| estimate.error_ns)
    }
}

fn least_delay(samples: &[Sample]) -> Option<Sample> {
    samples
        .iter()
        .min_by_key(|sample| sample.delay_ns())
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The true server time for a browser time: offset and drift known, as only a test can.
    fn truth(browser_ns: i64, offset_ns: i64, drift_ppb: i64) -> i64 {
        browser_ns
            + offset_ns
            + (i128::from(browser_ns) * i128::from(drift_ppb) / 1_000_000_000) as i64
    }

    fn exchange(t1_ns: i64, there_ns: i64, back_ns: i64, offset_ns: i64, drift_ppb: i64) -> Sample {
        let t4_ns = t1_ns + there_ns + 20_000 + back_ns;
        Sample {
            t1_ns,
            t2_ns: truth(t1_ns + there_ns, offset_ns, drift_ppb),
            t3_ns: truth(t1_ns + there_ns + 20_000, offset_ns, drift_ppb),
            t4_ns,
        }
    }

    #[test]
    fn no_exchange_no_time() {
        assert_eq!(ClockEstimator::new(5_000).to_server(1), None);
    }

    #[test]
    fn the_quickest_exchange_wins() {
        let mut clock = ClockEstimator::new(5_000);
        clock.add(exchange(0, 9_000_000, 1_000_000, -700, 0));
        clock.add(exchange(20_000_000, 100_000, 100_000, -700, 0));
        let told = clock.to_server(30_000_000).expect("ready");
        assert!((told.at_ns - (30_000_000 - 700)).abs() < 1_000, "{told:?}");
        assert!(told.error_ns < 110_000, "{told:?}");
    }

    #[test]
    fn drift_is_followed_over_a_long_run() {
        let (offset, drift) = (5_000_000_000, 20_000);
        let mut clock = ClockEstimator::new(5_000);
        for second in 0..600_i64 {
            let jitter = (second * 7_919 % 13) * 40_000;
            clock.add(exchange(
                second * 1_000_000_000,
                100_000 + jitter,
                100_000,
                offset,
                drift,
            ));
        }
        let measured = clock.drift_ppb().expect("ten minutes are enough");
        assert!((measured - drift).abs() < 3_000, "{measured} ppb");
        let at = 600_000_000_000;
        let told = clock.to_server(at).expect("ready");
        assert!((told.at_ns - truth(at, offset, drift)).unsigned_abs() <= told.error_ns);
        assert!(told.error_ns < 200_000, "{told:?}");
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

    proptest! {
        #[test]
        fn the_true_time_is_always_within_the_error(
            offset in -1_000_000_000_000_i64..1_000_000_000_000,
            drift in -30_000_i64..30_000,
            ways in prop::collection::vec((10_000_i64..50_000_000, 10_000_i64..50_000_000), 1..200),
            gap in 1_000_000_i64..2_000_000_000,
        ) {
            let mut clock = ClockEstimator::new(5_000);
            for (turn, (there, back)) in ways.iter().enumerate() {
                clock.add(exchange(turn as i64 * gap, *there, *back, offset, drift));
            }
            let at = ways.len() as i64 * gap;
            let told = clock.to_server(at).expect("ready");
            // A drift fitted through jittery samples is only an estimate; where it is used, it is trusted to 10 ppm.
            if clock.drift_ppb().is_none_or(|measured| (measured - drift).abs() <= 10_000) {
                let off = (told.at_ns - truth(at, offset, drift)).unsigned_abs();
                prop_assert!(off <= told.error_ns + 2, "off {off}, error {}", told.error_ns);
            }
        }
    }
}

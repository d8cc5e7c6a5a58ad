//! How far an upload has come, and how fast.

use std::collections::VecDeque;

use wire::time::{bytes, duration};

/// Over how long the rate is taken, in nanoseconds.
const WINDOW_NS: i64 = 3_000_000_000;
/// Less than this is too short to tell a rate, in nanoseconds.
const LEAST_NS: i64 = 100_000_000;
/// How often the rate that is told follows the one that was measured, in nanoseconds.
const STEP_NS: i64 = 250_000_000;

/// Follows an upload. A pause begins a new stretch: standing still is not slowness.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many bytes have been handed on.
    pub sent: u64,
    /// How many bytes there are.
    pub length: u64,
    points: VecDeque<(i64, u64)>,
    /// The rate that is told, in bytes a second, and since when.
    told: Option<(i64, u64)>,
}

impl Progress {
    /// Nothing of this many bytes has been sent.
    pub fn of(length: u64) -> Progress {
        Progress {
            sent: 0,
            length,
            points: VecDeque::new(),
            told: None,
        }
    }

    /// So many bytes have been sent at this time, in nanoseconds on any one clock.
    pub fn reached(&mut self, sent: u64, at_ns: i64) {
        if sent < self.sent {
            // The server had less than the browser had handed on: count from there.
            self.stand();
        }
        self.sent = sent.min(self.length);
        self.points.push_back((at_ns, sent));
        while self.points.len() > 2
            && self
                .points
                .front()
                .is_some_and(|(first, _)| at_ns - first > WINDOW_NS)
        {
            self.points.pop_front();
        }
        self.told = match (self.told, self.measured()) {
            // Figures that follow each burst cannot be read: what is told goes a third of the way.
            (Some((since_ns, told)), Some(measured)) if at_ns - since_ns >= STEP_NS => {
                Some((at_ns, (2 * told + measured) / 3))
            }
            (None, Some(measured)) => Some((at_ns, measured)),
            (told, _) => told,
        };
    }

    /// It stands still; the rate begins anew afterwards.
    pub fn stand(&mut self) {
        self.points.clear();
        self.told = None;
    }

    /// Bytes in a second; `None` where that cannot be told yet.
    pub fn rate(&self) -> Option<u64> {
        self.told.map(|(_, rate)| rate)
    }

    /// The same over the last seconds alone.
    fn measured(&self) -> Option<u64> {
        let (first_ns, first) = self.points.front()?;
        let (last_ns, last) = self.points.back()?;
        let took_ns = last_ns - first_ns;
        if took_ns < LEAST_NS || last <= first {
            return None;
        }
        Some(((last - first) as f64 * 1e9 / took_ns as f64) as u64)
    }

    /// In hundredths, rounded down: 100 only when all of it is there.
    pub fn percent(&self) -> u64 {
        (self.sent * 100).checked_div(self.length).unwrap_or(100)
    }

    /// `3.1 MB of 8.4 MB (37 %), 12 MB/s, about 0.4 s to go`.
    pub fn words(&self) -> String {
        let mut words = format!(
            "{} of {} ({} %)",
            bytes(self.sent),
            bytes(self.length),
            self.percent()
        );
        if let Some(rate) = self.rate().filter(|rate| *rate > 0) {
            words.push_str(&format!(", {}/s", bytes(rate)));
            let left = self.length - self.sent;
            if left > 0 {
                // Long waits are told in whole seconds, short ones in tenths.
                let tenths = (left * 10 / rate).max(1);
                let tenths = if tenths < 30 {
                    tenths
                } else {
                    tenths.next_multiple_of(10)
                };
                let left_ns = tenths as i64 * 100_000_000;
                words.push_str(&format!(", about {} to go", duration(left_ns)));
            }
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let mut progress = Progress::of(10_000_000);
        assert_eq!(progress.words(), "0 B of 10 MB (0 %)");
        progress.reached(0, 0);
        progress.reached(1_000_000, 500 * MS);
        assert_eq!(progress.rate(), Some(2_000_000));
        assert_eq!(
            progress.words(),
            "1 MB of 10 MB (10 %), 2 MB/s, about 5 s to go"
        );
        progress.reached(1_100_000, 3_600 * MS);
        assert_eq!(progress.rate(), Some((4_000_000 + 32_258) / 3));
    }

    #[test]
    fn bursts_do_not_make_the_figures_jump() {
        let mut progress = Progress::of(20_000_000);
        let (mut sent, mut at_ms, mut left) = (0, 0, Vec::new());
        progress.reached(0, 0);
        // 1 MB a second: each chunk is handed on at once, and then its answer is awaited.
        while sent < 20_000_000 {
            for part in [0_u64, 100, 200, 524] {
                progress.reached(sent + part * 1_000, (at_ms + part as i64 / 10) * MS);
            }
            sent += 524_000;
            at_ms += 524;
            progress.reached(sent, at_ms * MS);
            if at_ms > 3_000 {
                left.push(
                    (20_000_000_u64.saturating_sub(sent)).checked_div(progress.rate().unwrap_or(1)),
                );
            }
        }
        for pair in left.windows(2) {
            let [Some(before), Some(after)] = pair else {
                panic!("{pair:?}")
            };
            assert!(after <= before, "{left:?}");
            assert!(before - after <= 3, "{left:?}");
        }
    }

    #[test]
    fn a_pause_is_not_slowness_and_a_step_back_is_no_rate() {
        let mut progress = Progress::of(1_000);
        progress.reached(0, 0);
        progress.reached(500, 1_000 * MS);
        progress.stand();
        assert_eq!(progress.rate(), None);
        progress.reached(400, 60_000 * MS);
        assert_eq!((progress.sent, progress.rate()), (400, None));
        progress.reached(1_000, 61_000 * MS);
        assert_eq!(progress.rate(), Some(600));
        assert_eq!(progress.percent(), 100);
        assert_eq!(Progress::of(0).percent(), 100);
    }
}

//! Latencies, counted by their size: whatever their number, a few kilobytes.

/// How many buckets each doubling has: a bucket is at most 1/32 of its value wide.
const STEPS: u64 = 32;
const STEP_BITS: u32 = STEPS.trailing_zeros();
/// Up to 2^32 µs, more than an hour; what is above counts as that.
const BUCKETS: usize = ((33 - STEP_BITS as usize) + 1) * STEPS as usize;

/// How many latencies there were of each size.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    all: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram {
            counts: vec![0; BUCKETS],
            all: 0,
        }
    }
}

impl Histogram {
    /// Counts one.
    pub(super) fn add(&mut self, us: u64) {
        self.counts[bucket(us)] += 1;
        self.all += 1;
    }

    /// Counts all of another.
    pub(super) fn merge(&mut self, other: &Histogram) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.all += other.all;
    }

    /// At least `percent` of 100 were no longer than this, to the width of a bucket.
    pub(super) fn percentile(&self, percent: u64) -> Option<u64> {
        let wanted = (self.all * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let at = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        at.map(value)
    }
}

/// Where a latency is counted: one bucket for each up to 32 µs, then 32 for each doubling.
fn bucket(us: u64) -> usize {
    let doublings = us.max(1).ilog2().saturating_sub(STEP_BITS);
    let step = us >> doublings;
    let place = u64::from(doublings) * STEPS + step;
    usize::try_from(place).map_or(BUCKETS - 1, |place| place.min(BUCKETS - 1))
}

/// The middle of a bucket.
fn value(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let doublings = (bucket / STEPS).saturating_sub(1);
    let step = bucket - doublings * STEPS;
    (step << doublings) + ((1 << doublings) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_kept_to_three_percent() {
        for us in [0, 1, 31, 32, 33, 63, 64, 1_000, 12_345, 999_999, 60_000_000] {
            let kept = value(bucket(us));
            assert!(kept.abs_diff(us) * 32 <= us, "{us} became {kept}");
        }
        assert!(bucket(u64::MAX) < BUCKETS);
    }

    #[test]
    fn percentiles_are_those_of_the_values() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50), None);
        for us in 1..=20 {
            histogram.add(us);
        }
        let mut slow = Histogram::default();
        slow.add(1_000_000);
        histogram.merge(&slow);
        assert_eq!(histogram.percentile(50), Some(11));
        assert_eq!(histogram.percentile(95), Some(20));
        let last = histogram.percentile(99).expect("some");
        assert!(last.abs_diff(1_000_000) < 32_000, "{last}");
    }
}

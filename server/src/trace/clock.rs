//! The server's clock: its step, and where a run's zero lies on the wall clock.

use std::{
    sync::LazyLock,
    time::{Duration, Instant, SystemTime},
};

use time::{OffsetDateTime, format_description::FormatItem, macros::format_description};

/// RFC 3339 in UTC with microseconds.
const RFC_3339_US: &[FormatItem<'static>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// How many pairs of readings the step is measured with.
const READINGS: usize = 2_000;

/// The smallest difference that two readings of the server's clock show, in nanoseconds; measured once. It holds the
/// clock's resolution and the time that a reading takes, whichever is larger.
pub(super) fn step_ns() -> u64 {
    static STEP: LazyLock<u64> = LazyLock::new(|| {
        (0..READINGS)
            .map(|_| {
                let first = Instant::now();
                loop {
                    let passed = first.elapsed();
                    if !passed.is_zero() {
                        return u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX);
                    }
                }
            })
            .min()
            .unwrap_or(1)
    });
    *STEP
}

/// A point in time on both of the server's clocks: the monotonic one and the wall's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Anchor {
    /// On the monotonic clock.
    pub(super) at: Instant,
    /// On the wall clock.
    wall: SystemTime,
}

impl Anchor {
    /// Now. The wall clock is read between two readings of the monotonic one; of three tries the narrowest counts.
    pub(super) fn now() -> Anchor {
        let read = || {
            let before = Instant::now();
            let wall = SystemTime::now();
            let width = before.elapsed();
            let at = before + width / 2;
            (width, Anchor { at, wall })
        };
        let (mut width, mut best) = read();
        for _ in 0..2 {
            let (other_width, other) = read();
            if other_width < width {
                (width, best) = (other_width, other);
            }
        }
        best
    }

    /// The same anchor, moved back to `since` where that is earlier.
    pub(super) fn since(self, since: Instant) -> Anchor {
        let earlier = self.at.saturating_duration_since(since);
        match (self.at.checked_sub(earlier), self.wall.checked_sub(earlier)) {
            (Some(at), Some(wall)) => Anchor { at, wall },
            _ => self,
        }
    }

    /// The anchor's wall time: RFC 3339 in UTC with microseconds.
    pub(super) fn rfc3339(&self) -> String {
        OffsetDateTime::from(self.wall)
            .format(RFC_3339_US)
            // Fails only for years beyond 9999.
            .unwrap_or_else(|_| "9999-12-31T23:59:59.999999Z".to_owned())
    }

    /// `at` in nanoseconds since the anchor; negative before it.
    pub(super) fn ns(&self, at: Instant) -> i64 {
        let count = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        match at.checked_duration_since(self.at) {
            Some(after) => count(after),
            None => -count(self.at.saturating_duration_since(at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_has_a_step_and_it_is_small() {
        let step = step_ns();
        assert!((1..1_000_000).contains(&step), "{step} ns");
        assert_eq!(step, step_ns(), "measured once");
    }

    #[test]
    fn an_anchor_moved_back_keeps_both_clocks_together() {
        let now = Anchor {
            at: Instant::now(),
            wall: SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456),
        };
        let earlier = now.since(now.at - Duration::from_micros(456));
        assert_eq!(earlier.ns(now.at), 456_000);
        assert_eq!(now.ns(earlier.at), -456_000);
        assert_eq!(earlier.rfc3339(), "2023-11-14T22:13:20.123000Z");
        let later = now.since(now.at + Duration::from_secs(1));
        assert_eq!(later.at, now.at);
    }
}

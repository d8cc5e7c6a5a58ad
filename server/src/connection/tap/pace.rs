//! How fast bytes go through a slow link: each piece takes the time that its bits need.

use std::time::{Duration, Instant};

use tokio::time::Instant as Clock;
use wire::{Fault, http1::Direction};

use super::super::faults::{Act, Asked};

/// A link passes bytes in pieces of this long, so that they come steadily and not one by one.
const PIECE: Duration = Duration::from_millis(50);
const PIECE_MAX: u64 = 64 * 1024;
/// A timer goes off late by a millisecond or so: a link that was held up by that catches up, by no more than this.
const CATCH_UP: Duration = Duration::from_millis(20);
/// A stretch of slowness is told once it has lasted this long.
const STRETCH: Duration = Duration::from_secs(1);

/// One direction of a slow link.
pub(super) struct Pace {
    fault: Fault,
    direction: Direction,
    bits_per_s: u64,
    /// When the link has passed all that was put on it.
    free_at: Clock,
    stretch: Option<Stretch>,
}

/// What went through slowly and was not told yet.
struct Stretch {
    at: Instant,
    since: Clock,
    bytes: u64,
}

impl Pace {
    /// The link that these faults ask for in this direction.
    pub(super) fn new(asked: &Asked, direction: Direction) -> Option<Pace> {
        let rate = asked.get(Fault::Rate).map(|bits| (bits, Fault::Rate));
        let slow_read = asked
            .get(Fault::SlowRead)
            .filter(|_| direction == Direction::Request)
            .map(|bytes| (bytes * 8, Fault::SlowRead));
        let (bits_per_s, fault) = [rate, slow_read]
            .into_iter()
            .flatten()
            .min_by_key(|(bits, _)| *bits)?;
        Some(Pace {
            fault,
            direction,
            bits_per_s,
            free_at: Clock::now(),
            stretch: None,
        })
    }

    /// How many bytes go on the link at once.
    pub(super) fn piece(&self) -> usize {
        let bytes = self.bits_per_s / 8 * PIECE.as_millis() as u64 / 1_000;
        usize::try_from(bytes.clamp(1, PIECE_MAX)).unwrap_or(1)
    }

    /// When the link is free.
    pub(super) fn free_at(&self) -> Clock {
        self.free_at
    }

    /// Puts so many bytes on the link: when they are through.
    pub(super) fn put(&mut self, bytes: usize) -> Clock {
        let now = Clock::now();
        let takes = Duration::from_nanos(
            (bytes as u64).saturating_mul(8_000_000_000) / self.bits_per_s.max(1),
        );
        let least = now.checked_sub(CATCH_UP).unwrap_or(now);
        self.free_at = self.free_at.max(least) + takes;
        let stretch = self.stretch.get_or_insert_with(|| Stretch {
            at: Instant::now(),
            since: now,
            bytes: 0,
        });
        stretch.bytes += bytes as u64;
        self.free_at
    }

    /// Tells what went through so far, if that has gone on for long enough to be told.
    pub(super) fn tell_now_and_then(&mut self, asked: &Asked) {
        if self
            .stretch
            .as_ref()
            .is_some_and(|stretch| stretch.since.elapsed() >= STRETCH)
        {
            self.tell(asked);
        }
    }

    /// Tells what went through since it was told last.
    pub(super) fn tell(&mut self, asked: &Asked) {
        if let Some(stretch) = self.stretch.take() {
            asked.tell(|| Act {
                fault: self.fault,
                direction: self.direction,
                summary: asked.in_words(self.fault),
                at: stretch.at,
                took: Some(stretch.since.elapsed()),
                bytes: Some(stretch.bytes),
            });
        }
    }
}

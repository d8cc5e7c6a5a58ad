//! Replaying a run: how the present moment moves over it.

use super::axis::{Axis, Piece};

/// How fast a run is replayed: one second of the run takes so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Speed {
    /// As fast as it happened.
    #[default]
    True,
    /// Ten times slower.
    Tenth,
    /// A hundred times slower.
    Hundredth,
    /// A thousand times slower.
    Thousandth,
}

impl Speed {
    /// Every speed, from the fastest to the slowest.
    pub const ALL: [Speed; 4] = [
        Speed::True,
        Speed::Tenth,
        Speed::Hundredth,
        Speed::Thousandth,
    ];

    /// By how much it is slower than what happened.
    pub const fn factor(self) -> u32 {
        match self {
            Speed::True => 1,
            Speed::Tenth => 10,
            Speed::Hundredth => 100,
            Speed::Thousandth => 1_000,
        }
    }

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Speed::True => "True speed",
            Speed::Tenth => "1/10 speed",
            Speed::Hundredth => "1/100 speed",
            Speed::Thousandth => "1/1000 speed",
        }
    }
}

/// How long the replay takes over a fold at most, in milliseconds: nothing happens there.
const FOLD_MS: f64 = 500.0;

/// The moment that is reached after `ms` of the reader's time. Folds are passed in half a second at most.
pub fn advance(axis: &Axis, mut at_ns: i64, mut ms: f64, speed: Speed) -> i64 {
    let per_ms = 1e6 / f64::from(speed.factor());
    for segment in axis.segments() {
        if segment.to_ns <= at_ns {
            continue;
        }
        let rate = match segment.piece {
            Piece::Fold => per_ms.max(segment.ns() / FOLD_MS),
            Piece::Plain | Piece::Lens(_) => per_ms,
        };
        let start = at_ns.max(segment.from_ns);
        let left_ms = super::axis::length_ns(start, segment.to_ns) / rate;
        if ms < left_ms {
            return start.saturating_add((ms * rate).round() as i64);
        }
        ms -= left_ms;
        at_ns = segment.to_ns;
    }
    at_ns.saturating_add((ms * per_ms).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::{super::axis::Planned, *};

    #[test]
    fn time_passes_at_the_stated_speed_and_skips_what_is_folded() {
        let plan = |from_ns, to_ns, piece, px| Planned {
            from_ns,
            to_ns,
            piece,
            px,
        };
        let axis = Axis::new(
            [
                plan(0, 1_000_000, Piece::Plain, 100.0),
                plan(1_000_000, 10_001_000_000, Piece::Fold, 40.0),
                plan(10_001_000_000, 10_002_000_000, Piece::Plain, 100.0),
            ],
            0.0,
            1e-4,
        );
        assert_eq!(advance(&axis, 0, 0.5, Speed::True), 500_000);
        assert_eq!(advance(&axis, 0, 50.0, Speed::Hundredth), 500_000);
        // Ten seconds of nothing in half a second.
        assert_eq!(
            advance(&axis, 1_000_000, 500.0, Speed::True),
            10_001_000_000
        );
        assert_eq!(advance(&axis, 1_000_000, 250.0, Speed::True), 5_001_000_000);
        assert_eq!(
            advance(&axis, 10_001_500_000, 1.0, Speed::True),
            10_002_500_000
        );
        assert_eq!(Speed::ALL.map(Speed::factor), [1, 10, 100, 1_000]);
    }
}

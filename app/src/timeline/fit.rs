//! Choosing the scale: which one shows a run well, what is folded then, and what is drawn larger.
//!
//! One scale for the whole picture keeps lengths comparable, which is what a timeline is for. Two honest exceptions
//! make a request of 40 ms readable whose ends are 20 µs apart: what is idle is folded, and a moment in which several
//! things happen within a few pixels is drawn larger by a factor that stands beside it. Both can be switched off
//! ([`View::to_scale`]). Spreading events evenly was not taken: it keeps the order and loses the time.

use super::{
    View, Zoom,
    axis::{Axis, Piece, Planned, length_ns},
    pulse::{LENS_MOMENTS_MAX, Pulse},
    within,
};
use crate::order;

/// Before the first moment and after the last, in pixels at unit 1.
const PAD_PX: f64 = 22.0;
/// What a fold takes, and what it takes at least where many share the room.
const FOLD_PX: f64 = 44.0;
const FOLD_LEAST_PX: f64 = 5.0;
/// What one row of labels takes.
const ROW_PX: f64 = 26.0;
/// Moments nearer to each other than this are crowded.
const CROWDED_PX: f64 = 6.0;
/// How far apart neighbours should be in a lens.
const LENS_STEP_PX: f64 = 9.0;
/// The largest scale, in pixels per nanosecond: 1 µs takes 100 pixels.
pub const SCALE_MAX: f64 = 0.1;
/// The longest picture, in pixels: what browsers still scroll without losing whole pixels.
pub const LENGTH_MAX_PX: f64 = 4_000_000.0;

/// The axis for a view of these moments, and how long the picture is along it, in pixels.
pub fn fit(pulse: &Pulse, view: &View) -> (Axis, f64) {
    let plan = Plan::new(pulse, view);
    let room = (view.length_px - 2.0 * plan.pad_px).max(40.0);
    let whole = plan.scale_for(room, plan.fold_px);
    let scale = match view.zoom {
        Zoom::Fixed(scale) => scale,
        Zoom::Whole => whole,
        Zoom::Readable if view.to_scale || pulse.busy => whole,
        Zoom::Readable => plan.readable(room).max(whole),
    };
    let scale = within(scale, plan.scale_least(), plan.scale_most());
    let fills = view.zoom != Zoom::Readable || scale <= whole * 1.000_1;
    let mut pieces = plan.pieces(scale);
    // Lenses take room that the scale did not know of. Where the whole run shall fit, it gives them some of its own.
    if fills && !matches!(view.zoom, Zoom::Fixed(_)) {
        let drawn: f64 = pieces.iter().map(|piece| piece.px).sum();
        if drawn > room {
            let lenses: f64 = pieces
                .iter()
                .filter(|piece| matches!(piece.piece, Piece::Lens(_)))
                .map(|piece| piece.px - length_ns(piece.from_ns, piece.to_ns) * scale)
                .sum();
            let less = plan.scale_for((room - lenses).max(room * 0.4), plan.fold_px);
            pieces = plan.pieces(less.max(plan.scale_least()));
        }
        return plan.axis(stretched(pieces, room));
    }
    plan.axis((pieces, scale))
}

/// Makes all pieces longer or shorter by one factor, so that together they take the room. Returns the plain scale too.
fn stretched(mut pieces: Vec<Planned>, room: f64) -> (Vec<Planned>, f64) {
    let drawn: f64 = pieces.iter().map(|piece| piece.px).sum();
    let factor = if drawn > 0.0 { room / drawn } else { 1.0 };
    // A run of a few nanoseconds is not blown up to fill the window.
    let factor = factor.min(1.6);
    for piece in &mut pieces {
        piece.px *= factor;
    }
    let plain = pieces.iter().find(|piece| piece.piece == Piece::Plain);
    let lens = pieces.iter().find_map(|piece| match piece.piece {
        Piece::Lens(by) => Some(piece.px / length_ns(piece.from_ns, piece.to_ns) / by),
        _ => None,
    });
    let scale = plain
        .map(|piece| piece.px / length_ns(piece.from_ns, piece.to_ns))
        .or(lens)
        .unwrap_or(1e-3);
    (pieces, scale)
}

struct Plan<'a> {
    pulse: &'a Pulse,
    /// May this idle stretch be folded?
    foldable: Vec<bool>,
    /// All that is never folded, in nanoseconds.
    rest_ns: f64,
    pad_px: f64,
    fold_px: f64,
    unit: f64,
    room_px: f64,
    lenses: bool,
}

impl<'a> Plan<'a> {
    fn new(pulse: &'a Pulse, view: &View) -> Plan<'a> {
        let foldable: Vec<bool> = pulse
            .idle
            .iter()
            .map(|idle| !view.to_scale && !view.unfolded.contains(&idle.from_ns))
            .collect();
        let folded = pulse.idle.iter().zip(&foldable).filter(|(_, may)| **may);
        let folds = folded.clone().count();
        let folded_ns: f64 = folded
            .map(|(idle, _)| length_ns(idle.from_ns, idle.to_ns))
            .sum();
        let mut fold_px = FOLD_PX * view.unit;
        if view.zoom == Zoom::Whole && folds > 0 {
            let share = view.length_px * 0.5 / folds as f64;
            fold_px = fold_px.min(share.max(FOLD_LEAST_PX));
        }
        Plan {
            pulse,
            foldable,
            rest_ns: (pulse.ns() - folded_ns).max(0.0),
            pad_px: PAD_PX * view.unit,
            fold_px,
            unit: view.unit,
            room_px: view.length_px,
            lenses: !view.to_scale && pulse.moments.len() <= LENS_MOMENTS_MAX,
        }
    }

    /// How long the picture is at a scale, without lenses.
    fn drawn_px(&self, scale: f64, fold_px: f64) -> f64 {
        let folds: f64 = self
            .pulse
            .idle
            .iter()
            .zip(&self.foldable)
            .filter(|(_, may)| **may)
            .map(|(idle, _)| (length_ns(idle.from_ns, idle.to_ns) * scale).min(fold_px))
            .sum();
        self.rest_ns * scale + folds
    }

    /// The scale at which the whole picture takes `room` pixels, folds included.
    fn scale_for(&self, room: f64, fold_px: f64) -> f64 {
        let (mut low, mut high) = (self.scale_least(), SCALE_MAX);
        if self.drawn_px(high, fold_px) <= room {
            return high;
        }
        for _ in 0..50 {
            let scale = (low * high).sqrt();
            if self.drawn_px(scale, fold_px) <= room {
                low = scale;
            } else {
                high = scale;
            }
        }
        low
    }

    /// The scale at which each burst has room for what it has to say, and none is longer than the window.
    fn readable(&self, room: f64) -> f64 {
        let mut wanted = 0.0_f64;
        let mut most = SCALE_MAX;
        for burst in &self.pulse.bursts {
            if burst.ns > 0.0 {
                let px = within(burst.rows as f64 * ROW_PX * self.unit, 48.0, room);
                wanted = wanted.max(px / burst.ns);
                most = most.min(room * 0.9 / burst.ns);
            }
        }
        if wanted == 0.0 { 0.0 } else { wanted.min(most) }
    }

    /// The least scale: the whole run in a quarter of the window.
    fn scale_least(&self) -> f64 {
        (self.room_px / 4.0 / self.pulse.ns().max(1.0)).min(SCALE_MAX)
    }

    /// The largest scale: no picture is longer than a browser scrolls.
    fn scale_most(&self) -> f64 {
        let most = LENGTH_MAX_PX / self.rest_ns.max(1.0);
        most.min(SCALE_MAX).max(self.scale_least())
    }

    fn pieces(&self, scale: f64) -> Vec<Planned> {
        let (Some(&first), Some(&last)) = (self.pulse.moments.first(), self.pulse.moments.last())
        else {
            return Vec::new();
        };
        let mut pieces = Vec::new();
        let mut from_ns = first;
        let folds = self.pulse.idle.iter().zip(&self.foldable);
        for (idle, may) in folds {
            let px = length_ns(idle.from_ns, idle.to_ns) * scale;
            // What would hardly be shorter for it is not folded.
            if *may && px > self.fold_px * 1.8 {
                self.plain(&mut pieces, from_ns, idle.from_ns, scale);
                pieces.push(Planned {
                    from_ns: idle.from_ns,
                    to_ns: idle.to_ns,
                    piece: Piece::Fold,
                    px: self.fold_px,
                });
                from_ns = idle.to_ns;
            }
        }
        self.plain(&mut pieces, from_ns, last, scale);
        pieces
    }

    /// A stretch between folds: plain, but for the crowded moments in it.
    fn plain(&self, pieces: &mut Vec<Planned>, from_ns: i64, to_ns: i64, scale: f64) {
        let mut push = |from_ns: i64, to_ns: i64, by: f64| {
            if to_ns <= from_ns {
                return;
            }
            pieces.push(Planned {
                from_ns,
                to_ns,
                piece: if by > 1.0 {
                    Piece::Lens(by)
                } else {
                    Piece::Plain
                },
                px: length_ns(from_ns, to_ns) * scale * by,
            });
        };
        let mut plain_from = from_ns;
        if self.lenses {
            let moments = &self.pulse.moments;
            let first = moments.partition_point(|&ns| ns < from_ns);
            let last = moments.partition_point(|&ns| ns <= to_ns);
            let moments = moments.get(first..last).unwrap_or_default();
            let crowded = CROWDED_PX * self.unit / scale;
            for cluster in moments.chunk_by(|a, b| length_ns(*a, *b) < crowded) {
                let (Some(&a), Some(&b)) = (cluster.first(), cluster.last()) else {
                    continue;
                };
                let by = self.lens(cluster, scale);
                if by > 1.0 {
                    push(plain_from, a, 1.0);
                    push(a, b, by);
                    plain_from = b;
                }
            }
        }
        push(plain_from, to_ns, 1.0);
    }

    /// By how much a cluster of crowded moments is drawn larger: 1 where it need not be.
    fn lens(&self, cluster: &[i64], scale: f64) -> f64 {
        if cluster.len() < 3 {
            return 1.0;
        }
        let mut gaps: Vec<f64> = cluster
            .windows(2)
            .map(|two| length_ns(two[0], two[1]))
            .collect();
        order::by_length(&mut gaps, |gap| *gap);
        let (Some(&median), Some(&a), Some(&b)) =
            (gaps.get(gaps.len() / 2), cluster.first(), cluster.last())
        else {
            return 1.0;
        };
        let most = (self.room_px * 0.22).min(LENS_STEP_PX * 2.0 * self.unit * gaps.len() as f64);
        let by =
            (LENS_STEP_PX * self.unit / (median * scale)).min(most / (length_ns(a, b) * scale));
        round_factor(by)
    }

    fn axis(&self, (pieces, scale): (Vec<Planned>, f64)) -> (Axis, f64) {
        let axis = Axis::new(pieces, self.pad_px, scale);
        let (_, end) = axis.bounds_px();
        (axis, end + self.pad_px)
    }
}

/// A factor that can be said: 2, 3, 5, 7 × 10ⁿ, not above what was asked for; 1 below 2.
fn round_factor(by: f64) -> f64 {
    if !by.is_finite() || by < 2.0 {
        return 1.0;
    }
    let power = 10_f64.powi(by.log10().floor() as i32);
    let digit = by / power;
    let round = [7.0, 5.0, 3.0, 2.0, 1.0]
        .into_iter()
        .find(|d| *d <= digit)
        .unwrap_or(1.0);
    round * power
}

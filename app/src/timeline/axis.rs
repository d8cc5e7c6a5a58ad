//! The time axis: from nanoseconds to pixels and back, piece by piece.
//!
//! One scale holds for the whole picture. Two kinds of pieces are off it, and both say so where they stand: a *fold*
//! (an idle stretch, drawn short between torn edges) and a *lens* (a crowded moment, drawn larger by a stated factor).
//! In every piece the mapping is linear and rising, so order is kept and each pixel is a moment.

/// What a piece of the axis is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Piece {
    /// On the picture's scale.
    Plain,
    /// An idle stretch, drawn short.
    Fold,
    /// A crowded moment, drawn larger by this factor.
    Lens(f64),
}

/// A piece of the axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// Where it begins, in nanoseconds since the picture's origin.
    pub from_ns: i64,
    /// Where it ends, in nanoseconds; after `from_ns`.
    pub to_ns: i64,
    /// Where it begins, in pixels along the axis.
    pub from_px: f64,
    /// Where it ends, in pixels.
    pub to_px: f64,
    /// What it is.
    pub piece: Piece,
}

impl Segment {
    /// How long it lasts, in nanoseconds.
    pub fn ns(&self) -> f64 {
        length_ns(self.from_ns, self.to_ns)
    }

    /// Its scale, in pixels per nanosecond.
    pub fn scale(&self) -> f64 {
        (self.to_px - self.from_px) / self.ns()
    }
}

/// Nanoseconds to pixels and back.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    segments: Vec<Segment>,
    scale: f64,
}

/// A piece of the axis before it has its place.
#[derive(Debug, Clone, Copy)]
pub struct Planned {
    /// Where it begins, in nanoseconds.
    pub from_ns: i64,
    /// Where it ends, in nanoseconds.
    pub to_ns: i64,
    /// What it is.
    pub piece: Piece,
    /// How long it is drawn, in pixels.
    pub px: f64,
}

/// A mark on the axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// Where, in pixels.
    pub px: f64,
    /// Which moment, in nanoseconds.
    pub at_ns: i64,
    /// What it says: `20 ms`, or `+5 µs` after the moment of the last anchor.
    pub label: String,
    /// The first tick after a fold, which later ones may count from.
    pub anchor: bool,
}

impl Axis {
    /// An axis of these pieces, which follow one another without a gap. Outside of them the scale goes on.
    pub fn new(pieces: impl IntoIterator<Item = Planned>, start_px: f64, scale: f64) -> Axis {
        let mut segments: Vec<Segment> = Vec::new();
        let mut px = start_px;
        for planned in pieces {
            if planned.to_ns <= planned.from_ns {
                continue;
            }
            let to_px = px + planned.px.max(f64::MIN_POSITIVE);
            match segments.last_mut() {
                // Neighbours on the picture's scale are one piece.
                Some(last) if last.piece == Piece::Plain && planned.piece == Piece::Plain => {
                    last.to_ns = planned.to_ns;
                    last.to_px = to_px;
                }
                _ => segments.push(Segment {
                    from_ns: planned.from_ns,
                    to_ns: planned.to_ns,
                    from_px: px,
                    to_px,
                    piece: planned.piece,
                }),
            }
            px = to_px;
        }
        if segments.is_empty() {
            segments.push(Segment {
                from_ns: 0,
                to_ns: 1,
                from_px: start_px,
                to_px: start_px + scale,
                piece: Piece::Plain,
            });
        }
        Axis { segments, scale }
    }

    /// The same axis, further along by so many pixels.
    pub fn shifted(mut self, by_px: f64) -> Axis {
        for segment in &mut self.segments {
            segment.from_px += by_px;
            segment.to_px += by_px;
        }
        self
    }

    /// The pieces, in order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The picture's scale, in pixels per nanosecond: that of every plain piece.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Where the first piece begins and the last one ends, in pixels.
    pub fn bounds_px(&self) -> (f64, f64) {
        let first = self.segments.first().map_or(0.0, |first| first.from_px);
        let last = self.segments.last().map_or(0.0, |last| last.to_px);
        (first, last)
    }

    /// Where a moment stands, in pixels.
    pub fn px(&self, ns: i64) -> f64 {
        let after = self
            .segments
            .partition_point(|segment| segment.from_ns <= ns);
        let Some(segment) = self.segments.get(after.saturating_sub(1)) else {
            return 0.0;
        };
        if ns < segment.from_ns {
            return segment.from_px - length_ns(ns, segment.from_ns) * self.scale;
        }
        if ns > segment.to_ns {
            return segment.to_px + length_ns(segment.to_ns, ns) * self.scale;
        }
        let part = length_ns(segment.from_ns, ns) / segment.ns();
        segment.from_px + (segment.to_px - segment.from_px) * part
    }

    /// Which moment stands at a pixel, in nanoseconds.
    pub fn ns(&self, px: f64) -> i64 {
        let after = self
            .segments
            .partition_point(|segment| segment.from_px <= px);
        let Some(segment) = self.segments.get(after.saturating_sub(1)) else {
            return 0;
        };
        if px < segment.from_px {
            let before = (segment.from_px - px) / self.scale;
            return segment.from_ns.saturating_sub(before.round() as i64);
        }
        if px > segment.to_px {
            let after = (px - segment.to_px) / self.scale;
            return segment.to_ns.saturating_add(after.round() as i64);
        }
        let part = (px - segment.from_px) / (segment.to_px - segment.from_px);
        let ns = segment
            .from_ns
            .saturating_add((segment.ns() * part).round() as i64);
        ns.clamp(segment.from_ns, segment.to_ns)
    }

    /// The ticks between two pixels, at round times, at least `apart_px` from one another.
    pub fn ticks(&self, from_px: f64, to_px: f64, apart_px: f64) -> Vec<Tick> {
        let mut ticks: Vec<Tick> = Vec::new();
        let mut anchor_ns = 0;
        let mut free_px = f64::MIN;
        for (place, segment) in self.segments.iter().enumerate() {
            let after_fold = place > 0
                && self
                    .segments
                    .get(place - 1)
                    .is_some_and(|before| before.piece == Piece::Fold);
            if after_fold {
                anchor_ns = round_before(segment.from_ns, segment.scale(), apart_px);
            }
            if segment.to_px < from_px {
                continue;
            }
            if segment.from_px > to_px {
                break;
            }
            if segment.piece == Piece::Fold {
                free_px = free_px.max(segment.to_px);
                continue;
            }
            let step = round_step(apart_px / segment.scale());
            let first = {
                let visible = self.ns(from_px.max(segment.from_px)).max(segment.from_ns);
                round_up(visible.saturating_sub(anchor_ns), step).saturating_add(anchor_ns)
            };
            let mut at_ns = first;
            let mut tick = 0;
            // What is visible holds a bounded number of ticks; the count is a guard against a broken axis.
            while at_ns <= segment.to_ns && tick < 2_000 {
                let px = self.px(at_ns);
                if px > to_px {
                    break;
                }
                if px >= free_px {
                    ticks.push(Tick {
                        px,
                        at_ns,
                        label: tick_label(at_ns, anchor_ns, step),
                        anchor: false,
                    });
                    free_px = px + apart_px * 0.8;
                }
                let Some(next) = at_ns.checked_add(step) else {
                    break;
                };
                at_ns = next;
                tick += 1;
            }
        }
        ticks
    }
}

/// From one moment to a later one, in nanoseconds.
pub fn length_ns(from_ns: i64, to_ns: i64) -> f64 {
    // The difference of two `i64` of which the second is not below the first always fits a `u64`.
    to_ns.wrapping_sub(from_ns) as u64 as f64
}

/// The least of 1, 2, 5 × 10ⁿ that is not below `ns`.
pub fn round_step(ns: f64) -> i64 {
    let mut power = 1_i64;
    loop {
        for digit in [1, 2, 5] {
            let step = power.saturating_mul(digit);
            if step as f64 >= ns || step == i64::MAX {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// The moment that ticks after a fold count from: round, and not after where the piece begins.
fn round_before(ns: i64, scale: f64, apart_px: f64) -> i64 {
    let step = round_step(apart_px / scale);
    ns.div_euclid(step).saturating_mul(step)
}

fn round_up(ns: i64, step: i64) -> i64 {
    let down = ns.div_euclid(step).saturating_mul(step);
    if down == ns {
        ns
    } else {
        down.saturating_add(step)
    }
}

/// `41.2 ms`; or, where that would take more than four figures, `+5 µs` counted from the anchor.
fn tick_label(at_ns: i64, anchor_ns: i64, step: i64) -> String {
    let figures = at_ns.unsigned_abs() / step.unsigned_abs().max(1);
    if figures < 10_000 || at_ns == anchor_ns {
        return in_unit(at_ns);
    }
    let mut label = String::from("+");
    label.push_str(&in_unit(at_ns.saturating_sub(anchor_ns)));
    label
}

/// A time with all its figures: `0`, `250 µs`, `1.5 ms`, `2 s`.
fn in_unit(ns: i64) -> String {
    if ns == 0 {
        return "0".to_owned();
    }
    let size = ns.unsigned_abs();
    let (unit, name) = match size {
        0..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let mut text = String::new();
    if ns < 0 {
        text.push('−');
    }
    text.push_str(&(size / unit).to_string());
    let (mut rest, mut unit) = (size % unit, unit);
    if rest > 0 {
        text.push('.');
    }
    while rest > 0 {
        unit /= 10;
        text.push_str(&(rest / unit).to_string());
        rest %= unit;
    }
    text.push(' ');
    text.push_str(name);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn axis() -> Axis {
        let plan = |from_ns, to_ns, piece, px| Planned {
            from_ns,
            to_ns,
            piece,
            px,
        };
        Axis::new(
            [
                plan(0, 1_000_000, Piece::Plain, 100.0),
                plan(1_000_000, 41_000_000, Piece::Fold, 40.0),
                plan(41_000_000, 41_050_000, Piece::Lens(10.0), 50.0),
                plan(41_050_000, 43_050_000, Piece::Plain, 200.0),
            ],
            10.0,
            1e-4,
        )
    }

    #[test]
    fn pieces_stand_one_after_the_other() {
        let axis = axis();
        assert_eq!(axis.bounds_px(), (10.0, 400.0));
        assert_eq!(axis.px(0), 10.0);
        assert_eq!(axis.px(500_000), 60.0);
        assert_eq!(axis.px(41_000_000), 150.0);
        assert_eq!(axis.px(41_025_000), 175.0);
        assert_eq!(axis.px(-100_000), 0.0);
        assert_eq!(axis.px(44_050_000), 500.0);
        assert_eq!(axis.ns(175.0), 41_025_000);
    }

    #[test]
    fn ticks_are_round_and_say_their_unit() {
        let axis = axis();
        let labels: Vec<String> = axis
            .ticks(0.0, 400.0, 45.0)
            .into_iter()
            .map(|tick| tick.label)
            .collect();
        assert_eq!(
            labels,
            [
                "0", "500 µs", "1 ms", "41 ms", "41.05 ms", "41.5 ms", "42 ms", "42.5 ms", "43 ms"
            ]
        );
    }

    #[test]
    fn long_figures_count_from_the_last_anchor() {
        assert_eq!(tick_label(41_200_000, 41_000_000, 200_000), "41.2 ms");
        assert_eq!(tick_label(5_203_000_000, 5_203_000_000, 1_000), "5.203 s");
        assert_eq!(tick_label(5_203_005_000, 5_203_000_000, 5_000), "+5 µs");
        assert_eq!(tick_label(-1_500_000, 0, 500_000), "−1.5 ms");
    }

    #[test]
    fn steps_are_one_two_or_five() {
        for (ns, step) in [(0.1, 1), (1.0, 1), (1.1, 2), (3.0, 5), (7_000.0, 10_000)] {
            assert_eq!(round_step(ns), step);
        }
        assert_eq!(round_step(f64::INFINITY), i64::MAX);
    }

    proptest! {
        #[test]
        fn order_is_kept_and_pixels_lead_back(
            gaps in prop::collection::vec((1_i64..1_000_000_000, 0_u8..3, 1.0_f64..500.0), 1..40),
            at in prop::collection::vec(0.0_f64..1.0, 2..50),
        ) {
            let mut ns = -5_000_000;
            let scale = 1e-4;
            let pieces = gaps.iter().map(|(gap, kind, px)| {
                let from_ns = ns;
                ns += gap;
                let (piece, px) = match kind {
                    0 => (Piece::Plain, *gap as f64 * scale),
                    1 => (Piece::Fold, *px),
                    _ => (Piece::Lens(2.0), *gap as f64 * scale * 2.0),
                };
                Planned { from_ns, to_ns: ns, piece, px }
            }).collect::<Vec<_>>();
            let axis = Axis::new(pieces, 0.0, scale);
            let mut times: Vec<i64> =
                at.iter().map(|part| -6_000_000 + (part * (ns + 7_000_000) as f64) as i64).collect();
            times.sort_unstable();
            times.dedup();
            let px: Vec<f64> = times.iter().map(|ns| axis.px(*ns)).collect();
            prop_assert!(px.windows(2).all(|two| two[0] < two[1]), "{px:?}");
            for (ns, px) in times.iter().zip(&px) {
                let back = axis.ns(*px);
                let per_px = axis.segments().iter().map(|s| 1.0 / s.scale()).fold(1.0 / scale, f64::max);
                prop_assert!((back - ns).abs() as f64 <= 1.0 + per_px * 1e-6, "{ns} came back as {back}");
            }
            let (first, last) = axis.bounds_px();
            let ticks = axis.ticks(first, last, 40.0);
            prop_assert!(ticks.windows(2).all(|two| two[1].px - two[0].px >= 40.0 * 0.79));
            prop_assert!(ticks.iter().all(|tick| (axis.px(tick.at_ns) - tick.px).abs() < 1e-6));
        }
    }
}

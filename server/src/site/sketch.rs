//! Small ladders drawn as SVG by the server: lanes side by side, time downwards, slanted arrows for what travels.
//!
//! A sketch shows an order, not times; the timeline on a lab's page is measured. Lengths are CSS pixels at a root size
//! of 16 px; the picture is sized in rem, so that it grows with the reader's type.

use maud::{Markup, html};
use wire::trace::LaneKind;

use super::lanes;

/// A ladder.
#[derive(Debug)]
pub(super) struct Sketch {
    /// What it shows, in words, for those who do not see it.
    pub(super) says: &'static str,
    /// Who, from left to right.
    pub(super) lanes: &'static [(LaneKind, &'static str)],
    /// The distance between two lanes.
    pub(super) step: u16,
    /// The height below the lane heads.
    pub(super) height: u16,
    /// What happens.
    pub(super) marks: &'static [Mark],
}

/// One thing on a ladder; places are counted from the lane heads down.
#[derive(Debug, Clone, Copy)]
pub(super) enum Mark {
    /// Something that travels from one lane to another.
    Arrow {
        from: usize,
        to: usize,
        at: u16,
        takes: u16,
        words: &'static str,
    },
    /// Something that takes time in a lane; the words stand to its right.
    Bar {
        lane: usize,
        at: u16,
        until: u16,
        words: &'static str,
    },
    /// The end of something that was cut.
    Cut {
        from: usize,
        at: u16,
        words: &'static str,
    },
    /// How far the clock of a lane may be off.
    Error { lane: usize, at: u16 },
    /// Idle time, folded.
    Fold { at: u16, words: &'static str },
}

const HEAD: u16 = 34;
const BAR: u16 = 10;

impl Sketch {
    fn x(&self, lane: usize) -> u16 {
        self.step / 2 + self.step * u16::try_from(lane).unwrap_or(u16::MAX)
    }

    fn class(&self, lane: usize) -> &'static str {
        self.lanes
            .get(lane)
            .map_or("lane-network", |(kind, _)| lanes::class(*kind))
    }

    /// The picture.
    pub(super) fn svg(&self) -> Markup {
        let count = u16::try_from(self.lanes.len()).unwrap_or(1);
        let (width, height) = (self.step * count, self.height + HEAD);
        html! {
            svg.sketch role="img" aria-label=(self.says) viewBox={ "0 0 " (width) " " (height) }
                width={ (f32::from(width) / 16.0) "rem" } height={ (f32::from(height) / 16.0) "rem" } {
                @for (lane, (kind, words)) in self.lanes.iter().enumerate() {
                    g class=(lanes::class(*kind)) {
                        line.lifeline x1=(self.x(lane)) x2=(self.x(lane)) y1=(HEAD - 6) y2=(height) {}
                        text.head x=(self.x(lane)) y="15" { (words) }
                    }
                }
                @for mark in self.marks { (self.mark(*mark, width)) }
            }
        }
    }

    fn mark(&self, mark: Mark, width: u16) -> Markup {
        match mark {
            Mark::Arrow {
                from,
                to,
                at,
                takes,
                words,
            } => {
                let (x1, x2) = (self.x(from), self.x(to));
                // It ends beside a bar, not under it.
                let gap = |from: u16, to: u16| {
                    if to > from {
                        to - BAR / 2 - 1
                    } else {
                        to + BAR / 2 + 1
                    }
                };
                let (y1, y2) = (HEAD + at, HEAD + at + takes);
                let tip = gap(x1, x2);
                let back = if x2 > x1 { tip - 8 } else { tip + 8 };
                // The words stand clear of the slope: half their width (about 7 px a letter) at its steepness.
                let half = u16::try_from(words.len()).unwrap_or(u16::MAX) * 7 / 2;
                let clear = 4 + half * takes / x1.abs_diff(x2).max(1);
                html! {
                    g.travels.(self.class(from)) {
                        line x1=(gap(x2, x1)) y1=(y1) x2=(tip) y2=(y2) {}
                        path.tip d={ "M" (tip) " " (y2) "L" (back) " " (y2 - 5) "L" (back) " " (y2 + 3) "Z" } {}
                        text.words x=(x1.midpoint(x2)) y=(y1.midpoint(y2) - clear) { (words) }
                    }
                }
            }
            Mark::Bar {
                lane,
                at,
                until,
                words,
            } => html! {
                g.takes.(self.class(lane)) {
                    rect x=(self.x(lane) - BAR / 2) y=(HEAD + at) width=(BAR) height=(until - at) rx="2" {}
                    text.beside x=(self.x(lane) + BAR) y=(HEAD + at.midpoint(until) + 5) { (words) }
                }
            },
            Mark::Cut { from, at, words } => {
                let (x, y) = (self.x(from), HEAD + at);
                html! {
                    g.travels.(self.class(from)) {
                        line x1=(x + BAR / 2 + 1) y1=(y) x2=(x + self.step / 3) y2=(y + 6) {}
                        path.cut d={ "M" (x + self.step / 3 - 2) " " (y) "l8 12m0 -12l-8 12" } {}
                        text.beside x=(x + self.step / 3 + 12) y=(y + 11) { (words) }
                    }
                }
            }
            Mark::Error { lane, at } => html! {
                rect.error.(self.class(lane)) x=(self.x(lane) - BAR) y=(HEAD + at - 5) width=(BAR * 2) height="10" {}
            },
            Mark::Fold { at, words } => {
                let y = HEAD + at;
                let teeth: String = (0..width / 8)
                    .map(|tooth| if tooth % 2 == 0 { "l8 4" } else { "l8 -4" })
                    .collect();
                html! {
                    g.fold {
                        path.gap d={ "M0 " (y) (teeth) "v12" "H0Z" } {}
                        path.edge d={ "M0 " (y) (teeth) } {}
                        path.edge d={ "M0 " (y + 12) (teeth) } {}
                        text.words x=(width / 2) y=(y + 12) { (words) }
                    }
                }
            }
        }
    }
}

/// The heads of lanes with their lifelines, filling the place that they stand in.
pub(super) struct Heads<'a>(pub(super) &'a [LaneKind]);

impl Heads<'_> {
    /// Nothing that a screen reader needs: the timeline names its lanes itself.
    pub(super) fn markup(&self) -> Markup {
        html! {
            div.ghost-lanes aria-hidden="true" {
                @for lane in self.0 {
                    div.ghost-lane.(lanes::class(*lane)) { (lanes::word(*lane, lanes::label(*lane))) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::sketches;
    use wire::Lab;

    #[test]
    fn every_mark_lies_within_its_sketch() {
        for sketch in Lab::ALL
            .into_iter()
            .map(sketches::of)
            .chain([&sketches::FIRST])
        {
            let lanes = sketch.lanes.len();
            for mark in sketch.marks {
                let (lane, end) = match *mark {
                    Mark::Arrow {
                        from,
                        to,
                        at,
                        takes,
                        ..
                    } => (from.max(to), at + takes),
                    Mark::Bar { lane, until, .. } => (lane, until),
                    Mark::Cut { from, at, .. } => (from + 1, at + 12),
                    Mark::Error { lane, at } => (lane, at + 5),
                    Mark::Fold { at, .. } => (0, at + 16),
                };
                assert!(lane < lanes && end < sketch.height, "{mark:?}");
            }
        }
    }
}

//! Times, lanes' lines, torn edges: what the marks stand on.

use super::{Pen, palette::dashes};
use crate::timeline::{
    axis::{Piece, Segment},
    scene::Picture,
};

/// How far apart ticks stand at least: down, and across where their words lie side by side.
const TICKS_DOWN_PX: f64 = 44.0;
const TICKS_ACROSS_PX: f64 = 84.0;
/// How long a lens is at least for its factor to be written beside it.
const FACTOR_PX: f64 = 14.0;

impl Pen<'_> {
    fn ticks_apart(&self) -> f64 {
        self.frame.unit
            * match self.scene.picture {
                Picture::Ladder => TICKS_DOWN_PX,
                Picture::Waterfall => TICKS_ACROSS_PX,
            }
    }

    /// Thin lines at round times, all across the window.
    pub(super) fn grid(&self, from_px: f64, to_px: f64) {
        let ctx = self.ctx;
        ctx.set_stroke_style_str(&self.palette.rule);
        ctx.set_line_width(1.0);
        for tick in self.scene.axis.ticks(from_px, to_px, self.ticks_apart()) {
            let at = tick.px.round() + 0.5;
            match self.scene.picture {
                Picture::Ladder => self.line(self.scene.gutter_px, at, self.scene.size.0, at),
                Picture::Waterfall => self.line(at, 0.0, at, self.scene.size.1),
            }
        }
    }

    /// Where the axis is drawn larger: a tinted band, and in the gutter by how much.
    pub(super) fn lenses(&self, from_px: f64, to_px: f64) {
        let ctx = self.ctx;
        for segment in self.pieces(from_px, to_px) {
            if let Piece::Lens(_) = segment.piece {
                ctx.set_fill_style_str(&self.palette.sunk);
                let length = segment.to_px - segment.from_px;
                match self.scene.picture {
                    Picture::Ladder => {
                        let left = self.scene.gutter_px;
                        ctx.fill_rect(left, segment.from_px, self.scene.size.0 - left, length);
                    }
                    Picture::Waterfall => {
                        ctx.fill_rect(segment.from_px, 0.0, length, self.scene.size.1);
                    }
                }
            }
        }
    }

    /// The line of each lane; in the waterfall, what separates rows.
    pub(super) fn tracks(&self) {
        let ctx = self.ctx;
        let unit = self.frame.unit;
        let (left, top) = self.frame.scroll;
        for (place, track) in self.scene.tracks.iter().enumerate() {
            match self.scene.picture {
                Picture::Ladder => {
                    ctx.set_stroke_style_str(&self.palette.lane(track.lane).area);
                    ctx.set_global_alpha(0.45);
                    ctx.set_line_width(2.0 * unit);
                    self.line(track.line, top, track.line, top + self.frame.height);
                    ctx.set_global_alpha(1.0);
                    let next_run = place > 0
                        && self
                            .scene
                            .tracks
                            .get(place - 1)
                            .is_some_and(|before| before.source != track.source);
                    if next_run {
                        ctx.set_stroke_style_str(&self.palette.rule_strong);
                        ctx.set_line_width(1.0);
                        self.line(track.from, top, track.from, top + self.frame.height);
                    }
                }
                Picture::Waterfall => {
                    ctx.set_stroke_style_str(&self.palette.rule);
                    ctx.set_line_width(1.0);
                    let y = track.to.round() + 0.5;
                    self.line(left, y, left + self.frame.width, y);
                }
            }
        }
    }

    /// Idle stretches: paper torn out of the picture.
    pub(super) fn folds(&self, from_px: f64, to_px: f64) {
        let ctx = self.ctx;
        let unit = self.frame.unit;
        let (left, top) = self.frame.scroll;
        for segment in self.pieces(from_px, to_px) {
            if segment.piece != Piece::Fold {
                continue;
            }
            let length = segment.to_px - segment.from_px;
            let tooth = (5.0 * unit).min(length / 3.0);
            let inset = (length * 0.16).min(6.0 * unit);
            let (a, b) = (segment.from_px + inset, segment.to_px - inset);
            let (start, end) = match self.scene.picture {
                Picture::Ladder => (left, left + self.frame.width),
                Picture::Waterfall => (top, top + self.frame.height),
            };
            let step = 14.0 * unit;
            let first = (start / step).floor() * step;
            let put = |along: f64, across: f64, begins: bool| {
                let (x, y) = match self.scene.picture {
                    Picture::Ladder => (across, along),
                    Picture::Waterfall => (along, across),
                };
                if begins {
                    ctx.move_to(x, y);
                } else {
                    ctx.line_to(x, y);
                }
            };
            let edge = |at: f64, back: bool, begins: bool| {
                let teeth = ((end - first) / step * 2.0).ceil() as usize + 1;
                for n in 0..=teeth {
                    let n = if back { teeth - n } else { n };
                    let off = if n % 2 == 0 {
                        -tooth / 2.0
                    } else {
                        tooth / 2.0
                    };
                    let is_first = begins && if back { n == teeth } else { n == 0 };
                    put(at + off, first + n as f64 * step / 2.0, is_first);
                }
            };
            ctx.set_fill_style_str(&self.palette.sunk);
            ctx.begin_path();
            edge(a, false, true);
            edge(b, true, false);
            ctx.close_path();
            ctx.fill();
            ctx.set_stroke_style_str(&self.palette.rule_strong);
            ctx.set_line_width(1.0);
            ctx.begin_path();
            edge(a, false, true);
            ctx.stroke();
            ctx.begin_path();
            edge(b, false, true);
            ctx.stroke();
            self.through(segment, a, b);
        }
    }

    /// What lasted all through an idle stretch shows through the torn-out paper: nothing happened, but somebody worked or
    /// waited.
    fn through(&self, fold: &Segment, a: f64, b: f64) {
        let ctx = self.ctx;
        let marks = self.scene.marks_between(fold.from_px, fold.to_px);
        for mark in self.scene.marks.get(marks).unwrap_or_default() {
            let lasts = mark.from_px < fold.from_px && mark.to_px > fold.to_px;
            if !lasts || self.frame.until_px.is_some_and(|until| until < fold.to_px) {
                continue;
            }
            ctx.set_fill_style_str(&self.palette.lane(mark.lane).area);
            ctx.set_global_alpha(0.5);
            let (x, y, w, h) = (mark.rect.x, mark.rect.y, mark.rect.w, mark.rect.h);
            match self.scene.picture {
                Picture::Ladder => ctx.fill_rect(x + w * 0.25, a, w * 0.5, b - a),
                Picture::Waterfall => ctx.fill_rect(a, y + h * 0.25, b - a, h * 0.5),
            }
            ctx.set_global_alpha(1.0);
        }
    }

    /// The gutter with the times, or with the rows' names, over whatever is scrolled beneath it.
    pub(super) fn edge(&self, from_px: f64, to_px: f64) {
        match self.scene.picture {
            Picture::Ladder => self.gutter(from_px, to_px),
            Picture::Waterfall => self.names(from_px, to_px),
        }
    }

    fn gutter(&self, from_px: f64, to_px: f64) {
        let ctx = self.ctx;
        let unit = self.frame.unit;
        let (left, top) = self.frame.scroll;
        let width = self.scene.gutter_px;
        let right = width - 8.0 * unit;
        if left > 0.0 {
            ctx.set_fill_style_str(&self.palette.paper);
            ctx.fill_rect(0.0, 0.0, width, self.frame.height);
        }
        ctx.set_stroke_style_str(&self.palette.rule_strong);
        ctx.set_line_width(1.0);
        let edge = width.round() - 0.5;
        self.line(edge, 0.0, edge, self.frame.height);
        ctx.set_text_align("right");
        ctx.set_text_baseline("middle");
        self.set_font("400");
        ctx.set_fill_style_str(&self.palette.ink_3);
        for tick in self.scene.axis.ticks(from_px, to_px, self.ticks_apart()) {
            let y = tick.px - top;
            if !self.has_factor_at(tick.px) {
                ctx.fill_text(&tick.label, right, y + 0.5).ok();
            }
            self.line(
                edge - 6.0 * unit,
                tick.px.round() - top + 0.5,
                edge,
                tick.px.round() - top + 0.5,
            );
        }
        for segment in self.pieces(from_px, to_px) {
            let (a, b) = (segment.from_px - top, segment.to_px - top);
            match segment.piece {
                Piece::Plain => {}
                Piece::Fold => self.fold_words(segment, width / 2.0, (a + b) / 2.0, b - a),
                Piece::Lens(by) => {
                    // A bracket: so many times larger than the rest.
                    ctx.set_stroke_style_str(&self.palette.ink_3);
                    ctx.set_line_width(2.0 * unit);
                    ctx.begin_path();
                    ctx.move_to(edge - 5.0 * unit, a);
                    ctx.line_to(edge, a);
                    ctx.line_to(edge, b);
                    ctx.line_to(edge - 5.0 * unit, b);
                    ctx.stroke();
                    ctx.set_line_width(1.0);
                    if b - a >= FACTOR_PX * unit {
                        ctx.set_fill_style_str(&self.palette.ink_2);
                        self.set_font("600");
                        ctx.fill_text(&times(by), right, (a + b) / 2.0 + 0.5).ok();
                    }
                }
            }
        }
    }

    /// Does a lens's factor stand where the words of a tick here would?
    fn has_factor_at(&self, px: f64) -> bool {
        let apart = 17.0 * self.frame.unit;
        self.pieces(px - apart, px + apart).any(|segment| {
            let (from, to) = (segment.from_px, segment.to_px);
            matches!(segment.piece, Piece::Lens(_))
                && to - from >= FACTOR_PX * self.frame.unit
                && ((from + to) / 2.0 - px).abs() < apart
        })
    }

    /// How long a fold is, in the middle of it.
    fn fold_words(&self, segment: &Segment, x: f64, y: f64, room: f64) {
        if room < 17.0 * self.frame.unit {
            return;
        }
        let ctx = self.ctx;
        self.set_font("600");
        ctx.set_fill_style_str(&self.palette.ink);
        ctx.set_text_align("center");
        ctx.set_text_baseline("middle");
        let words = wire::time::duration(segment.to_ns.saturating_sub(segment.from_ns));
        ctx.fill_text(&words, x, y + 0.5).ok();
        ctx.set_text_align("right");
        self.set_font("400");
        ctx.set_fill_style_str(&self.palette.ink_3);
    }

    fn names(&self, from_px: f64, to_px: f64) {
        let ctx = self.ctx;
        let unit = self.frame.unit;
        let (left, top) = self.frame.scroll;
        let width = self.scene.gutter_px;
        // The times along the top.
        let band = 26.0 * unit;
        ctx.set_fill_style_str(&self.palette.paper);
        ctx.fill_rect(0.0, 0.0, self.frame.width, band);
        ctx.set_fill_style_str(&self.palette.ink_3);
        ctx.set_text_align("left");
        ctx.set_text_baseline("middle");
        self.set_font("400");
        for tick in self.scene.axis.ticks(from_px, to_px, self.ticks_apart()) {
            ctx.fill_text(&tick.label, tick.px - left + 5.0 * unit, band / 2.0)
                .ok();
        }
        for segment in self.pieces(from_px, to_px) {
            let (a, b) = (segment.from_px - left, segment.to_px - left);
            match segment.piece {
                Piece::Plain => {}
                Piece::Fold => {
                    let y = top_of_fold(self.frame.height, band);
                    ctx.save();
                    ctx.translate((a + b) / 2.0, y).ok();
                    ctx.rotate(-std::f64::consts::FRAC_PI_2).ok();
                    self.fold_words(segment, 0.0, 0.0, b - a);
                    ctx.restore();
                    ctx.set_text_align("left");
                }
                Piece::Lens(by) => {
                    ctx.set_stroke_style_str(&self.palette.ink_3);
                    ctx.set_line_width(2.0 * unit);
                    self.line(a, band, b, band);
                    ctx.set_line_width(1.0);
                    if b - a >= 26.0 * unit {
                        ctx.set_fill_style_str(&self.palette.paper);
                        ctx.fill_rect(a, 2.0, b - a, band - 4.0);
                        ctx.set_fill_style_str(&self.palette.ink_2);
                        ctx.set_text_align("center");
                        ctx.fill_text(&times(by), (a + b) / 2.0, band / 2.0).ok();
                        ctx.set_text_align("left");
                        ctx.set_fill_style_str(&self.palette.ink_3);
                    }
                }
            }
        }
        // The rows' names at the left.
        ctx.set_fill_style_str(&self.palette.paper);
        ctx.fill_rect(0.0, band, width, self.frame.height - band);
        ctx.set_stroke_style_str(&self.palette.rule_strong);
        self.line(0.0, band - 0.5, self.frame.width, band - 0.5);
        self.line(width - 0.5, 0.0, width - 0.5, self.frame.height);
        ctx.save();
        ctx.begin_path();
        ctx.rect(0.0, band, width - 8.0, self.frame.height - band);
        ctx.clip();
        for track in &self.scene.tracks {
            let (a, b) = (track.from - top, track.to - top);
            if b < band || a > self.frame.height {
                continue;
            }
            let middle = (a + b) / 2.0;
            let two = !track.note.is_empty();
            let size = 10.0 * unit;
            ctx.set_fill_style_str(&self.palette.lane(track.lane).area);
            let y = if two { middle - 10.0 * unit } else { middle };
            let shape = crate::timeline::scene::Rect {
                x: 2.0 * unit,
                y: y - size / 2.0,
                w: size,
                h: size,
            };
            self.shape(track.lane, &shape);
            ctx.fill();
            ctx.set_fill_style_str(&self.palette.ink);
            ctx.fill_text(&track.name, 18.0 * unit, y).ok();
            if two {
                ctx.set_fill_style_str(&self.palette.ink_3);
                ctx.fill_text(&track.note, 18.0 * unit, middle + 10.0 * unit)
                    .ok();
            }
            ctx.set_stroke_style_str(&self.palette.rule);
            self.line(0.0, b.round() + 0.5, width, b.round() + 0.5);
        }
        ctx.restore();
    }

    /// Now, in a replay or where it stands still.
    pub(super) fn playhead(&self) {
        let Some(at) = self.frame.until_px else {
            return;
        };
        let ctx = self.ctx;
        let (left, top) = self.frame.scroll;
        ctx.set_stroke_style_str(&self.palette.ink);
        ctx.set_line_width(1.5 * self.frame.unit);
        ctx.set_line_dash(&dashes(&[])).ok();
        match self.scene.picture {
            Picture::Ladder => self.line(left, at, left + self.frame.width, at),
            Picture::Waterfall => self.line(at, top, at, top + self.frame.height),
        }
    }

    fn pieces(&self, from_px: f64, to_px: f64) -> impl Iterator<Item = &Segment> {
        let segments = self.scene.axis.segments();
        let first = segments.partition_point(|segment| segment.to_px < from_px);
        let last = segments.partition_point(|segment| segment.from_px <= to_px);
        segments
            .get(first..last.max(first))
            .unwrap_or_default()
            .iter()
    }
}

fn top_of_fold(height: f64, band: f64) -> f64 {
    (height + band) / 2.0
}

/// `×20`.
fn times(by: f64) -> String {
    ["×", &(by.round() as i64).to_string()].concat()
}

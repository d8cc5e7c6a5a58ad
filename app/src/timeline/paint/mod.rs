//! Drawing a [`Scene`] on a canvas: what is in the window, and nothing else.

mod axis;
mod marks;
pub(crate) mod palette;

use web_sys::CanvasRenderingContext2d;
use wire::trace::{Lane, Truth};

use super::scene::{Flight, Label, Mark, Picture, Scene, Shape, Whose};
use crate::{dom::px, run::Way};
use palette::{Palette, dashes};

/// Words that stand further from their mark than this are tied to it by a line.
const LEADER_PX: f64 = 16.0;

/// What is drawn at the moment, beside the scene itself.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Frame {
    /// The window's size.
    pub(crate) width: f64,
    /// The window's size.
    pub(crate) height: f64,
    /// How far the picture is scrolled.
    pub(crate) scroll: (f64, f64),
    /// Type and marks are so much larger than usual.
    pub(crate) unit: f64,
    /// Nothing after this moment is drawn, in pixels along time.
    pub(crate) until_px: Option<f64>,
    /// The mark of the event in the inspector.
    pub(crate) selected: Option<usize>,
    /// What the pointer is on.
    pub(crate) hover: Option<Whose>,
}

/// The canvas with the colours of the moment.
pub(crate) struct Pen<'a> {
    pub(crate) ctx: &'a CanvasRenderingContext2d,
    pub(crate) palette: &'a Palette,
    pub(crate) scene: &'a Scene,
    pub(crate) frame: Frame,
}

impl Pen<'_> {
    /// Draws the window.
    pub(crate) fn draw(&self) {
        let Frame {
            width,
            height,
            scroll,
            ..
        } = self.frame;
        let ctx = self.ctx;
        ctx.set_line_dash(&dashes(&[])).ok();
        ctx.set_global_alpha(1.0);
        ctx.set_fill_style_str(&self.palette.paper);
        ctx.fill_rect(0.0, 0.0, width, height);
        ctx.save();
        ctx.translate(-scroll.0, -scroll.1).ok();
        let (from_px, to_px) = self.window();
        let reach = self.frame.until_px.unwrap_or(f64::MAX);
        self.lenses(from_px, to_px);
        self.grid(from_px, to_px);
        self.tracks();
        self.spans(reach);
        let flights = self.scene.flights_between(from_px, to_px);
        for flight in self.scene.flights.get(flights.clone()).unwrap_or_default() {
            self.doubt(flight, reach);
        }
        for (place, flight) in flights
            .clone()
            .zip(self.scene.flights.get(flights).unwrap_or_default())
        {
            self.flight(
                flight,
                reach,
                self.frame.hover == Some(Whose::Flight(place)),
            );
        }
        let marks = self.scene.marks_between(from_px, to_px);
        for (place, mark) in marks
            .clone()
            .zip(self.scene.marks.get(marks).unwrap_or_default())
        {
            if mark.from_px <= reach {
                let lit = self.frame.hover == Some(Whose::Mark(place));
                self.mark(mark, reach, self.frame.selected == Some(place), lit);
            }
        }
        self.folds(from_px, to_px);
        for label in &self.scene.labels {
            self.label(label, reach);
        }
        self.playhead();
        ctx.restore();
        self.edge(from_px, to_px);
    }

    /// What of the picture is in the window along time, with room for words that reach into it.
    fn window(&self) -> (f64, f64) {
        let Frame {
            width,
            height,
            scroll,
            ..
        } = self.frame;
        let (from, length) = match self.scene.picture {
            Picture::Ladder => (scroll.1, height),
            Picture::Waterfall => (scroll.0, width),
        };
        (from - 60.0, from + length + 60.0)
    }

    /// The soft band at an arrow's end: from the sure end to all the moments at which the other may have been.
    fn doubt(&self, flight: &Flight, reach: f64) {
        if flight.from.1.max(flight.to.1) > reach {
            return;
        }
        let ctx = self.ctx;
        for (at, error_px, lane) in [
            (flight.from, flight.from_error_px, flight.lane),
            (flight.to, flight.to_error_px, self.lane_at(flight.to.0)),
        ] {
            if error_px < 2.0 {
                continue;
            }
            let other = if at == flight.from {
                flight.to
            } else {
                flight.from
            };
            let half = 9.0 * self.frame.unit;
            ctx.set_fill_style_str(&self.palette.lane(lane).area);
            ctx.set_global_alpha(0.10);
            ctx.begin_path();
            ctx.move_to(other.0, other.1);
            ctx.line_to(at.0, at.1 - error_px);
            ctx.line_to(at.0, at.1 + error_px);
            ctx.close_path();
            ctx.fill();
            ctx.set_global_alpha(0.22);
            ctx.fill_rect(at.0 - half, at.1 - error_px, 2.0 * half, 2.0 * error_px);
            ctx.set_global_alpha(1.0);
        }
    }

    fn lane_at(&self, line: f64) -> Lane {
        let track = self.scene.tracks.iter().find(|track| track.line == line);
        track.map_or(Lane::NETWORK, |track| track.lane)
    }

    fn flight(&self, flight: &Flight, reach: f64, lit: bool) {
        let ctx = self.ctx;
        let unit = self.frame.unit;
        let ((x0, y0), (mut x1, mut y1)) = (flight.from, flight.to);
        if y0 > reach {
            return;
        }
        // While it is on the way, the arrow is as long as it has come.
        let arrived = y1 <= reach;
        if !arrived {
            let part = (reach - y0) / (y1 - y0);
            x1 = x0 + (x1 - x0) * part;
            y1 = reach;
        }
        let colours = self.palette.lane(flight.lane);
        if flight.way == Way::Handover {
            ctx.set_stroke_style_str(&self.palette.rule_strong);
            ctx.set_line_width(1.0);
            ctx.set_line_dash(&dashes(&[2.0 * unit, 3.0 * unit])).ok();
            self.line(x0, y0, x1, y1);
            ctx.set_line_dash(&dashes(&[])).ok();
            return;
        }
        let length = (x1 - x0).hypot(y1 - y0).max(1e-6);
        let (dx, dy) = ((x1 - x0) / length, (y1 - y0) / length);
        // The line ends where the marks begin.
        let inset = 7.0 * unit;
        let head = 9.0 * unit;
        let (sx, sy) = (x0 + dx * inset, y0 + dy * inset);
        let (ex, ey) = if arrived {
            (x1 - dx * inset, y1 - dy * inset)
        } else {
            (x1, y1)
        };
        ctx.set_stroke_style_str(&colours.ink);
        ctx.set_line_width(if lit { 3.0 } else { 1.75 } * unit);
        match flight.truth {
            Truth::Measured => self.line(sx, sy, ex - dx * head * 0.7, ey - dy * head * 0.7),
            Truth::Derived => {
                // Outlined: two thin lines.
                ctx.set_line_width(4.0 * unit);
                self.line(sx, sy, ex - dx * head * 0.7, ey - dy * head * 0.7);
                ctx.set_stroke_style_str(&self.palette.paper);
                ctx.set_line_width(2.0 * unit);
                self.line(sx, sy, ex - dx * head * 0.7, ey - dy * head * 0.7);
            }
            Truth::Modelled => {
                ctx.set_line_dash(&dashes(&[1.5 * unit, 3.5 * unit])).ok();
                self.line(sx, sy, ex - dx * head * 0.7, ey - dy * head * 0.7);
                ctx.set_line_dash(&dashes(&[])).ok();
            }
        }
        ctx.set_fill_style_str(&colours.ink);
        ctx.begin_path();
        ctx.move_to(ex, ey);
        ctx.line_to(
            ex - dx * head - dy * head * 0.42,
            ey - dy * head + dx * head * 0.42,
        );
        ctx.line_to(
            ex - dx * head + dy * head * 0.42,
            ey - dy * head - dx * head * 0.42,
        );
        ctx.close_path();
        ctx.fill();
    }

    pub(super) fn line(&self, x0: f64, y0: f64, x1: f64, y1: f64) {
        self.ctx.begin_path();
        self.ctx.move_to(x0, y0);
        self.ctx.line_to(x1, y1);
        self.ctx.stroke();
    }

    fn label(&self, label: &Label, reach: f64) {
        let Frame {
            width,
            height,
            scroll,
            unit,
            ..
        } = self.frame;
        let rect = &label.rect;
        if rect.y + rect.h < scroll.1
            || rect.y > scroll.1 + height
            || rect.x + rect.w < scroll.0
            || rect.x > scroll.0 + width
        {
            return;
        }
        let begins = match label.whose {
            Whose::Mark(place) => self.scene.marks.get(place).map(|mark| mark.from_px),
            // What an arrow carries is known when it has left.
            Whose::Flight(place) => self
                .scene
                .flights
                .get(place)
                .map(|flight| self.scene.along(flight.from)),
            Whose::Track(_) => Some(rect.x),
        };
        if begins.is_some_and(|px| px > reach) {
            return;
        }
        let ctx = self.ctx;
        let lit = self.frame.hover == Some(label.whose)
            || matches!(label.whose, Whose::Mark(place) if Some(place) == self.frame.selected);
        let middle = rect.y + rect.h / 2.0;
        // A leader where the words had to give way, or stand beyond another lane.
        if matches!(label.whose, Whose::Mark(_)) {
            let near = if label.ends {
                rect.x + rect.w + 2.0
            } else {
                rect.x - 2.0
            };
            let (x, y) = label.anchor;
            if (y - middle).abs() > 3.0 || (x - near).abs() > LEADER_PX * unit {
                ctx.set_stroke_style_str(&self.palette.rule_strong);
                ctx.set_line_width(1.0);
                self.line(x, y, near, middle);
            }
        }
        self.set_font(if lit || label.strong { "600" } else { "400" });
        ctx.set_text_align("left");
        ctx.set_text_baseline("middle");
        let y = middle + 0.5 * unit;
        // Paper behind the words, so that lines do not strike them through.
        ctx.set_fill_style_str(&self.palette.paper);
        ctx.set_global_alpha(0.85);
        let (margin, half) = (3.0 * unit, 8.0 * unit);
        ctx.fill_rect(
            rect.x - margin,
            middle - half,
            rect.w + 2.0 * margin,
            2.0 * half,
        );
        ctx.set_global_alpha(1.0);
        ctx.set_fill_style_str(match label.whose {
            Whose::Track(_) => &self.palette.ink_2,
            _ => &self.palette.lane(label.lane).ink,
        });
        ctx.fill_text(&label.text, rect.x, y).ok();
    }

    pub(super) fn set_font(&self, weight: &str) {
        let size = px(14.0 * self.frame.unit);
        self.ctx
            .set_font(&[weight, " ", &size, " ", &self.palette.font].concat());
    }

    fn mark(&self, mark: &Mark, reach: f64, selected: bool, lit: bool) {
        let mut mark = *mark;
        // A bar grows while it lasts.
        if mark.to_px > reach && mark.shape != Shape::Point {
            let part = reach - mark.from_px;
            match self.scene.picture {
                Picture::Ladder => mark.rect.h = part.max(2.0),
                Picture::Waterfall => mark.rect.w = part.max(2.0),
            }
        }
        self.paint_mark(&mark, selected, lit);
    }
}

//! Bars, points and clusters: solid where measured, outlined where derived, dotted where modelled.

use std::f64::consts::PI;

use wire::trace::{Lane, LaneKind, Truth};

use super::{Pen, palette::dashes};
use crate::timeline::scene::{Mark, Rect, Shape};

impl Pen<'_> {
    pub(super) fn paint_mark(&self, mark: &Mark, selected: bool, lit: bool) {
        let ctx = self.ctx;
        let unit = self.frame.unit;
        let colours = self.palette.lane(mark.lane);
        let Rect { x, y, w, h } = mark.rect;
        if selected || lit {
            let out = if selected { 4.0 } else { 3.0 } * unit;
            ctx.set_fill_style_str(&self.palette.ink);
            ctx.set_global_alpha(if selected { 0.9 } else { 0.25 });
            self.rounded(x - out, y - out, w + 2.0 * out, h + 2.0 * out, 5.0 * unit);
            ctx.fill();
            ctx.set_global_alpha(1.0);
            let out = out - 2.0 * unit;
            ctx.set_fill_style_str(&self.palette.paper);
            self.rounded(x - out, y - out, w + 2.0 * out, h + 2.0 * out, 4.0 * unit);
            ctx.fill();
        }
        match mark.shape {
            Shape::Point => self.shape(mark.lane, &mark.rect),
            Shape::Bar => self.rounded(x, y, w, h, 2.0 * unit),
            Shape::Dense => {
                // A comb: many, too near to be told apart.
                self.rounded(x, y, w, h, 1.0);
            }
        }
        match mark.truth {
            Truth::Measured => {
                ctx.set_fill_style_str(&colours.area);
                ctx.fill();
                if mark.shape != Shape::Point
                    && w.min(h) >= 5.0
                    && w.max(h) >= 9.0
                    && let Some(hatch) = &colours.hatch
                {
                    ctx.set_fill_style_canvas_pattern(hatch);
                    ctx.fill();
                }
            }
            Truth::Derived | Truth::Modelled => {
                ctx.set_fill_style_str(&self.palette.paper);
                ctx.fill();
                ctx.set_stroke_style_str(&colours.ink);
                ctx.set_line_width(2.0 * unit);
                if mark.truth == Truth::Modelled {
                    ctx.set_line_dash(&dashes(&[2.0 * unit, 2.5 * unit])).ok();
                }
                ctx.stroke();
                ctx.set_line_dash(&dashes(&[])).ok();
            }
        }
        if mark.shape == Shape::Dense {
            self.comb(&mark.rect);
        }
        if mark.fault || mark.wrong {
            self.lightning(x + w / 2.0, y + h.min(w) / 2.0, mark.fault);
        }
    }

    /// Stretches between events, outlined in their lane's colour.
    pub(super) fn spans(&self, reach: f64) {
        let ctx = self.ctx;
        let unit = self.frame.unit;
        let window = (self.frame.scroll.0, self.frame.scroll.0 + self.frame.width);
        for span in &self.scene.spans {
            let Rect { x, y, w, h } = span.rect;
            if x + w < window.0 || x > window.1 || x > reach {
                continue;
            }
            let w = w.min(reach - x).max(1.0);
            let colours = self.palette.lane(span.lane);
            ctx.set_line_width(1.5 * unit);
            ctx.set_stroke_style_str(&colours.area);
            if span.on_the_way {
                // What travels leans, as in the ladder.
                let lean = (h * 0.5).min(w / 2.0);
                ctx.begin_path();
                ctx.move_to(x, y + h);
                ctx.line_to(x + lean, y);
                ctx.line_to(x + w, y);
                ctx.line_to(x + w - lean, y + h);
                ctx.close_path();
            } else {
                self.rounded(x, y + h * 0.2, w, h * 0.6, 2.0 * unit);
            }
            ctx.set_fill_style_str(&self.palette.paper);
            ctx.fill();
            ctx.stroke();
        }
    }

    /// The lane's own shape: the same as over its column and in the lesson's words.
    pub(super) fn shape(&self, lane: Lane, rect: &Rect) {
        let ctx = self.ctx;
        let Rect { x, y, w, h } = *rect;
        let polygon = |points: &[(f64, f64)]| {
            ctx.begin_path();
            for (place, (px, py)) in points.iter().enumerate() {
                let (px, py) = (x + w * px, y + h * py);
                if place == 0 {
                    ctx.move_to(px, py);
                } else {
                    ctx.line_to(px, py);
                }
            }
            ctx.close_path();
        };
        match lane.kind {
            LaneKind::Browser => polygon(&[(0.04, 0.04), (0.96, 0.04), (0.96, 0.96), (0.04, 0.96)]),
            LaneKind::Network => polygon(&[(0.0, 0.32), (1.0, 0.32), (1.0, 0.68), (0.0, 0.68)]),
            LaneKind::Socket => polygon(&[(0.5, -0.08), (1.08, 0.5), (0.5, 1.08), (-0.08, 0.5)]),
            LaneKind::Handler => {
                ctx.begin_path();
                ctx.arc(x + w / 2.0, y + h / 2.0, w / 2.0, 0.0, 2.0 * PI)
                    .ok();
                ctx.close_path();
            }
            LaneKind::Topic => {
                polygon(&[
                    (0.25, 0.02),
                    (0.75, 0.02),
                    (1.04, 0.5),
                    (0.75, 0.98),
                    (0.25, 0.98),
                    (-0.04, 0.5),
                ]);
            }
            LaneKind::Storage => {
                ctx.begin_path();
                ctx.rect(x, y, w, h * 0.4);
                ctx.rect(x, y + h * 0.6, w, h * 0.4);
            }
            LaneKind::Terminal => polygon(&[(0.08, -0.04), (1.08, 0.5), (0.08, 1.04)]),
            LaneKind::Subscriber => polygon(&[(-0.04, 0.06), (1.04, 0.06), (0.5, 1.04)]),
        }
    }

    /// Teeth at the right of a cluster.
    fn comb(&self, rect: &Rect) {
        let ctx = self.ctx;
        ctx.set_stroke_style_str(&self.palette.paper);
        ctx.set_line_width(1.0);
        ctx.begin_path();
        if rect.h >= rect.w {
            let mut y = rect.y + 2.5;
            while y < rect.y + rect.h - 1.0 {
                ctx.move_to(rect.x, y);
                ctx.line_to(rect.x + rect.w * 0.55, y);
                y += 3.0;
            }
        } else {
            let mut x = rect.x + 2.5;
            while x < rect.x + rect.w - 1.0 {
                ctx.move_to(x, rect.y);
                ctx.line_to(x, rect.y + rect.h * 0.55);
                x += 3.0;
            }
        }
        ctx.stroke();
    }

    /// A fault that was asked for; what went wrong by itself has a cross.
    fn lightning(&self, x: f64, y: f64, fault: bool) {
        let ctx = self.ctx;
        let unit = self.frame.unit;
        ctx.begin_path();
        if fault {
            let bolt = [
                (2.0, -10.0),
                (-5.0, 1.5),
                (-1.0, 1.5),
                (-2.0, 10.0),
                (5.0, -2.0),
                (1.0, -2.0),
            ];
            for (place, (dx, dy)) in bolt.iter().enumerate() {
                let (px, py) = (x + dx * unit, y + dy * unit);
                if place == 0 {
                    ctx.move_to(px, py);
                } else {
                    ctx.line_to(px, py);
                }
            }
            ctx.close_path();
            ctx.set_line_width(3.0 * unit);
            ctx.set_stroke_style_str(&self.palette.paper);
            ctx.stroke();
            ctx.set_fill_style_str(&self.palette.ink);
            ctx.fill();
        } else {
            let arm = 4.5 * unit;
            ctx.move_to(x - arm, y - arm);
            ctx.line_to(x + arm, y + arm);
            ctx.move_to(x + arm, y - arm);
            ctx.line_to(x - arm, y + arm);
            ctx.set_line_width(5.0 * unit);
            ctx.set_stroke_style_str(&self.palette.paper);
            ctx.stroke();
            ctx.set_line_width(2.5 * unit);
            ctx.set_stroke_style_str(&self.palette.ink);
            ctx.stroke();
        }
    }

    pub(super) fn rounded(&self, x: f64, y: f64, w: f64, h: f64, radius: f64) {
        self.ctx.begin_path();
        let radius = radius.min(w / 2.0).min(h / 2.0).max(0.0);
        if self.ctx.round_rect_with_f64(x, y, w, h, radius).is_err() {
            self.ctx.rect(x, y, w, h);
        }
    }
}

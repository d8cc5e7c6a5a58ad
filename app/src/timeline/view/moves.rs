//! Moving about on the stage: along time, from scale to scale, from event to event.

use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::stage::{PATIENCE_MS, Shows, Stage, origin};
use crate::{
    browser::document,
    timeline::{Zoom, play},
};

impl Stage {
    /// The last moment at which something began, not after `at_ns`: where motion is not wanted, time goes in steps.
    pub(super) fn last_before(&self, at_ns: i64) -> i64 {
        self.store.peek_shown(|run| {
            let origin = origin(run);
            let until = at_ns.saturating_add(origin);
            let place = run
                .order()
                .partition_point(|&index| run.event(index).at_ns <= until);
            let before = place
                .checked_sub(1)
                .and_then(|place| run.order().get(place));
            before.map_or(at_ns, |&index| {
                run.event(index).at_ns.saturating_sub(origin)
            })
        })
    }

    pub(super) fn advance(&self, now_ms: f64) {
        let last_ns = self.store.peek_shown(|run| {
            run.span_ns()
                .map(|(first, last)| last.saturating_sub(first))
        });
        let (Some(at), Some(last)) = (self.moment.now(), last_ns) else {
            self.playing.set(false);
            return;
        };
        let speed = self.speed.now();
        let next = self.inner.alter(|inner| {
            let ms = inner
                .last_ms
                .replace(now_ms)
                .map_or(0.0, |before| now_ms - before);
            let scene = inner.scene.as_ref()?;
            let next = play::advance(&scene.axis, at, ms.min(250.0), speed).min(last);
            inner.waited_ms = if next >= last {
                inner.waited_ms + ms
            } else {
                0.0
            };
            Some((next, inner.waited_ms > PATIENCE_MS))
        });
        let Some((next, over)) = next else {
            return;
        };
        if over {
            self.playing.set(false);
            self.moment.set(None);
            return;
        }
        self.moment.set(Some(next));
        self.reveal(next);
    }

    /// Scrolls so far that a moment is in the window, and a little after it.
    pub(super) fn reveal(&self, at_ns: i64) {
        let Some((px, length)) = self.inner.peek(|inner| {
            let scene = inner.scene.as_ref()?;
            let length = scene.along(inner.size);
            Some((scene.axis.px(at_ns), length))
        }) else {
            return;
        };
        let Some(at) = self.with_scene(|scene| scene.along(self.scroll())) else {
            return;
        };
        if px < at + length * 0.08 {
            self.scroll_to(px - length * 0.3);
        } else if px > at + length * 0.85 {
            self.scroll_to(px - length * 0.7);
        }
    }

    /// Scrolls along time.
    pub(super) fn scroll_to(&self, px: f64) {
        let Some(window) = self.window.now() else {
            return;
        };
        let px = px.round() as i32;
        match self.shows.now() {
            Shows::Waterfall => window.set_scroll_left(px),
            Shows::Ladder | Shows::Table => window.set_scroll_top(px),
        }
    }

    /// Changes the scale by a factor; the moment at `at_px` in the window stays where it is.
    pub(super) fn zoom_by(&self, factor: f64, at_px: Option<f64>) {
        let scroll = self.scroll();
        let Some((scale, ns, at_px)) = self.inner.peek(|inner| {
            let scene = inner.scene.as_ref()?;
            let at_px = at_px.unwrap_or(scene.along(inner.size) / 2.0);
            Some((
                scene.axis.scale(),
                scene.axis.ns(scene.along(scroll) + at_px),
                at_px,
            ))
        }) else {
            return;
        };
        let scale = self.scale_to_come().unwrap_or(scale);
        self.inner.alter(|inner| {
            inner.anchor = Some((ns, at_px));
            inner.follows = false;
        });
        self.zoom.set(Zoom::Fixed(scale * factor));
    }

    /// The scale that was asked for and is not laid out yet: a second key may come before the next frame.
    fn scale_to_come(&self) -> Option<f64> {
        let waits = self.inner.peek(|inner| inner.anchor.is_some());
        match self.zoom.now() {
            Zoom::Fixed(scale) if waits => Some(scale),
            _ => None,
        }
    }

    /// Puts the whole run into the window, or what words need.
    pub(super) fn fit(&self, zoom: Zoom) {
        self.inner.alter(|inner| inner.follows = true);
        self.unfolded.set(Vec::new());
        self.zoom.set(zoom);
        self.lay_soon();
    }

    /// Another run or another picture: nothing of how the last one was looked at holds for it.
    pub(super) fn show_from_the_start(&self) {
        self.inner.alter(|inner| {
            inner.scene = None;
            inner.anchor = None;
            inner.follows = false;
        });
        self.playing.set(false);
        self.moment.set(None);
        self.unfolded.set(Vec::new());
        self.zoom.set(Zoom::Readable);
        self.scroll_to(0.0);
        self.lay_soon();
    }

    /// Opens a fold, keeping its beginning where it is.
    pub(super) fn unfold(&self, from_ns: i64) {
        let scroll = self.scroll();
        let at_px = self.with_scene(|scene| scene.axis.px(from_ns) - scene.along(scroll));
        self.inner.alter(|inner| {
            inner.anchor = at_px.map(|px| (from_ns, px));
        });
        self.unfolded.update(|unfolded| unfolded.push(from_ns));
    }

    /// Selects an event and brings it into the window; draws up to it where the present stands still.
    pub(super) fn select(&self, seq: u64) {
        self.store.selected.set(Some(seq));
        let at = self.store.peek_shown(|run| {
            run.by_seq(seq)
                .map(|event| event.at_ns.saturating_sub(origin(run)))
        });
        if let Some(at) = at {
            if self.moment.peek(Option::is_some) {
                self.playing.set(false);
                self.moment.set(Some(at));
            }
            self.reveal(at);
        }
        self.draw_soon();
    }

    /// Closes the inspector. Who was in it is back at the mark or the line of the table that it was about.
    pub(super) fn close(&self) {
        let is_in = document()
            .active_element()
            .and_then(|element| element.closest(".inspector").ok().flatten())
            .is_some();
        let from = is_in.then(|| {
            let pressed = ":is(.timeline-mark, .timeline-table button)[aria-pressed=true]";
            document()
                .query_selector(pressed)
                .ok()
                .flatten()
                .and_then(|element| element.dyn_into::<HtmlElement>().ok())
                .or_else(|| self.window.now())
        });
        self.store.selected.set(None);
        self.draw_soon();
        if let Some(element) = from.flatten() {
            let _ = element.focus();
        }
    }

    /// Goes to the next or the previous event.
    pub(super) fn step(&self, by: isize) {
        let selected = self.store.selected.now();
        let moment = self.moment.now();
        let next = self.store.peek_shown(|run| {
            let order = run.order();
            let at = match (selected.and_then(|seq| run.index_of(seq)), moment) {
                (Some(index), _) => order
                    .iter()
                    .position(|other| *other == index)?
                    .checked_add_signed(by)?,
                (None, Some(at)) => {
                    let until = at.saturating_add(origin(run));
                    order
                        .partition_point(|&index| run.event(index).at_ns <= until)
                        .checked_add_signed(if by > 0 { 0 } else { -1 })?
                }
                (None, None) if by > 0 => 0,
                (None, None) => order.len().checked_sub(1)?,
            };
            order.get(at).map(|&index| run.event(index).seq)
        });
        if let Some(seq) = next {
            self.select(seq);
        }
    }
}

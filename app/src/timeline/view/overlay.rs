//! Handles over the marks in the window: what keyboard, screen readers and tests reach of a canvas.

use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::stage::{Shows, Stage, origin};
use crate::{
    browser::{document, next_frame},
    dom::{El, Keyed, el, follow, px},
    timeline::{Picture, axis::Piece, scene::Rect, words},
};

/// How many handles there are at once. Everything else is a scroll or a zoom away, and in the table.
const HANDLES_MAX: usize = 200;
/// How far a handle reaches beyond its mark.
const SLACK_PX: f64 = 4.0;

/// A button over a mark or a fold.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Handle {
    rect: [i32; 4],
    test_id: String,
    kind: &'static str,
    lane: String,
    label: String,
    act: Act,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Select(u64),
    Unfold(i64),
}

impl Stage {
    /// Puts handles over what is in the window now.
    pub(super) fn settle(&self) {
        self.inner.alter(|inner| inner.settling = None);
        if self.shows.now() == Shows::Table {
            self.handles.set(Vec::new());
            return;
        }
        let handles = self.visible_handles();
        if self.handles.peek(|old| *old == handles) {
            return;
        }
        let had_focus = document()
            .active_element()
            .is_some_and(|element| element.class_list().contains("timeline-mark"));
        self.handles.set(handles);
        if had_focus {
            self.keep_focus();
        }
    }

    /// Where the mark that had the focus is no more, the selected one has it, or the picture.
    fn keep_focus(&self) {
        let stage = *self;
        next_frame(move || {
            let lost = document()
                .active_element()
                .is_none_or(|element| element.tag_name() == "BODY");
            if lost && let Some(window) = stage.window.now() {
                let _ = window.focus();
                stage.focus_selected();
            }
        });
    }

    /// Gives the focus to the handle of the selected event, when it is there.
    pub(super) fn focus_selected(&self) {
        let Some(window) = self.window.now() else {
            return;
        };
        next_frame(move || {
            let found = window
                .query_selector(".timeline-mark[aria-pressed=true]")
                .ok()
                .flatten();
            if let Some(button) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
                let _ = button.focus();
            }
        });
    }

    fn visible_handles(&self) -> Vec<Handle> {
        let scroll = self.scroll();
        let source = self.shown_source();
        let size = self.inner.peek(|inner| inner.size);
        let window = Rect {
            x: scroll.0,
            y: scroll.1,
            w: size.0,
            h: size.1,
        };
        let until = self.moment.now();
        let handles = self.with_scene(|scene| {
            let (from, length) = (scene.along(scroll), scene.along(size));
            let reach = until.map_or(f64::MAX, |at| scene.axis.px(at) + 0.01);
            let mut handles = Vec::new();
            for segment in scene.axis.segments() {
                if segment.piece == Piece::Fold
                    && segment.to_px > from
                    && segment.from_px < from + length
                {
                    let rect = match scene.picture {
                        Picture::Ladder => Rect {
                            x: 0.0,
                            y: segment.from_px,
                            w: scene.gutter_px,
                            h: segment.to_px - segment.from_px,
                        },
                        Picture::Waterfall => Rect {
                            x: segment.from_px,
                            y: 0.0,
                            w: segment.to_px - segment.from_px,
                            h: 24.0,
                        },
                    };
                    let long = wire::time::duration(segment.to_ns.saturating_sub(segment.from_ns));
                    handles.push(Handle {
                        rect: rounded(&rect, 0.0),
                        test_id: "fold".to_owned(),
                        kind: "fold",
                        lane: String::new(),
                        label: ["Unfold ", &long, " in which nothing happens"].concat(),
                        act: Act::Unfold(segment.from_ns),
                    });
                }
            }
            self.store.peek_shown(|run| {
                let origin = origin(run);
                for mark in scene
                    .marks
                    .get(scene.marks_between(from, from + length))
                    .unwrap_or_default()
                {
                    let events = scene.events_of(mark);
                    if mark.source != source || mark.from_px > reach || !mark.rect.overlaps(&window)
                    {
                        continue;
                    }
                    let (Some(&first), Some(&last)) = (events.first(), events.last()) else {
                        continue;
                    };
                    let (event, last) = (run.event(first), run.event(last).seq);
                    let seq = event.seq.to_string();
                    let (test_id, label) = if mark.count == 1 {
                        (["event-", &seq].concat(), words::spoken(event, origin))
                    } else {
                        (
                            ["events-", &seq, "-", &last.to_string()].concat(),
                            [
                                &mark.count.to_string(),
                                " events too near to be told apart here; the first: ",
                                &words::spoken(event, origin),
                            ]
                            .concat(),
                        )
                    };
                    handles.push(Handle {
                        rect: rounded(&mark.rect, SLACK_PX),
                        test_id,
                        kind: event.kind.name(),
                        lane: event.lane.to_string(),
                        label,
                        act: Act::Select(event.seq),
                    });
                    if handles.len() >= HANDLES_MAX {
                        break;
                    }
                }
            });
            handles
        });
        handles.unwrap_or_default()
    }
}

fn rounded(rect: &Rect, slack: f64) -> [i32; 4] {
    [
        (rect.x - slack).floor() as i32,
        (rect.y - slack).floor() as i32,
        (rect.w + 2.0 * slack).ceil() as i32,
        (rect.h + 2.0 * slack).ceil() as i32,
    ]
}

/// The handles. One of them can be reached with Tab, the others from there with the arrow keys.
pub(super) fn overlay(stage: Stage) -> El {
    let host = el("div.timeline-marks");
    let shown = Rc::new(Keyed::of(host.clone()));
    let clicked = Rc::clone(&shown);
    follow(move || {
        let selected = stage.store.selected.get();
        stage.handles.with(|handles| {
            shown.show(handles.iter().map(Handle::key).collect(), &|place| {
                handles[place].button()
            });
            let is_selected =
                |handle: &Handle| matches!(handle.act, Act::Select(seq) if Some(seq) == selected);
            let first = handles.iter().position(is_selected).unwrap_or(0);
            shown.each(|place, button| {
                handles[place].put(button);
                let index = if place == first { "0" } else { "-1" };
                let _ = button.set_attribute("tabindex", index);
                if matches!(handles[place].act, Act::Select(_)) {
                    let pressed = is_selected(&handles[place]).to_string();
                    let _ = button.set_attribute("aria-pressed", &pressed);
                }
            });
        });
    });
    // One listener for all of them: they come and go with every scroll.
    host.on("click", move |event| {
        let Some(place) = clicked.place_of(&event) else {
            return;
        };
        event.stop_propagation();
        if stage.was_dragged() {
            return;
        }
        let act = stage
            .handles
            .peek(|handles| handles.get(place).map(|handle| handle.act));
        match act {
            Some(Act::Select(seq)) => stage.select(seq),
            Some(Act::Unfold(from_ns)) => stage.unfold(from_ns),
            None => {}
        }
    })
}

impl Handle {
    /// The same button wherever its mark comes to stand: it keeps the focus.
    fn key(&self) -> String {
        let of = match self.act {
            Act::Select(seq) => seq.to_string(),
            Act::Unfold(from_ns) => from_ns.to_string(),
        };
        [&self.test_id, " ", &of, " ", &self.label].concat()
    }

    fn button(&self) -> El {
        el("button.timeline-mark").attrs(&[
            ("type", "button"),
            ("data-testid", &self.test_id),
            ("data-kind", self.kind),
            ("data-lane", &self.lane),
            ("aria-label", &self.label),
        ])
    }

    /// Puts the button over the mark. Property by property: the page's policy allows no style attribute.
    fn put(&self, button: &HtmlElement) {
        let style = button.style();
        for (name, length) in ["left", "top", "width", "height"].iter().zip(self.rect) {
            let _ = style.set_property(name, &px(f64::from(length)));
        }
    }
}

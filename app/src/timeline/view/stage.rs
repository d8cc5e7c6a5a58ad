//! The stage: the picture in its window, laid out when something has changed and drawn once a frame at most.

use std::time::Duration;

use leptos::{html, prelude::*};
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlElement};
use wire::trace::Lane;

use super::{input::Hand, lay::Cached, overlay::Handle, store::RunStore};
use crate::{
    components::notice::Notice,
    run::Run,
    timeline::{
        Scene, Zoom,
        labels::Widths,
        paint::{Frame, Pen, palette::Palette},
        play::Speed,
        scene::Whose,
    },
};

/// What stands on the stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    Ladder,
    Waterfall,
    Table,
}

/// A lane's name over its column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Head {
    pub(super) lane: Lane,
    pub(super) source: usize,
    pub(super) name: String,
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) line: f64,
}

/// How long the picture must have stood still before its marks can be reached by keyboard, in milliseconds.
const SETTLED: Duration = Duration::from_millis(120);
/// What laying out may take of the page's time while events pour in: a third.
const LAYOUT_SHARE: f64 = 3.0;
/// How long a replay waits at the end for more to come, in milliseconds.
pub(super) const PATIENCE_MS: f64 = 1_500.0;

/// The state of the stage. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Stage {
    pub(super) store: RunStore,
    pub(super) shows: RwSignal<Shows>,
    pub(super) zoom: RwSignal<Zoom>,
    pub(super) to_scale: RwSignal<bool>,
    pub(super) unfolded: RwSignal<Vec<i64>>,
    /// The moment up to which the run is drawn, in nanoseconds since its first event; `None` follows it as it happens.
    pub(super) moment: RwSignal<Option<i64>>,
    pub(super) playing: RwSignal<bool>,
    pub(super) speed: RwSignal<Speed>,
    pub(super) hover: RwSignal<Option<Whose>>,
    pub(super) heads: RwSignal<Vec<Head>>,
    pub(super) handles: RwSignal<Vec<Handle>>,
    pub(super) window: NodeRef<html::Div>,
    pub(super) sizer: NodeRef<html::Div>,
    pub(super) canvas: NodeRef<html::Canvas>,
    pub(super) inner: StoredValue<Inner, LocalStorage>,
    pub(super) hand: StoredValue<Hand>,
    pub(super) trouble: RwSignal<Option<Notice>>,
}

/// What changes with every frame and is nobody else's business.
#[derive(Default)]
pub(super) struct Inner {
    pub(super) scene: Option<Scene>,
    pub(super) cached: Option<Cached>,
    pub(super) palette: Option<Palette>,
    pub(super) widths: Option<Widths>,
    pub(super) unit: f64,
    /// The window's size, without the lane heads.
    pub(super) size: (f64, f64),
    pub(super) asked: bool,
    pub(super) stale: bool,
    pub(super) follows: bool,
    /// A moment that is to stay where it is in the window when the scale changes.
    pub(super) anchor: Option<(i64, f64)>,
    pub(super) last_ms: Option<f64>,
    pub(super) waited_ms: f64,
    pub(super) layout_ms: f64,
    pub(super) laid_at_ms: f64,
    pub(super) settling: Option<TimeoutHandle>,
    /// Events have come that are not laid out, because the picture stands still.
    pub(super) behind: bool,
}

impl Inner {
    /// From now on the end is kept in the window.
    pub(super) fn follow(&mut self) {
        self.follows = true;
    }
}

impl Stage {
    pub(super) fn new(store: RunStore) -> Stage {
        Stage {
            store,
            shows: RwSignal::new(Shows::Ladder),
            zoom: RwSignal::new(Zoom::Readable),
            to_scale: RwSignal::new(false),
            unfolded: RwSignal::new(Vec::new()),
            moment: RwSignal::new(None),
            playing: RwSignal::new(false),
            speed: RwSignal::new(Speed::True),
            hover: RwSignal::new(None),
            heads: RwSignal::new(Vec::new()),
            handles: RwSignal::new(Vec::new()),
            window: NodeRef::new(),
            sizer: NodeRef::new(),
            canvas: NodeRef::new(),
            inner: StoredValue::new_local(Inner {
                unit: 1.0,
                follows: true,
                ..Inner::default()
            }),
            hand: StoredValue::new(Hand::default()),
            trouble: RwSignal::new(None),
        }
    }

    /// Everything is laid out again with the next frame.
    pub(super) fn lay_soon(&self) {
        self.inner.update_value(|inner| inner.stale = true);
        self.draw_soon();
    }

    /// Everything is drawn again with the next frame.
    pub(super) fn draw_soon(&self) {
        let asked = self
            .inner
            .try_update_value(|inner| std::mem::replace(&mut inner.asked, true));
        if asked == Some(false) {
            let stage = *self;
            request_animation_frame(move || stage.frame());
        }
    }

    /// The colours or the type have changed.
    pub(super) fn restyle(&self) {
        self.inner.update_value(|inner| {
            inner.palette = None;
            inner.widths = None;
        });
        self.measure();
    }

    /// The window has another size, perhaps.
    pub(super) fn measure(&self) {
        let (Some(window), Some(sizer)) = (self.window.get_untracked(), self.sizer.get_untracked())
        else {
            return;
        };
        let heads = f64::from(sizer.offset_top());
        let size = (
            f64::from(window.client_width()),
            (f64::from(window.client_height()) - heads).max(40.0),
        );
        let unit = root_font_px() / 16.0;
        self.inner.update_value(|inner| {
            inner.size = size;
            inner.unit = unit;
        });
        self.lay_soon();
    }

    /// How large the window is, how far it is scrolled.
    pub(super) fn scroll(&self) -> (f64, f64) {
        self.window.get_untracked().map_or((0.0, 0.0), |window| {
            (
                f64::from(window.scroll_left()),
                f64::from(window.scroll_top()),
            )
        })
    }

    /// Reads the scene of the moment.
    pub(super) fn with_scene<T>(&self, read: impl FnOnce(&Scene) -> T) -> Option<T> {
        self.inner
            .try_with_value(|inner| inner.scene.as_ref().map(read))
            .flatten()
    }

    /// The page was scrolled by hand: at the end it follows what happens, elsewhere it stays.
    pub(super) fn scrolled(&self) {
        if let Some(window) = self.window.get_untracked() {
            let left = window.scroll_height() - window.client_height() - window.scroll_top();
            let right = window.scroll_width() - window.client_width() - window.scroll_left();
            let is_ladder = self.shows.get_untracked() == Shows::Ladder;
            let at_end = if is_ladder { left } else { right } < 8;
            self.inner.update_value(|inner| inner.follows = at_end);
        }
        self.draw_soon();
        self.settle_soon();
    }

    fn frame(self) {
        let now_ms = now_ms();
        let Some((stale, wait)) = self.inner.try_update_value(|inner| {
            inner.asked = false;
            // While events pour in, laying out leaves most of the time to the page.
            let wait =
                inner.layout_ms > 8.0 && now_ms - inner.laid_at_ms < inner.layout_ms * LAYOUT_SHARE;
            (inner.stale, wait)
        }) else {
            return;
        };
        if self.shows.get_untracked() == Shows::Table {
            return;
        }
        if stale && !wait {
            self.lay(now_ms);
        }
        let moves = self.playing.get_untracked();
        if moves {
            self.advance(now_ms);
        } else {
            self.inner.update_value(|inner| inner.last_ms = None);
        }
        self.paint();
        if moves || (stale && wait) {
            self.draw_soon();
        }
    }

    pub(super) fn context(&self) -> Option<CanvasRenderingContext2d> {
        let canvas = self.canvas.get_untracked()?;
        canvas.get_context("2d").ok()??.dyn_into().ok()
    }

    fn paint(&self) {
        let (Some(canvas), Some(ctx)) = (self.canvas.get_untracked(), self.context()) else {
            return;
        };
        let scroll = self.scroll();
        let selected = self
            .store
            .selected
            .get_untracked()
            .and_then(|seq| self.store.with_shown_untracked(|run| run.index_of(seq)));
        let source = self.shown_source();
        let moment = self.moment.get_untracked();
        let still = prefers_stillness();
        self.inner.with_value(|inner| {
            let (Some(scene), Some(palette)) = (&inner.scene, &inner.palette) else {
                return;
            };
            let (width, height) = inner.size;
            let ratio = window().device_pixel_ratio();
            let (w, h) = (
                (width * ratio).round() as u32,
                (height * ratio).round() as u32,
            );
            if (canvas.width(), canvas.height()) != (w, h) {
                canvas.set_width(w);
                canvas.set_height(h);
                let style = HtmlElement::style(&canvas);
                let px = |px: f64| [&px.to_string(), "px"].concat();
                let _ = style.set_property("inline-size", &px(width));
                let _ = style.set_property("block-size", &px(height));
            }
            let _ = ctx.set_transform(ratio, 0.0, 0.0, ratio, 0.0, 0.0);
            let until = moment.map(|at| if still { self.last_before(at) } else { at });
            Pen {
                ctx: &ctx,
                palette,
                scene,
                frame: Frame {
                    width,
                    height,
                    scroll,
                    unit: inner.unit,
                    // Exactly at a moment means: with what happened then.
                    until_px: until.map(|at| scene.axis.px(at) + 0.01),
                    selected: selected.and_then(|event| scene.mark_of(source, event)),
                    hover: self.hover.get_untracked(),
                },
            }
            .draw();
        });
    }

    /// Which of the runs on the picture is the one on the screen: the kept one stands before it.
    pub(super) fn shown_source(&self) -> usize {
        let kept = self
            .store
            .compare
            .with_untracked(|kept| kept.as_ref().is_some_and(|kept| !kept.is_empty()));
        usize::from(kept)
    }

    /// New events are there. Slowed down, what is new is replayed from where it begins.
    pub(super) fn grew(&self, new_from_ns: Option<i64>) {
        let slow = self.speed.get_untracked() != Speed::True;
        let live = self.store.opened.with_untracked(Option::is_none);
        if let Some(from_ns) = new_from_ns
            && slow
            && live
            && self.moment.with_untracked(Option::is_none)
        {
            self.moment.set(Some(from_ns));
            self.playing.set(true);
        }
        // Standing still, the picture stays as it is until another moment is asked for.
        let stands = self.moment.with_untracked(Option::is_some) && !self.playing.get_untracked();
        if stands && live {
            self.inner.update_value(|inner| inner.behind = true);
        } else {
            self.lay_soon();
        }
    }

    /// Another moment is the present one: what came meanwhile has its place now.
    pub(super) fn moment_changed(&self) {
        let behind = self
            .inner
            .try_update_value(|inner| std::mem::take(&mut inner.behind));
        if behind == Some(true) {
            self.lay_soon();
        }
        self.draw_soon();
        self.settle_soon();
    }

    pub(super) fn settle_soon(&self) {
        // A replay never stands still: there, each pause is as long as the first one asked for.
        let waits = self.inner.with_value(|inner| inner.settling.is_some());
        if waits && self.playing.get_untracked() {
            return;
        }
        let stage = *self;
        let handle = set_timeout_with_handle(move || stage.settle(), SETTLED).ok();
        self.inner.update_value(|inner| {
            if let Some(before) = std::mem::replace(&mut inner.settling, handle) {
                before.clear();
            }
        });
    }
}

/// The time from which a run's times are counted: its first event's.
pub(super) fn origin(run: &Run) -> i64 {
    run.order()
        .first()
        .map_or(0, |&index| run.event(index).at_ns)
}

pub(super) fn now_ms() -> f64 {
    window()
        .performance()
        .map_or(0.0, |performance| performance.now())
}

fn root_font_px() -> f64 {
    document()
        .document_element()
        .and_then(|root| window().get_computed_style(&root).ok().flatten())
        .and_then(|style| style.get_property_value("font-size").ok())
        .and_then(|size| size.trim_end_matches("px").parse().ok())
        .unwrap_or(16.0)
}

/// Does the reader want no motion?
pub(super) fn prefers_stillness() -> bool {
    window()
        .match_media("(prefers-reduced-motion: reduce)")
        .ok()
        .flatten()
        .is_some_and(|query| query.matches())
}

//! The stage: the picture in its window, laid out when something has changed and drawn once a frame at most.

use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlElement};
use wire::trace::Lane;

use super::{input::Hand, lay::Cached, overlay::Handle, store::RunStore};
use crate::{
    browser::{Timer, document, later, next_frame, window},
    components::notice::Notice,
    dom::{State, px},
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
const SETTLED_MS: u32 = 120;
/// What laying out may take of the page's time while events pour in: a third.
const LAYOUT_SHARE: f64 = 3.0;
/// How long a replay waits at the end for more to come, in milliseconds.
pub(super) const PATIENCE_MS: f64 = 1_500.0;

/// The state of the stage. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Stage {
    pub(super) store: RunStore,
    pub(super) shows: State<Shows>,
    pub(super) zoom: State<Zoom>,
    pub(super) to_scale: State<bool>,
    pub(super) unfolded: State<Vec<i64>>,
    /// The moment up to which the run is drawn, in nanoseconds since its first event; `None` follows it as it happens.
    pub(super) moment: State<Option<i64>>,
    pub(super) playing: State<bool>,
    pub(super) speed: State<Speed>,
    pub(super) hover: State<Option<Whose>>,
    pub(super) heads: State<Vec<Head>>,
    pub(super) handles: State<Vec<Handle>>,
    /// The elements of the picture, while it is on the page.
    pub(super) window: State<Option<HtmlElement>>,
    pub(super) sizer: State<Option<HtmlElement>>,
    pub(super) canvas: State<Option<HtmlCanvasElement>>,
    pub(super) inner: State<Inner>,
    pub(super) hand: State<Hand>,
    pub(super) trouble: State<Option<Notice>>,
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
    pub(super) settling: Option<Timer>,
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
            shows: State::new(Shows::Ladder),
            zoom: State::new(Zoom::Readable),
            to_scale: State::new(false),
            unfolded: State::new(Vec::new()),
            moment: State::new(None),
            playing: State::new(false),
            speed: State::new(Speed::True),
            hover: State::new(None),
            heads: State::new(Vec::new()),
            handles: State::new(Vec::new()),
            window: State::new(None),
            sizer: State::new(None),
            canvas: State::new(None),
            inner: State::new(Inner {
                unit: 1.0,
                follows: true,
                ..Inner::default()
            }),
            hand: State::new(Hand::default()),
            trouble: State::new(None),
        }
    }

    /// Everything is laid out again with the next frame.
    pub(super) fn lay_soon(&self) {
        self.inner.alter(|inner| inner.stale = true);
        self.draw_soon();
    }

    /// Everything is drawn again with the next frame.
    pub(super) fn draw_soon(&self) {
        let asked = self
            .inner
            .alter(|inner| std::mem::replace(&mut inner.asked, true));
        if !asked {
            let stage = *self;
            next_frame(move || stage.frame());
        }
    }

    /// The colours or the type have changed.
    pub(super) fn restyle(&self) {
        self.inner.alter(|inner| {
            inner.palette = None;
            inner.widths = None;
        });
        self.measure();
    }

    /// The window has another size, perhaps.
    pub(super) fn measure(&self) {
        let (Some(window), Some(sizer)) = (self.window.now(), self.sizer.now()) else {
            return;
        };
        let heads = f64::from(sizer.offset_top());
        let size = (
            f64::from(window.client_width()),
            (f64::from(window.client_height()) - heads).max(40.0),
        );
        let unit = root_font_px() / 16.0;
        self.inner.alter(|inner| {
            inner.size = size;
            inner.unit = unit;
        });
        self.lay_soon();
    }

    /// The picture is not on the page any more.
    pub(super) fn forget_picture(&self) {
        self.window.set(None);
        self.sizer.set(None);
        self.canvas.set(None);
    }

    /// How large the window is, how far it is scrolled.
    pub(super) fn scroll(&self) -> (f64, f64) {
        self.window.now().map_or((0.0, 0.0), |window| {
            (
                f64::from(window.scroll_left()),
                f64::from(window.scroll_top()),
            )
        })
    }

    /// Reads the scene of the moment.
    pub(super) fn with_scene<T>(&self, read: impl FnOnce(&Scene) -> T) -> Option<T> {
        self.inner.peek(|inner| inner.scene.as_ref().map(read))
    }

    /// The page was scrolled by hand: at the end it follows what happens, elsewhere it stays.
    pub(super) fn scrolled(&self) {
        if let Some(window) = self.window.now() {
            let left = window.scroll_height() - window.client_height() - window.scroll_top();
            let right = window.scroll_width() - window.client_width() - window.scroll_left();
            let is_ladder = self.shows.now() == Shows::Ladder;
            let at_end = if is_ladder { left } else { right } < 8;
            self.inner.alter(|inner| inner.follows = at_end);
        }
        self.draw_soon();
        self.settle_soon();
    }

    fn frame(self) {
        let now_ms = now_ms();
        let (stale, wait) = self.inner.alter(|inner| {
            inner.asked = false;
            // While events pour in, laying out leaves most of the time to the page.
            let wait =
                inner.layout_ms > 8.0 && now_ms - inner.laid_at_ms < inner.layout_ms * LAYOUT_SHARE;
            (inner.stale, wait)
        });
        if self.shows.now() == Shows::Table {
            return;
        }
        if stale && !wait {
            self.lay(now_ms);
        }
        let moves = self.playing.now();
        if moves {
            self.advance(now_ms);
        } else {
            self.inner.alter(|inner| inner.last_ms = None);
        }
        self.paint();
        if moves || (stale && wait) {
            self.draw_soon();
        }
    }

    pub(super) fn context(&self) -> Option<CanvasRenderingContext2d> {
        let canvas = self.canvas.now()?;
        canvas.get_context("2d").ok()??.dyn_into().ok()
    }

    fn paint(&self) {
        let (Some(canvas), Some(ctx)) = (self.canvas.now(), self.context()) else {
            return;
        };
        let scroll = self.scroll();
        let selected = self
            .store
            .selected
            .now()
            .and_then(|seq| self.store.peek_shown(|run| run.index_of(seq)));
        let source = self.shown_source();
        let moment = self.moment.now();
        let still = prefers_stillness();
        self.inner.peek(|inner| {
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
                    hover: self.hover.now(),
                },
            }
            .draw();
        });
    }

    /// Which of the runs on the picture is the one on the screen: the kept one stands before it.
    pub(super) fn shown_source(&self) -> usize {
        usize::from(self.store.keeps())
    }

    /// New events are there. Slowed down, what is new is replayed from where it begins.
    pub(super) fn grew(&self, new_from_ns: Option<i64>) {
        let slow = self.speed.now() != Speed::True;
        let live = self.store.opened.peek(Option::is_none);
        if let Some(from_ns) = new_from_ns
            && slow
            && live
            && self.moment.peek(Option::is_none)
        {
            self.moment.set(Some(from_ns));
            self.playing.set(true);
        }
        // Standing still, the picture stays as it is until another moment is asked for.
        let stands = self.moment.peek(Option::is_some) && !self.playing.now();
        if stands && live {
            self.inner.alter(|inner| inner.behind = true);
        } else {
            self.lay_soon();
        }
    }

    /// Another moment is the present one: what came meanwhile has its place now.
    pub(super) fn moment_changed(&self) {
        let behind = self.inner.alter(|inner| std::mem::take(&mut inner.behind));
        if behind {
            self.lay_soon();
        }
        self.draw_soon();
        self.settle_soon();
    }

    pub(super) fn settle_soon(&self) {
        // A replay never stands still: there, each pause is as long as the first one asked for.
        let waits = self.inner.peek(|inner| inner.settling.is_some());
        if waits && self.playing.now() {
            return;
        }
        let stage = *self;
        let timer = later(SETTLED_MS, move || stage.settle());
        self.inner.alter(|inner| {
            if let Some(before) = inner.settling.replace(timer) {
                before.stop();
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
        .map(|size| js_sys::parse_float(&size))
        .filter(|size| size.is_finite())
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

//! Mouse, touch and keys on the stage.

use wasm_bindgen::JsCast;
use web_sys::{Element, KeyboardEvent, MouseEvent, PointerEvent, TouchEvent, WheelEvent};

use super::stage::{Shows, Stage};
use crate::dom::El;
use crate::run::Way;
use crate::timeline::{
    Picture, Scene, Zoom,
    axis::Piece,
    scene::{Flight, Whose},
    within,
};

/// What a hand does on the stage at the moment.
#[derive(Clone, Copy, Default)]
pub(super) struct Hand {
    /// Where the button went down, and how far the picture was scrolled then.
    pressed: Option<((f64, f64), (f64, f64))>,
    /// It has moved since: what follows is no click.
    dragged: bool,
    /// How far two fingers are apart.
    apart: Option<f64>,
}

/// Less than this is a click with an unsteady hand.
const STEADY_PX: f64 = 4.0;
/// How near to a line or a mark a click must be.
const NEAR_PX: f64 = 6.0;
/// What a step of the buttons, the keys or the wheel changes the scale by.
pub(super) const ZOOM_STEP: f64 = 1.5;

/// What is at a place of the picture.
#[derive(Clone, Copy, PartialEq)]
enum Found {
    Whose(Whose),
    Fold(i64),
}

impl Stage {
    /// Was the picture just dragged, so that what follows is no click?
    pub(super) fn was_dragged(&self) -> bool {
        self.hand.peek(|hand| hand.dragged)
    }

    pub(super) fn pressed(&self, event: &PointerEvent) {
        if event.pointer_type() != "mouse" || event.button() != 0 {
            return;
        }
        let at = (f64::from(event.client_x()), f64::from(event.client_y()));
        let scroll = self.scroll();
        self.hand.alter(|hand| {
            hand.pressed = Some((at, scroll));
            hand.dragged = false;
        });
    }

    pub(super) fn moved(&self, event: &PointerEvent) {
        let at = (f64::from(event.client_x()), f64::from(event.client_y()));
        let hand = self.hand.now();
        let Some((from, scroll)) = hand.pressed else {
            if event.pointer_type() == "mouse" {
                self.point(at);
            }
            return;
        };
        let (dx, dy) = (at.0 - from.0, at.1 - from.1);
        if !hand.dragged {
            if dx.hypot(dy) < STEADY_PX {
                return;
            }
            self.hand.alter(|hand| hand.dragged = true);
            if let Some(window) = self.window.now() {
                let _ = window.set_pointer_capture(event.pointer_id());
                let _ = window.class_list().add_1("is-dragged");
            }
        }
        if let Some(window) = self.window.now() {
            window.set_scroll_left((scroll.0 - dx).round() as i32);
            window.set_scroll_top((scroll.1 - dy).round() as i32);
        }
    }

    pub(super) fn released(&self) {
        self.hand.alter(|hand| hand.pressed = None);
        if let Some(window) = self.window.now() {
            let _ = window.class_list().remove_1("is-dragged");
        }
    }

    /// A click that no handle took: on words, on an arrow, on a fold, on a row's name.
    pub(super) fn clicked(&self, event: &MouseEvent) {
        if self.was_dragged() {
            return;
        }
        let at = (f64::from(event.client_x()), f64::from(event.client_y()));
        match self.find(at) {
            Some(Found::Fold(from_ns)) => self.unfold(from_ns),
            Some(Found::Whose(whose)) => {
                if let Some(seq) = self.seq_of(whose) {
                    self.select(seq);
                }
            }
            None => {
                self.store.selected.set(None);
                self.draw_soon();
            }
        }
    }

    fn point(&self, at: (f64, f64)) {
        let found = self.find(at);
        let whose = match found {
            Some(Found::Whose(whose)) => Some(whose),
            _ => None,
        };
        if self.hover.now() != whose {
            self.hover.set(whose);
            self.draw_soon();
        }
        if let Some(canvas) = self.canvas.now() {
            let _ = canvas
                .class_list()
                .toggle_with_force("can-press", found.is_some());
        }
    }

    pub(super) fn left(&self) {
        if self.hover.now().is_some() {
            self.hover.set(None);
            self.draw_soon();
        }
    }

    /// The wheel with Ctrl changes the scale where the pointer is; alone it scrolls, as everywhere.
    pub(super) fn wheeled(&self, event: &WheelEvent) {
        if !(event.ctrl_key() || event.meta_key()) {
            return;
        }
        event.prevent_default();
        let factor = within(-event.delta_y() / 240.0, -1.0, 1.0).exp2();
        let at = (f64::from(event.client_x()), f64::from(event.client_y()));
        self.zoom_by(factor, self.along_window(at));
    }

    /// Two fingers change the scale between them; one scrolls.
    pub(super) fn touched(&self, event: &TouchEvent) {
        let touches = event.touches();
        let (Some(a), Some(b)) = (touches.get(0), touches.get(1)) else {
            self.hand.alter(|hand| hand.apart = None);
            return;
        };
        event.prevent_default();
        let place =
            |touch: &web_sys::Touch| (f64::from(touch.client_x()), f64::from(touch.client_y()));
        let (a, b) = (place(&a), place(&b));
        let apart = (a.0 - b.0).hypot(a.1 - b.1).max(1.0);
        let before = self.hand.alter(|hand| hand.apart.replace(apart));
        if let Some(before) = before {
            self.zoom_by(
                apart / before,
                self.along_window(((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0)),
            );
        }
    }

    /// Keys on the stage; what it does not know, scrolls.
    pub(super) fn key(&self, event: &KeyboardEvent) {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let on_mark = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
            .is_some_and(|element| element.class_list().contains("timeline-mark"));
        let taken = match event.key().as_str() {
            "+" | "=" => {
                self.zoom_by(ZOOM_STEP, None);
                true
            }
            "-" => {
                self.zoom_by(1.0 / ZOOM_STEP, None);
                true
            }
            "0" => {
                self.fit(Zoom::Whole);
                true
            }
            "ArrowDown" | "ArrowRight" if on_mark => {
                self.step(1);
                self.focus_selected();
                true
            }
            "ArrowUp" | "ArrowLeft" if on_mark => {
                self.step(-1);
                self.focus_selected();
                true
            }
            _ => false,
        };
        if taken {
            event.prevent_default();
        }
    }

    /// Escape closes the inspector, in the picture, in the table and in the inspector itself.
    pub(super) fn key_around(&self, event: &KeyboardEvent) {
        if event.key() == "Escape" && self.store.selected.now().is_some() {
            event.prevent_default();
            self.close();
        }
    }

    /// A place in the browser's window, in the picture.
    fn in_picture(&self, at: (f64, f64)) -> Option<(f64, f64)> {
        let place = self.canvas.now()?.get_bounding_client_rect();
        let scroll = self.scroll();
        Some((
            at.0 - place.left() + scroll.0,
            at.1 - place.top() + scroll.1,
        ))
    }

    /// A place in the browser's window, along time in the picture's window.
    fn along_window(&self, at: (f64, f64)) -> Option<f64> {
        let at = self.in_picture(at)?;
        let scroll = self.scroll();
        self.with_scene(|scene| scene.along(at) - scene.along(scroll))
    }

    fn find(&self, at: (f64, f64)) -> Option<Found> {
        let at = self.in_picture(at)?;
        let scroll = self.scroll();
        self.with_scene(|scene| find(scene, at, scroll)).flatten()
    }

    fn seq_of(&self, whose: Whose) -> Option<u64> {
        let source = self.shown_source();
        let event = self.with_scene(|scene| match whose {
            Whose::Mark(place) => {
                let mark = scene
                    .marks
                    .get(place)
                    .filter(|mark| mark.source == source)?;
                scene.events_of(mark).first().copied()
            }
            Whose::Flight(place) => {
                let flight = scene
                    .flights
                    .get(place)
                    .filter(|flight| flight.source == source)?;
                Some(flight.from_event)
            }
            Whose::Track(place) => {
                let mark = scene
                    .marks
                    .iter()
                    .find(|mark| mark.track == place && mark.source == source)?;
                scene.events_of(mark).first().copied()
            }
        });
        let event = event.flatten()?;
        self.store
            .peek_shown(|run| run.events().get(event as usize).map(|event| event.seq))
    }
}

fn find(scene: &Scene, (x, y): (f64, f64), scroll: (f64, f64)) -> Option<Found> {
    let along = scene.along((x, y));
    let fold = scene.axis.segments().iter().find(|segment| {
        segment.piece == Piece::Fold && segment.from_px <= along && along <= segment.to_px
    });
    // The gutter stays where it is when the picture is scrolled across.
    let in_gutter = x - scroll.0 < scene.gutter_px;
    if scene.picture == Picture::Waterfall && in_gutter {
        let row = scene
            .tracks
            .iter()
            .position(|track| track.from <= y && y <= track.to)?;
        return Some(Found::Whose(Whose::Track(row)));
    }
    if let Some(fold) = fold {
        return Some(Found::Fold(fold.from_ns));
    }
    if in_gutter {
        return None;
    }
    let marks = scene.marks_between(along - 40.0, along + 40.0);
    let near = marks.clone().zip(scene.marks.get(marks)?);
    let mark = near
        .filter(|(_, mark)| mark.rect.holds(x, y, NEAR_PX))
        .min_by(|(_, a), (_, b)| (a.rect.w * a.rect.h).total_cmp(&(b.rect.w * b.rect.h)));
    if let Some((place, _)) = mark {
        return Some(Found::Whose(Whose::Mark(place)));
    }
    if let Some(label) = scene
        .labels
        .iter()
        .find(|label| label.rect.holds(x, y, 1.0))
    {
        return Some(Found::Whose(label.whose));
    }
    let flights = scene.flights_between(along - NEAR_PX, along + NEAR_PX);
    let flight = flights
        .clone()
        .zip(scene.flights.get(flights)?)
        .find(|(_, flight)| flight.way != Way::Handover && distance(flight, (x, y)) < NEAR_PX);
    flight.map(|(place, _)| Found::Whose(Whose::Flight(place)))
}

/// How far a point is from an arrow.
fn distance(flight: &Flight, (x, y): (f64, f64)) -> f64 {
    let ((x0, y0), (x1, y1)) = (flight.from, flight.to);
    let (dx, dy) = (x1 - x0, y1 - y0);
    let part = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy).max(1e-9);
    let part = within(part, 0.0, 1.0);
    (x - x0 - dx * part).hypot(y - y0 - dy * part)
}

/// Does what hands do on the picture's window. An event of a name has the type that the standards give it.
pub(super) fn listen(stage: Stage, window: El) -> El {
    let mut window = window
        .on("scroll", move |_| stage.scrolled())
        .on("wheel", move |event| stage.wheeled(event.unchecked_ref()))
        .on("pointerdown", move |event| {
            stage.pressed(event.unchecked_ref())
        })
        .on("pointermove", move |event| {
            stage.moved(event.unchecked_ref())
        })
        .on("pointerup", move |_| stage.released())
        .on("pointercancel", move |_| stage.released())
        .on("pointerleave", move |_| stage.left());
    for name in ["touchstart", "touchmove", "touchend"] {
        window = window.on(name, move |event| stage.touched(event.unchecked_ref()));
    }
    window
        .on("click", move |event| stage.clicked(event.unchecked_ref()))
        .on("keydown", move |event| stage.key(event.unchecked_ref()))
}

/// Keys that work wherever the focus is, but in fields.
pub(super) fn global_keys(stage: Stage) {
    use crate::components::controls::on_key;
    use std::rc::Rc;
    on_key("[", Rc::new(move || stage.step(-1)));
    on_key("]", Rc::new(move || stage.step(1)));
    on_key(
        "p",
        Rc::new(move || {
            if stage.shows.now() != Shows::Table {
                stage.toggle_play();
            }
        }),
    );
}

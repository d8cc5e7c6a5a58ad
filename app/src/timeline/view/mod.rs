//! The timeline on the page.

mod files;
mod input;
mod inspector;
mod lay;
mod legend;
mod moves;
mod overlay;
mod stage;
pub(crate) mod store;
mod table;
mod tools;

use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::{HtmlCanvasElement, ResizeObserver};
use wire::time::duration;

pub(crate) use store::RunStore;

use crate::{
    browser::{document, next_frame, spawn, window},
    components::{controls::button, notice::problem},
    dom::{El, State, el, follow, px},
    timeline::words,
};
use stage::{Shows, Stage};

/// The timeline with its summary, its tools, its inspector and its table.
///
/// `invitation` stands in it while nothing has happened: what to do, in a sentence.
pub(crate) fn timeline(store: RunStore, invitation: &'static str) -> El {
    let stage = Stage::new(store);
    input::global_keys(stage);
    watch_run(stage);
    watch_page(stage);
    let is_table = move || stage.shows.get() == Shows::Table;
    let body = el("div.timeline-body")
        .on("keydown", move |event| {
            stage.key_around(event.unchecked_ref())
        })
        .add_while(is_table, move || {
            stage.forget_picture();
            table::table(stage)
        })
        .add_while(move || !is_table(), move || picture(stage, invitation));
    let shows = move || match stage.shows.get() {
        Shows::Ladder => "ladder",
        Shows::Waterfall => "waterfall",
        Shows::Table => "table",
    };
    el("section.timeline")
        .attr("aria-label", "Timeline")
        .attr_of("data-shows", move || Some(shows().to_owned()))
        .on("dragover", |event| event.prevent_default())
        .on("drop", move |event| {
            if let Some(file) = files::dropped(&event) {
                event.prevent_default();
                files::open(stage, file);
            }
        })
        .add(summary(stage, invitation))
        .add(el("div").add(problem(move || stage.trouble.get())))
        .add(tools::tools(stage))
        .add(inspector::inspector(stage, body))
        .add(legend::legend(stage))
}

/// One sentence on the run, and where it is not the live one or not all of it, that.
fn summary(stage: Stage, invitation: &'static str) -> El {
    let store = stage.store;
    let words = move || {
        store.compare.with(|kept| {
            store.with_shown(|run| match kept {
                _ if run.is_empty() => invitation.to_owned(),
                Some(kept) => run.difference_from(kept),
                None => run.summary(),
            })
        })
    };
    let opened = move || {
        let back = move || {
            store.selected.set(None);
            stage.show_from_the_start();
            store.opened.set(None);
        };
        el("p.timeline-banner")
            .add(el("span").shows(move || opened_words(store)))
            .add(button("Back to the live run", back))
    };
    let compared = move || {
        el("p.timeline-banner")
            .add(
                el("span").text("Compared with the kept run, on one scale from where each begins."),
            )
            .add(button("Stop comparing", move || store.compare.set(None)))
    };
    el("div.timeline-top")
        .add(el("p.timeline-summary").attr("role", "status").shows(words))
        .add_while(move || store.opened.with(Option::is_some), opened)
        .add_while(move || store.compare.with(Option::is_some), compared)
}

fn opened_words(store: RunStore) -> String {
    store.opened.with(|opened| match opened {
        None => String::new(),
        Some(opened) => [
            "Opened run: “",
            &opened.name,
            "”, started ",
            &opened.run.started_at().replace('T', " "),
            ", ",
            &opened.run.len().to_string(),
            " events",
        ]
        .concat(),
    })
}

/// The picture in its window.
fn picture(stage: Stage, invitation: &'static str) -> El {
    let store = stage.store;
    let is_empty = move || store.with_shown(|run| run.is_empty()) && !store.has_kept();
    let canvas = el("canvas.timeline-canvas").attr("aria-hidden", "true");
    let sizer = el("div.timeline-sizer")
        .add(canvas.clone())
        .add(overlay::overlay(stage));
    let window = el("div.timeline-window")
        .attrs(&[
            ("tabindex", "0"),
            ("role", "group"),
            (
                "aria-label",
                "Picture of the run. Arrow keys scroll, [ and ] go from event to event, + and − change the scale, 0 fits the whole run.",
            ),
        ])
        .add(el("div.timeline-heads").holds(move || heads(stage)))
        .add(sizer.clone());
    let window = input::listen(stage, window);
    stage.window.set(Some(window.node().clone()));
    stage.sizer.set(Some(sizer.node().clone()));
    let canvas = canvas.node().clone().dyn_into::<HtmlCanvasElement>();
    stage.canvas.set(canvas.ok());
    // By then it is in the page and has a size.
    follow(move || {
        stage.measure();
        watch_size(stage);
    });
    el("div.timeline-stage")
        .add(window)
        .add_while(
            move || stage.moment.with(Option::is_some),
            move || el("p.timeline-badge.figures").shows(move || badge(stage)),
        )
        .add_while(is_empty, move || {
            el("div.timeline-invitation").add(el("p").text(invitation))
        })
}

/// The lanes' names, each over its line, at the side where the lane's words stand.
fn heads(stage: Stage) -> Vec<El> {
    let both = stage.store.has_kept();
    stage.heads.with(|heads| {
        let head = |head: &stage::Head| {
            let (word, number) = numbered(&head.name);
            let name = el("span").attr("class", &inspector::lane_class(head.lane));
            let name = if word.is_empty() {
                name
            } else {
                name.add(el("span.lane-word").text(word))
            };
            let name = name.text(number);
            let is_client = head.line > (head.from + head.to) / 2.0;
            let element = el(if is_client {
                "div.timeline-head.ends"
            } else {
                "div.timeline-head"
            })
            .attr("title", words::lane_means(head.lane))
            .add(name);
            let style = element.node().style();
            let _ = style.set_property("left", &px(head.from.round()));
            let width = head.to.round() - head.from.round();
            let _ = style.set_property("width", &px(width));
            if !both {
                return element;
            }
            let whose = if head.source == 0 { "kept" } else { "this" };
            element.add(el("small").text(whose))
        };
        heads.iter().map(head).collect()
    })
}

/// Of a name that ends in a number what is before it, else nothing; and the rest.
fn numbered(name: &str) -> (&str, &str) {
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
    let at = name.len() - digits;
    match (name.get(..at), name.get(at..)) {
        (Some(word), Some(number)) if digits > 0 && word.ends_with(' ') => (word, number),
        _ => ("", name),
    }
}

/// Which moment the picture stands at, and how fast it moves.
fn badge(stage: Stage) -> String {
    let Some(at) = stage.moment.get() else {
        return String::new();
    };
    let (more, events) = stage.store.with_shown(|run| {
        let until = at.saturating_add(stage::origin(run));
        let drawn = run
            .order()
            .partition_point(|&index| run.event(index).at_ns <= until);
        (run.len() - drawn, run.len())
    });
    let mut words = match (stage.playing.get(), stage.speed.get().factor()) {
        (true, 1) => "True speed".to_owned(),
        (true, factor) => ["1/", &factor.to_string(), " of true speed"].concat(),
        (false, _) => "Still".to_owned(),
    };
    words.push_str(" · ");
    words.push_str(&duration(at));
    if more > 0 {
        let (more, events) = (more.to_string(), events.to_string());
        words.push_str(&[" · ", &more, " of ", &events, " events to come"].concat());
    }
    words
}

/// Lays out anew when what is drawn has changed.
fn watch_run(stage: Stage) {
    let store = stage.store;
    // What is new of the live run, and where it begins: slowed down, it is replayed from there.
    let before = State::new((None::<u128>, 0));
    follow(move || {
        let (id, count, new_from) = store.live.with(|run| {
            let id = run.id().map(|id| id.get());
            let (other, count) = before.now();
            let known = if other == id { count } else { 0 };
            let fresh = run.events().get(known..).unwrap_or_default();
            let first = fresh.iter().map(|event| event.at_ns).min();
            (
                id,
                run.len(),
                first.map(|at| at.saturating_sub(stage::origin(run))),
            )
        });
        before.alter(|before| *before = (id, count));
        stage.grew(new_from);
    });
    follow(move || {
        store.opened.track();
        store.compare.track();
        stage.zoom.track();
        stage.to_scale.track();
        stage.unfolded.track();
        stage.shows.track();
        stage.lay_soon();
    });
    follow(move || {
        store.selected.track();
        stage.draw_soon();
    });
    follow(move || {
        stage.moment.track();
        stage.moment_changed();
    });
}

/// Reads colours and type again when the page looks different.
fn watch_page(stage: Stage) {
    let display = Closure::<dyn FnMut()>::new(move || {
        // The new style is computed by the next frame.
        next_frame(move || stage.restyle());
    });
    let handler = display.as_ref().unchecked_ref();
    let _ = document().add_event_listener_with_callback("roundtrip:display", handler);
    for query in [
        "(prefers-color-scheme: dark)",
        "(prefers-contrast: more)",
        "(forced-colors: active)",
    ] {
        if let Ok(Some(query)) = window().match_media(query) {
            let _ = query.add_event_listener_with_callback("change", handler);
        }
    }
    // Words are as wide as the page's own fonts when those have come.
    if let Ok(fonts) = js_sys::Reflect::get(&document(), &"fonts".into())
        && let Ok(ready) = js_sys::Reflect::get(&fonts, &"ready".into())
        && let Ok(ready) = ready.dyn_into::<js_sys::Promise>()
    {
        spawn(async move {
            if wasm_bindgen_futures::JsFuture::from(ready).await.is_ok() {
                stage.restyle();
            }
        });
    }
    // The timeline lives as long as its page.
    display.forget();
}

/// Lays out anew when the window has another size.
fn watch_size(stage: Stage) {
    let Some(window) = stage.window.now() else {
        return;
    };
    let changed = Closure::<dyn FnMut()>::new(move || {
        stage.measure();
    });
    if let Ok(observer) = ResizeObserver::new(changed.as_ref().unchecked_ref()) {
        observer.observe(&window);
        changed.forget();
    }
}

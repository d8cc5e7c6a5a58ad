//! The timeline on the page.

mod files;
mod input;
mod inspector;
mod lay;
mod legend;
mod moves;
mod overlay;
mod stage;
pub mod store;
mod table;
mod tools;

use leptos::{ev, prelude::*};
use wasm_bindgen::{JsCast, prelude::Closure};
use web_sys::ResizeObserver;
use wire::time::duration;

pub use store::{Opened, RunStore};

use crate::components::notice::problem;
use stage::{Shows, Stage};

/// The timeline with its summary, its tools, its inspector and its table.
///
/// `invitation` stands in it while nothing has happened: what to do, in a sentence.
#[component]
pub fn Timeline(
    /// The page's runs.
    store: RunStore,
    /// What to do while nothing has happened.
    #[prop(into)]
    invitation: String,
) -> impl IntoView {
    let stage = Stage::new(store);
    input::global_keys(stage);
    watch_run(stage);
    watch_page(stage);
    let is_table = Memo::new(move |_| stage.shows.get() == Shows::Table);
    let trouble = NodeRef::<leptos::html::Div>::new();
    trouble.on_load(move |host| {
        let notice = problem(move || stage.trouble.get());
        // The element was made for this place and stands nowhere else: it can be put there.
        let _ = host.append_child(notice.node());
    });
    view! {
        <section
            class="timeline"
            aria-label="Timeline"
            data-shows=move || match stage.shows.get() {
                Shows::Ladder => "ladder",
                Shows::Waterfall => "waterfall",
                Shows::Table => "table",
            }
            on:dragover=move |event: ev::DragEvent| event.prevent_default()
            on:drop=move |event: ev::DragEvent| {
                if let Some(file) = files::dropped(&event) {
                    event.prevent_default();
                    files::open(stage, file);
                }
            }
        >
            {summary(stage, invitation.clone())}
            <div node_ref=trouble></div>
            {tools::tools(stage)}
            <div class="timeline-body" on:keydown=move |event| stage.key_around(&event)>
                {move || {
                    if is_table.get() { table::table(stage) } else { picture(stage, invitation.clone()) }
                }}
                {inspector::inspector(stage)}
            </div>
            {legend::legend(stage)}
        </section>
    }
}

/// One sentence on the run, and where it is not the live one or not all of it, that.
fn summary(stage: Stage, invitation: String) -> AnyView {
    let store = stage.store;
    let words = Memo::new(move |_| {
        let kept = store.compare.get();
        store.with_shown(|run| match kept {
            _ if run.is_empty() => invitation.clone(),
            Some(kept) => run.difference_from(&kept),
            None => run.summary(),
        })
    });
    let opened = move || {
        store.opened.with(|opened| {
            opened.as_ref().map(|opened| {
                let words = [
                    "“",
                    &opened.name,
                    "”, started ",
                    &opened.run.started_at().replace('T', " "),
                    ", ",
                    &opened.run.len().to_string(),
                    " events",
                ]
                .concat();
                view! {
                    <p class="timeline-banner">
                        <span>"Opened run: " {words}</span>
                        <button
                            type="button"
                            on:click=move |_| {
                                store.selected.set(None);
                                stage.show_from_the_start();
                                store.opened.set(None);
                            }
                        >
                            "Back to the live run"
                        </button>
                    </p>
                }
            })
        })
    };
    let compared = move || {
        store.compare.with(Option::is_some).then(|| {
            view! {
                <p class="timeline-banner">
                    <span>"Compared with the kept run, on one scale from where each begins."</span>
                    <button type="button" on:click=move |_| store.compare.set(None)>"Stop comparing"</button>
                </p>
            }
        })
    };
    view! {
        <div class="timeline-top">
            <p class="timeline-summary" role="status">{words}</p>
            {opened}
            {compared}
        </div>
    }
    .into_any()
}

/// The picture in its window.
fn picture(stage: Stage, invitation: String) -> AnyView {
    let store = stage.store;
    let kept = move || {
        store
            .compare
            .with(|kept| kept.as_ref().is_some_and(|kept| !kept.is_empty()))
    };
    let is_empty = Memo::new(move |_| store.with_shown(|run| run.is_empty()) && !kept());
    let heads = move || {
        let both = kept();
        stage
            .heads
            .get()
            .into_iter()
            .map(|head| {
                let px = |px: f64| [&px.round().to_string(), "px"].concat();
                // A name stands over its line, at the side where the lane's words stand.
                let is_client = head.line > (head.from + head.to) / 2.0;
                let whose = both.then_some(if head.source == 0 { "kept" } else { "this" });
                view! {
                    <div
                        class="timeline-head"
                        class:ends=is_client
                        style:left=px(head.from)
                        style:width=px(head.to - head.from)
                        title=crate::timeline::words::lane_means(head.lane)
                    >
                        <span class=inspector::lane_class(head.lane)>{head.name}</span>
                        {whose.map(|whose| view! { <small>{whose}</small> })}
                    </div>
                }
            })
            .collect_view()
    };
    let badge = move || {
        let at = stage.moment.get()?;
        let (more, events) = store.with_shown(|run| {
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
        Some(view! { <p class="timeline-badge figures">{words}</p> })
    };
    Effect::new(move |_| {
        if stage.canvas.get().is_some() {
            stage.measure();
            watch_size(stage);
        }
    });
    view! {
        <div class="timeline-stage">
            <div
                class="timeline-window"
                tabindex="0"
                role="group"
                aria-label="Picture of the run. Arrow keys scroll, [ and ] go from event to event, + and − change the scale, 0 fits the whole run."
                node_ref=stage.window
                on:scroll=move |_| stage.scrolled()
                on:wheel=move |event| stage.wheeled(&event)
                on:pointerdown=move |event| stage.pressed(&event)
                on:pointermove=move |event| stage.moved(&event)
                on:pointerup=move |_| stage.released()
                on:pointercancel=move |_| stage.released()
                on:pointerleave=move |_| stage.left()
                on:touchstart=move |event| stage.touched(&event)
                on:touchmove=move |event| stage.touched(&event)
                on:touchend=move |event| stage.touched(&event)
                on:click=move |event| stage.clicked(&event)
                on:keydown=move |event| stage.key(&event)
            >
                <div class="timeline-heads">{heads}</div>
                <div class="timeline-sizer" node_ref=stage.sizer>
                    <canvas class="timeline-canvas" aria-hidden="true" node_ref=stage.canvas></canvas>
                    {overlay::overlay(stage)}
                </div>
            </div>
            {badge}
            <Show when=move || is_empty.get()>
                <div class="timeline-invitation"><p>{invitation.clone()}</p></div>
            </Show>
        </div>
    }
    .into_any()
}

/// Lays out anew when what is drawn has changed.
fn watch_run(stage: Stage) {
    let store = stage.store;
    // What is new of the live run, and where it begins: slowed down, it is replayed from there.
    Effect::new(move |before: Option<(Option<u128>, usize)>| {
        let (id, count, new_from) = store.live.with(|run| {
            let id = run.id().map(|id| id.get());
            let known = before
                .filter(|(other, _)| *other == id)
                .map_or(0, |(_, count)| count);
            let fresh = run.events().get(known..).unwrap_or_default();
            let first = fresh.iter().map(|event| event.at_ns).min();
            (
                id,
                run.len(),
                first.map(|at| at.saturating_sub(stage::origin(run))),
            )
        });
        stage.grew(new_from);
        (id, count)
    });
    Effect::new(move |_| {
        store.opened.track();
        store.compare.track();
        stage.zoom.track();
        stage.to_scale.track();
        stage.unfolded.track();
        stage.shows.track();
        stage.lay_soon();
    });
    Effect::new(move |_| {
        store.selected.track();
        stage.draw_soon();
    });
    Effect::new(move |_| {
        stage.moment.track();
        stage.moment_changed();
    });
}

/// Reads colours and type again when the page looks different.
fn watch_page(stage: Stage) {
    let display = Closure::<dyn FnMut()>::new(move || {
        // The new style is computed by the next frame.
        request_animation_frame(move || stage.restyle());
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
        leptos::task::spawn_local(async move {
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
    let Some(window) = stage.window.get_untracked() else {
        return;
    };
    let changed = Closure::<dyn FnMut()>::new(move || {
        if stage.window.try_get_untracked().flatten().is_some() {
            stage.measure();
        }
    });
    if let Ok(observer) = ResizeObserver::new(changed.as_ref().unchecked_ref()) {
        observer.observe(&window);
        changed.forget();
    }
}

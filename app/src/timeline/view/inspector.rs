//! The inspector: all that is known about one event, and the sentence of the lesson that explains it.

use leptos::{prelude::*, wasm_bindgen::JsCast};
use web_sys::Element;
use wire::trace::TraceEvent;

use super::stage::{Stage, origin};
use crate::timeline::{facts, words};

/// What the inspector shows, made once for each event.
#[derive(Clone, PartialEq)]
struct Shown {
    title: String,
    lane: String,
    lane_class: String,
    facts: Vec<facts::Fact>,
    more: Vec<(String, String)>,
    lesson: Option<String>,
    text: Option<String>,
    hex: Option<String>,
    left_out: Option<String>,
}

fn shown(event: &TraceEvent, origin_ns: i64, lesson: Option<String>) -> Shown {
    let data = facts::data(event);
    let from = event.detail.offset.unwrap_or(0);
    Shown {
        title: words::event(event),
        lane: words::lane(event.lane),
        lane_class: lane_class(event.lane),
        facts: facts::facts(event, origin_ns),
        more: facts::more(event),
        lesson,
        text: data.as_deref().map(facts::as_text),
        hex: data.as_deref().map(|data| facts::as_hex(data, from)),
        left_out: event
            .detail
            .data_left_out
            .map(|count| [&wire::time::bytes(count), " more are not recorded."].concat()),
    }
}

/// The class that gives words a lane's colour and shape.
pub(super) fn lane_class(lane: wire::trace::Lane) -> String {
    ["lane lane-", lane.kind.name()].concat()
}

/// Finds the lesson's sentence for an event and marks it in the lesson, and no other.
fn explain(event: Option<&TraceEvent>) -> Option<String> {
    let document = document();
    if let Ok(marked) = document.query_selector_all("[data-explains].is-current") {
        for place in 0..marked.length() {
            if let Some(element) = marked
                .get(place)
                .and_then(|node| node.dyn_into::<Element>().ok())
            {
                let _ = element.class_list().remove_1("is-current");
            }
        }
    }
    let kind = words::kind_name(event?.kind);
    let selector = ["[data-explains~=\"", &kind, "\"]"].concat();
    let element = document.query_selector(&selector).ok()??;
    let _ = element.class_list().add_1("is-current");
    element
        .text_content()
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The panel at the right, or below on a phone.
pub(super) fn inspector(stage: Stage) -> AnyView {
    let store = stage.store;
    let current = Memo::new(move |_| {
        let seq = store.selected.get();
        store.with_shown(|run| {
            let event = seq.and_then(|seq| run.by_seq(seq));
            let lesson = explain(event);
            event.map(|event| shown(event, origin(run), lesson))
        })
    });
    let panel = move |shown: Shown| {
        let facts = shown
            .facts
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text))
            .chain(shown.more)
            .map(|(name, text)| view! { <div><dt>{name}</dt><dd>{text}</dd></div> })
            .collect_view();
        view! {
            <aside class="inspector" aria-label="Event">
                <header>
                    <p class=shown.lane_class>{shown.lane}</p>
                    <h2>{shown.title}</h2>
                    <div class="inspector-tools">
                        <button type="button" class="quiet icon-only" aria-label="Previous event" aria-keyshortcuts="["
                            on:click=move |_| stage.step(-1)>"←"</button>
                        <button type="button" class="quiet icon-only" aria-label="Next event" aria-keyshortcuts="]"
                            on:click=move |_| stage.step(1)>"→"</button>
                        <button type="button" class="quiet icon-only" aria-label="Close" on:click=move |_| stage.close()>"×"</button>
                    </div>
                </header>
                {shown.lesson.map(|lesson| view! { <p class="inspector-lesson">{lesson}</p> })}
                <dl>{facts}</dl>
                {shown.text.map(|text| view! {
                    <details open=true>
                        <summary>"As text"</summary>
                        <pre tabindex="0">{text}</pre>
                    </details>
                })}
                {shown.hex.map(|hex| view! {
                    <details>
                        <summary>"As bytes"</summary>
                        <pre tabindex="0" class="inspector-hex">{hex}</pre>
                    </details>
                })}
                {shown.left_out.map(|words| view! { <p class="muted">{words}</p> })}
            </aside>
        }
    };
    view! { {move || current.get().map(panel)} }.into_any()
}

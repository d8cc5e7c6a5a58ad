//! The inspector: all that is known about one event, and the sentence of the lesson that explains it.

use wasm_bindgen::JsCast;
use web_sys::Element;
use wire::trace::TraceEvent;

use super::stage::{Stage, origin};
use crate::{
    browser::document,
    components::controls::button,
    dom::{El, State, derived, el},
    timeline::{facts, words},
};

/// What the inspector shows, made once for each event.
#[derive(Clone, PartialEq)]
struct Shown {
    title: String,
    lane: String,
    lane_class: String,
    facts: Vec<(String, String)>,
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
        facts: facts::facts(event, origin_ns)
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text))
            .chain(facts::more(event))
            .collect(),
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
    let kind = event?.kind.name();
    let selector = ["[data-explains~=\"", kind, "\"]"].concat();
    let element = document.query_selector(&selector).ok()??;
    let _ = element.class_list().add_1("is-current");
    element
        .text_content()
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The panel at the right, or below on a phone: there as long as an event is selected.
pub(super) fn inspector(stage: Stage, body: El) -> El {
    let store = stage.store;
    let current = derived(move || {
        let seq = store.selected.get();
        store.with_shown(|run| {
            let event = seq.and_then(|seq| run.by_seq(seq));
            let lesson = explain(event);
            event.map(|event| shown(event, origin(run), lesson))
        })
    });
    body.add_while(
        move || current.with(Option::is_some),
        move || panel(stage, current),
    )
}

/// The panel stays the same from event to event, and so does the focus on its buttons.
fn panel(stage: Stage, current: State<Option<Shown>>) -> El {
    let text = move |of: fn(&Shown) -> Option<&String>| {
        current.with(|shown| shown.as_ref().and_then(of).cloned())
    };
    let optional = move |panel: El,
                         of: fn(&Shown) -> Option<&String>,
                         around: fn(El) -> El,
                         what: &'static str| {
        panel.add_while(
            move || text(of).is_some(),
            move || around(el(what).shows(move || text(of).unwrap_or_default())),
        )
    };
    let tools = el("div.inspector-tools")
        .add(tool("←", "Previous event", move || stage.step(-1)).attr("aria-keyshortcuts", "["))
        .add(tool("→", "Next event", move || stage.step(1)).attr("aria-keyshortcuts", "]"))
        .add(tool("×", "Close", move || stage.close()));
    let header = el("header")
        .add(
            el("p")
                .attr_of("class", move || text(|shown| Some(&shown.lane_class)))
                .shows(move || text(|shown| Some(&shown.lane)).unwrap_or_default()),
        )
        .add(el("h2").shows(move || text(|shown| Some(&shown.title)).unwrap_or_default()))
        .add(tools);
    let facts = el("dl").holds(move || {
        current.with(|shown| {
            shown
                .iter()
                .flat_map(|shown| &shown.facts)
                .map(|(name, text)| el("div").add(el("dt").text(name)).add(el("dd").text(text)))
                .collect()
        })
    });
    let panel = el("aside.inspector")
        .attr("aria-label", "Event")
        .add(header);
    let panel = optional(
        panel,
        |shown| shown.lesson.as_ref(),
        |words| words,
        "p.inspector-lesson",
    );
    let panel = panel.add(facts);
    let panel = optional(
        panel,
        |shown| shown.text.as_ref(),
        |text| folded("As text", text).attr("open", ""),
        "pre",
    );
    let panel = optional(
        panel,
        |shown| shown.hex.as_ref(),
        |hex| folded("As bytes", hex),
        "pre.inspector-hex",
    );
    optional(
        panel,
        |shown| shown.left_out.as_ref(),
        |words| words,
        "p.muted",
    )
}

fn tool(sign: &str, name: &str, act: impl Fn() + 'static) -> El {
    button(sign, act).attrs(&[("class", "quiet icon-only"), ("aria-label", name)])
}

fn folded(name: &str, text: El) -> El {
    el("details")
        .add(el("summary").text(name))
        .add(text.attr("tabindex", "0"))
}

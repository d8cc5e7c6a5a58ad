//! The events as a table: the same run for those who do not see the picture, and for those who want to read it line by
//! line.

use std::rc::Rc;

use web_sys::HtmlElement;
use wire::{
    time::{bytes, duration},
    trace::TraceEvent,
};

use super::{
    inspector::lane_class,
    stage::{Stage, origin},
};
use crate::{
    components::controls::button,
    dom::{El, Keyed, State, el, follow, target},
    timeline::words,
};

/// How many rows a page of the table has.
const ROWS: usize = 500;

/// The columns: their names, and whether figures stand in them.
const COLUMNS: [(&str, bool); 8] = [
    ("#", true),
    ("Time", true),
    ("Lane", false),
    ("What", false),
    ("Duration", true),
    ("± error", true),
    ("Truth", false),
    ("Bytes", true),
];

/// The table, a page at a time.
pub(super) fn table(stage: Stage) -> El {
    let page = State::new(0_usize);
    let pages = move || count(stage).div_ceil(ROWS).max(1);
    let at = move || page.get().min(pages() - 1);
    let turn = move |by: isize| {
        let now = at();
        page.set(now.saturating_add_signed(by).min(pages() - 1));
    };
    let heads = COLUMNS.map(|(name, is_number)| {
        el(if is_number { "th.number" } else { "th" })
            .attr("scope", "col")
            .text(name)
    });
    let turning = move || {
        el("p.timeline-pages")
            .add(button("Earlier", move || turn(-1)).flag_of("disabled", move || at() == 0))
            .add(el("span.figures").shows(move || {
                [
                    "Page ",
                    &(at() + 1).to_string(),
                    " of ",
                    &pages().to_string(),
                ]
                .concat()
            }))
            .add(button("Later", move || turn(1)).flag_of("disabled", move || at() + 1 == pages()))
    };
    el("div.timeline-table.scrolls")
        .attrs(&[
            ("tabindex", "0"),
            ("role", "group"),
            ("aria-label", "Table of the events"),
        ])
        .add(
            el("table")
                .add(el("caption").shows(move || caption(count(stage), at() * ROWS)))
                .add(el("thead").add(el("tr").add_all(heads)))
                .add(body(stage, move || at() * ROWS)),
        )
        .add_while(move || pages() > 1, turning)
}

fn count(stage: Stage) -> usize {
    stage.store.with_shown(|run| run.len())
}

fn caption(count: usize, first: usize) -> String {
    let what = "Events by time, counted from the first one";
    if count <= ROWS {
        return [what, ": ", &count.to_string(), "."].concat();
    }
    let last = (first + ROWS).min(count);
    [
        what,
        ": ",
        &(first + 1).to_string(),
        " to ",
        &last.to_string(),
        " of ",
        &count.to_string(),
        ".",
    ]
    .concat()
}

/// The rows of a page; `first` is the place of its first event.
fn body(stage: Stage, first: impl Fn() -> usize + 'static) -> El {
    let body = el("tbody");
    let rows = Rc::new(Keyed::of(body.clone()));
    let (to_mark, clicked) = (Rc::clone(&rows), Rc::clone(&rows));
    // The number of each row's event.
    let seqs = State::new(Vec::<u64>::new());
    follow(move || {
        let first = first();
        let shown = stage.store.with_shown(|run| {
            let origin = origin(run);
            let events: Vec<_> = run.in_time().skip(first).take(ROWS).collect();
            let key = |event: &&TraceEvent| {
                let time = event.at_ns.saturating_sub(origin);
                [&event.seq.to_string(), "@", &time.to_string()].concat()
            };
            rows.show(events.iter().map(key).collect(), &|place| {
                row(events[place], origin)
            });
            events.iter().map(|event| event.seq).collect()
        });
        seqs.set(shown);
    });
    follow(move || {
        let selected = stage.store.selected.get();
        seqs.with(|seqs| {
            to_mark.each(|place, row| mark(row, selected == seqs.get(place).copied()));
        });
    });
    // One listener for all of them: rows come and go.
    body.on("click", move |event| {
        let on_button = target(&event).is_some_and(|element| element.tag_name() == "BUTTON");
        let place = clicked.place_of(&event).filter(|_| on_button);
        let seq = place.and_then(|place| seqs.peek(|seqs| seqs.get(place).copied()));
        if let Some(seq) = seq {
            stage.select(seq);
        }
    })
}

fn row(event: &TraceEvent, origin_ns: i64) -> El {
    let figure = |text: Option<String>| el("td.number").text(&text.unwrap_or_default());
    let mut what = words::event(event);
    if let Some(summary) = event.detail.summary.as_deref()
        && !what.ends_with(summary)
    {
        what = [&what, ": ", summary].concat();
    }
    let seq = event.seq.to_string();
    let select = el("button.quiet")
        .attrs(&[
            ("type", "button"),
            ("aria-label", &["Event ", &seq].concat()),
        ])
        .text(&seq);
    let lane = el("span")
        .attr("class", &lane_class(event.lane))
        .text(&words::lane(event.lane));
    el("tr")
        .attr("data-kind", event.kind.name())
        .add(el("td.number").add(select))
        .add(figure(Some(duration(
            event.at_ns.saturating_sub(origin_ns),
        ))))
        .add(el("td").add(lane))
        .add(el("td").text(&what))
        .add(figure(event.duration_ns.map(|ns| duration(ns as i64))))
        .add(figure(Some(duration(event.error_ns as i64))))
        .add(el("td").text(words::truth_name(event.truth)))
        .add(figure(event.bytes.map(bytes)))
}

fn mark(row: &HtmlElement, is_selected: bool) {
    let _ = row
        .class_list()
        .toggle_with_force("is-selected", is_selected);
    if let Ok(Some(button)) = row.query_selector("button") {
        let pressed = if is_selected { "true" } else { "false" };
        let _ = button.set_attribute("aria-pressed", pressed);
    }
}

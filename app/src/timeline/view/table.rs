//! The events as a table: the same run for those who do not see the picture, and for those who want to read it line by
//! line.

use leptos::prelude::*;
use wire::{
    time::{bytes, duration},
    trace::TraceEvent,
};

use super::{
    inspector::lane_class,
    stage::{Stage, origin},
};
use crate::timeline::words;

/// How many rows a page of the table has.
const ROWS: usize = 500;

#[derive(Clone, PartialEq)]
struct Row {
    seq: u64,
    time: String,
    lane: String,
    lane_class: String,
    kind: String,
    what: String,
    took: String,
    error: String,
    truth: &'static str,
    bytes: String,
}

fn row(event: &TraceEvent, origin_ns: i64) -> Row {
    let figure = |text: Option<String>| text.unwrap_or_default();
    let mut what = words::event(event);
    if let Some(summary) = event.detail.summary.as_deref()
        && !what.contains(summary)
    {
        what = [&what, ": ", summary].concat();
    }
    Row {
        seq: event.seq,
        time: duration(event.at_ns.saturating_sub(origin_ns)),
        lane: words::lane(event.lane),
        lane_class: lane_class(event.lane),
        kind: words::kind_name(event.kind),
        what,
        took: figure(event.duration_ns.map(|ns| duration(ns as i64))),
        error: duration(event.error_ns as i64),
        truth: words::truth_name(event.truth),
        bytes: figure(event.bytes.map(bytes)),
    }
}

/// The table, a page at a time.
pub(super) fn table(stage: Stage) -> AnyView {
    let page = RwSignal::new(0_usize);
    let count = Memo::new(move |_| stage.store.with_shown(|run| run.len()));
    let pages = move || count.get().div_ceil(ROWS).max(1);
    let at = move || page.get().min(pages() - 1);
    let rows = move || {
        let first = at() * ROWS;
        stage.store.with_shown(|run| {
            let origin = origin(run);
            run.in_time()
                .skip(first)
                .take(ROWS)
                .map(|event| row(event, origin))
                .collect::<Vec<_>>()
        })
    };
    let caption = move || {
        let (count, first) = (count.get(), at() * ROWS);
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
    };
    let turn = move |by: isize| {
        let now = at();
        page.set(now.saturating_add_signed(by).min(pages() - 1));
    };
    view! {
        <div class="timeline-table scrolls" tabindex="0" role="group" aria-label="Table of the events">
            <table>
                <caption>{caption}</caption>
                <thead>
                    <tr>
                        <th scope="col" class="number">"#"</th>
                        <th scope="col" class="number">"Time"</th>
                        <th scope="col">"Lane"</th>
                        <th scope="col">"What"</th>
                        <th scope="col" class="number">"Duration"</th>
                        <th scope="col" class="number">"± error"</th>
                        <th scope="col">"Truth"</th>
                        <th scope="col" class="number">"Bytes"</th>
                    </tr>
                </thead>
                <tbody>
                    <For
                        each=rows
                        key=|row| (row.seq, row.time.clone())
                        children=move |row| {
                            let seq = row.seq;
                            let pressed = move || (stage.store.selected.get() == Some(seq)).to_string();
                            view! {
                                <tr data-kind=row.kind class:is-selected=move || stage.store.selected.get() == Some(seq)>
                                    <td class="number">
                                        <button type="button" class="quiet" aria-label=format!("Event {seq}")
                                            aria-pressed=pressed on:click=move |_| stage.select(seq)>{seq}</button>
                                    </td>
                                    <td class="number">{row.time}</td>
                                    <td><span class=row.lane_class>{row.lane}</span></td>
                                    <td>{row.what}</td>
                                    <td class="number">{row.took}</td>
                                    <td class="number">{row.error}</td>
                                    <td>{row.truth}</td>
                                    <td class="number">{row.bytes}</td>
                                </tr>
                            }
                        }
                    />
                </tbody>
            </table>
            <Show when=move || { pages() > 1 }>
                <p class="timeline-pages">
                    <button type="button" on:click=move |_| turn(-1) disabled=move || at() == 0>"Earlier"</button>
                    <span class="figures">
                        {move || ["Page ", &(at() + 1).to_string(), " of ", &pages().to_string()].concat()}
                    </span>
                    <button type="button" on:click=move |_| turn(1) disabled=move || at() + 1 == pages()>"Later"</button>
                </p>
            </Show>
        </div>
    }
    .into_any()
}

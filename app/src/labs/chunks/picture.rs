//! The picture: how much of the file the server had when, one request over the chunks, on one scale; and the figures.
//!
//! What the server had is an area cut out of a field (`clip-path`), so that a change of the theme needs no painting.

use wire::time::{bytes, duration};

use super::{sender::Journey, track::Track};
use crate::dom::{El, State, el};

/// The ways, as the rows are called.
pub(super) const WAYS: [&str; 2] = ["One request", "Chunks"];
const COLUMNS: [&str; 7] = [
    "Way",
    "Acknowledged",
    "Sent again",
    "Requests",
    "Header",
    "Recovered in",
    "In all",
];

/// What one way shows.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Row {
    cells: [String; 6],
    shape: String,
    /// In thousandths of the width: the cut, and the end of what it cost.
    cut: Option<(u64, u64)>,
}

/// What both show, and how long the scale is.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Shown {
    rows: [Row; 2],
    span: String,
}

/// What these ways came to so far, for a file of this length.
pub(super) fn shown(tracks: &[Track; 2], journeys: &[Journey; 2], length: u64) -> Shown {
    let times = || tracks.iter().flat_map(|track| &track.points);
    let from_ns = times().map(|(at_ns, _)| *at_ns).min().unwrap_or(0);
    let until_ns = times().map(|(at_ns, _)| *at_ns).max().unwrap_or(0);
    let span_ns = (until_ns - from_ns).max(1);
    let across = |at_ns: i64| ((at_ns - from_ns).max(0) * 1_000 / span_ns).unsigned_abs();
    let row = |way: usize| {
        let (track, journey) = (&tracks[way], &journeys[way]);
        let dash = || "–".to_owned();
        let cut = track.cut.map(|(at_ns, _)| {
            let end_ns = track.recovered_ns.unwrap_or(until_ns);
            (across(at_ns), across(end_ns))
        });
        Row {
            cells: [
                bytes(journey.acknowledged),
                bytes(track.again()),
                track.requests.to_string(),
                bytes(track.head),
                track.recovery_ns().map_or_else(dash, duration),
                journey.took_ns.map_or_else(dash, duration),
            ],
            shape: shape(track, across, length),
            cut,
        }
    };
    Shown {
        rows: [row(0), row(1)],
        span: match times().next() {
            Some(_) => duration(span_ns),
            None => String::new(),
        },
    }
}

/// The area under what the server had.
fn shape(track: &Track, across: impl Fn(i64) -> u64, length: u64) -> String {
    let (mut shape, mut last) = ("polygon(0 100%".to_owned(), (0, 0));
    for (at_ns, position) in &track.points {
        let (x, y) = (across(*at_ns), position * 1_000 / length.max(1));
        // What stands closer than a thousandth is not to be seen, a fall excepted.
        if x > last.0 + 1 || y < last.1 {
            if y < last.1 {
                corner(&mut shape, x, last.1);
            }
            corner(&mut shape, x, y);
        }
        last = (x.max(last.0), y);
    }
    corner(&mut shape, last.0, last.1);
    corner(&mut shape, last.0, 0);
    shape.push(')');
    shape
}

fn corner(shape: &mut String, x: u64, y: u64) {
    for (before, thousandths) in [(",", x), (" ", 1_000 - y.min(1_000))] {
        let (whole, tenth) = (thousandths / 10, thousandths % 10);
        shape.push_str(&[before, &whole.to_string(), ".", &tenth.to_string(), "%"].concat());
    }
}

/// The two rows over one axis.
pub(super) fn picture(state: State<Shown>) -> El {
    let rows = [0, 1].map(|way| {
        let area = el("i.area").follows(move |area| {
            let shape = state.with(|shown| shown.rows[way].shape.clone());
            let _ = area.style().set_property("clip-path", &shape);
        });
        let cost = el("s").follows(move |cost| {
            let cut = state.with(|shown| shown.rows[way].cut);
            cost.set_hidden(cut.is_none());
            let (at, until) = cut.unwrap_or_default();
            for (name, value) in [("--at", at), ("--until", until)] {
                let _ = cost.style().set_property(name, &value.to_string());
            }
        });
        let words = move || {
            state.with(|shown| {
                let cells = &shown.rows[way].cells;
                match (&shown.rows[way].cut, cells[5].as_str()) {
                    (_, "") => String::new(),
                    (None, took) => [&cells[0], " acknowledged; in all ", took].concat(),
                    (Some(_), took) => [
                        &cells[1],
                        " sent again, back in ",
                        &cells[4],
                        "; in all ",
                        took,
                    ]
                    .concat(),
                }
            })
        };
        el("div.way-row").add_all([
            el("div.way-name")
                .add(el("b").text(WAYS[way]))
                .add(el("span").shows(words)),
            el("div.way-field")
                .attr("aria-hidden", "true")
                .add_all([area, cost]),
        ])
    });
    let axis = el("div.way-axis").attr("aria-hidden", "true").add_all([
        el("span").text("0"),
        el("span").shows(move || state.with(|shown| shown.span.clone())),
    ]);
    el("section.ways")
        .attr("aria-labelledby", "ways-title")
        .add(
            el("header")
                .add(
                    el("h2")
                        .attr("id", "ways-title")
                        .text("How much of the file the server has"),
                )
                .add(el("p.hint").text(
                    "Up: from nothing to all of it; right: time. Both on the server’s clock, as its socket read them. \
                     Hatched: from the cut until it has more than before.",
                )),
        )
        .add_all(rows)
        .add(axis)
}

/// The same in figures.
pub(super) fn table(state: State<Shown>) -> El {
    let head = COLUMNS.map(|name| el("th").attr("scope", "col").text(name));
    let rows = [0, 1].map(|way| {
        let cells = (0..6).map(|at| {
            el("td").shows(move || state.with(|shown| shown.rows[way].cells[at].clone()))
        });
        el("tr")
            .add(el("th").attr("scope", "row").text(WAYS[way]))
            .add_all(cells)
    });
    let table = el("table")
        .attr("aria-labelledby", "came-title")
        .add(el("thead").add(el("tr").add_all(head)))
        .add(el("tbody").add_all(rows));
    el("section.came")
        .attr("aria-labelledby", "came-title")
        .add(el("h2").attr("id", "came-title").text("What it came to"))
        .add(scrolls(table))
        .add(el("p.hint").text(
            "Acknowledged is what the server has said it holds; time in all is this page’s. The rest is what the server’s \
             socket read and wrote: the header of both directions, and the bytes of the file that came a second time.",
        ))
}

/// A table that scrolls by itself.
pub(super) fn scrolls(table: El) -> El {
    el("div.table-scroll")
        .attrs(&[
            ("tabindex", "0"),
            ("role", "group"),
            ("aria-label", "Table, scrolls sideways"),
        ])
        .add(table)
}

//! What each way costs: the table.

use wire::{
    race::Way,
    time::{bytes, duration},
};

use super::{ledger::Ledger, words::Costs};
use crate::{
    components::notice::grouped,
    dom::{El, State, el},
};

/// The columns.
const COLUMNS: [&str; 11] = [
    "Messages",
    "Median",
    "p99",
    "Requests",
    "Empty",
    "Header",
    "Body",
    "Socket",
    "Gaps",
    "Twice",
    "Accounted for",
];
/// What measured what.
const HINT: &str = "Messages, how late they were, requests with those that failed, and answers without a message (empty) are this \
                    page’s own count. Header and body, both ways and with their framing, are what the server’s socket measured: as \
                    long as the run has room, which is 12,000 events; the race goes on beyond.";

/// One way, as the table has it.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Row {
    cells: [String; 11],
    /// Which costs what.
    words: String,
    /// For the plot.
    pub(super) short: String,
}

impl Row {
    pub(super) fn of(way: Way, costs: &Costs, ledger: &Ledger) -> Row {
        let (track, account) = (ledger.track(way), ledger.account(way));
        let late = |ns: Option<i64>| ns.map_or_else(|| "–".to_owned(), duration);
        let mut accounted = format!("{} here", account.received);
        for (count, what) in [
            (account.named, "in a gap"),
            (account.awaited, "on the way"),
            (account.lost, "lost without a word"),
        ] {
            if count > 0 {
                accounted.push_str(&format!(", {count} {what}"));
            }
        }
        let socket = match (costs.connected, way) {
            (false, _) => "none",
            (true, Way::ShortPolling) => "only while it asks",
            (true, Way::LongPolling) => "one, while it waits",
            (true, _) => "one",
        };
        let short = match (costs.median_ns, costs.p99_ns) {
            (Some(median), Some(p99)) => {
                format!("median {}, p99 {}", duration(median), duration(p99))
            }
            _ => String::new(),
        };
        Row {
            cells: [
                grouped(costs.messages),
                late(costs.median_ns),
                late(costs.p99_ns),
                grouped(costs.requests),
                grouped(costs.empty),
                bytes(costs.head),
                bytes(costs.body),
                socket.to_owned(),
                grouped(track.gaps()),
                grouped(track.twice),
                accounted,
            ],
            words: costs.words(way),
            short,
        }
    }
}

/// The table over these rows, in the order of [`Way::ALL`].
pub(super) fn table(rows: State<Vec<Row>>) -> El {
    let head = COLUMNS.map(|name| el("th").attr("scope", "col").text(name));
    let body = Way::ALL.into_iter().map(move |way| {
        let of = move |read: fn(&Row, usize) -> &String, at: usize| {
            rows.with(|rows| rows.get(way as usize).map(|row| read(row, at).clone()))
                .unwrap_or_default()
        };
        let number = (way as u16 + 1).to_string();
        let name = el("span.lane.lane-subscriber")
            .attr("data-number", &number)
            .text(&format!("{number} {}", way.title()));
        let cells =
            (0..COLUMNS.len()).map(|at| el("td").shows(move || of(|row, at| &row.cells[at], at)));
        let words = el("td")
            .attr("colspan", "12")
            .shows(move || of(|row, _| &row.words, 0));
        el("tbody").add_all([
            el("tr")
                .add(el("th").attr("scope", "row").add(name))
                .add_all(cells),
            el("tr.costs").add(words),
        ])
    });
    let table = el("table")
        .attr("aria-labelledby", "costs-title")
        .add(
            el("thead").add(
                el("tr")
                    .add(el("th").attr("scope", "col").text("Subscriber"))
                    .add_all(head),
            ),
        )
        .add_all(body);
    el("section.race-costs")
        .attr("aria-labelledby", "costs-title")
        .add(el("h2").attr("id", "costs-title").text("Which costs what"))
        .add(
            el("div.table-scroll")
                .attrs(&[
                    ("tabindex", "0"),
                    ("role", "group"),
                    ("aria-label", "Table, scrolls sideways"),
                ])
                .add(table),
        )
        .add(el("p.hint").text(HINT))
}

//! Chunks of every size, one after the other: over the line that holds, and over the line that drops once.

use web_sys::AbortSignal;
use wire::time::duration;

use super::{
    page::Page,
    picture::scrolls,
    sender::{Sender, Stopped, file},
    sizes::{Measured, best, kib, sizes, words},
};
use crate::{
    components::controls::button,
    dom::{El, el},
};

const COLUMNS: [&str; 5] = [
    "Chunk",
    "Chunks",
    "Throughput while the line holds",
    "What a cut costs",
    "With one cut",
];

impl Page {
    /// Tries every size; each is measured by itself, and nothing else is under way.
    pub(super) async fn tries_sizes(self, signal: AbortSignal) -> Result<(), Stopped> {
        let (knobs, before) = (self.knobs.now(), self.said.now());
        self.measured.set(Vec::new());
        self.best_size.set(String::new());
        self.measured_file.set(knobs.file());
        let file = file(knobs.file()).ok_or(Stopped(String::new()))?;
        let cut = knobs.cut().or(Some(knobs.file() / 2));
        for size in sizes(knobs.file() / 1_024) {
            let mut took_ns = [0; 2];
            for (place, cut) in [None, cut].into_iter().enumerate() {
                self.said.set(
                    [
                        "Chunks of ",
                        &kib(size),
                        if place == 0 {
                            ", over a line that holds."
                        } else {
                            ", over a line that drops once."
                        },
                    ]
                    .concat(),
                );
                let sender = Sender {
                    session: self.session,
                    knobs: knobs.with_chunk(size),
                    cut,
                    corrupts: false,
                    recorded: false,
                    signal: signal.clone(),
                    journey: self.tried,
                };
                sender.go(file.clone(), true).await?;
                took_ns[place] = self.tried.peek(|tried| tried.took_ns).unwrap_or_default();
            }
            let [held_ns, cut_ns] = took_ns;
            self.measured.update(|measured| {
                measured.push(Measured {
                    size,
                    chunks: (knobs.file() / 1_024).div_ceil(size),
                    held_ns,
                    cut_ns,
                });
            });
        }
        let words = self
            .measured
            .peek(|measured| words(measured, knobs.check == 0));
        self.said.set(before);
        self.best_size.set(words);
        Ok(())
    }

    /// Throughput and cost against size: a table of which two columns are bars.
    pub(super) fn sizes_section(self) -> El {
        let tries = button("Try every chunk size", move || self.try_sizes())
            .flag_of("disabled", move || self.abort.with(Option::is_some));
        let head = COLUMNS.map(|name| el("th").attr("scope", "col").text(name));
        let body = el("tbody").holds(move || self.size_rows());
        let table = el("table")
            .attr("aria-labelledby", "sizes-title")
            .add(el("thead").add(el("tr").add_all(head)))
            .add(body);
        el("section.sizes")
            .attr("aria-labelledby", "sizes-title")
            .add(
                el("header").add_all([
                    el("h2").attr("id", "sizes-title").text("Which size of a chunk"),
                    tries,
                ]),
            )
            .add(
                el("p.point")
                    .attr("role", "status")
                    .shows(move || self.best_size.get()),
            )
            .add(scrolls(table))
            .add(el("p.hint").text(
                "Each size sends the file twice, one after the other: over the line as it is set, and again with the cut. \
                 Times are this page’s; what the second took longer is what the cut cost.",
            ))
    }

    fn size_rows(self) -> Vec<El> {
        let file = self.measured_file.now();
        self.measured.with(|measured| {
            let most = |of: &dyn Fn(&Measured) -> u64| measured.iter().map(of).max().unwrap_or(0);
            let most_kbit = most(&|one| one.kbit(file));
            let most_ns = most(&|one| one.cost_ns().unsigned_abs());
            let best = best(measured);
            let rows = measured.iter().enumerate().map(|(place, one)| {
                let kbit = one.kbit(file);
                let throughput = [
                    &(kbit / 1_000).to_string(),
                    ".",
                    &(kbit % 1_000 / 100).to_string(),
                    " Mbit/s",
                ];
                el("tr")
                    .attr("data-best", if best == Some(place) { "yes" } else { "no" })
                    .add(el("th").attr("scope", "row").text(&kib(one.size)))
                    .add_all([
                        el("td").text(&one.chunks.to_string()),
                        bar("flow", kbit, most_kbit, &throughput.concat()),
                        bar("cost", one.cost_ns().unsigned_abs(), most_ns, &cost(one)),
                        el("td").text(&duration(one.cut_ns)),
                    ])
            });
            rows.collect()
        })
    }
}

/// What a cut cost, in words.
fn cost(one: &Measured) -> String {
    match one.cost_ns() {
        0 => "too little to measure".to_owned(),
        ns => duration(ns),
    }
}

/// A cell with a bar as long as its figure.
fn bar(class: &str, value: u64, most: u64, words: &str) -> El {
    let bar = el("i").attr("class", class);
    let part = (value * 1_000).checked_div(most).unwrap_or(0);
    let _ = bar.node().style().set_property("--part", &part.to_string());
    el("td.bar").add(bar).add(el("span").text(words))
}

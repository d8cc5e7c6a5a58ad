//! The dot plot: a row for each way, a dot for each message, as high as it was late.
//!
//! The dots are elements that carry two numbers; where they stand, and in which colour, the style sheet says. So a wider
//! race moves them all by one number, and a change of the theme needs no painting.

use wire::race::Way;

use super::scale::height;
use crate::{
    components::notice::grouped,
    dom::{El, State, el},
};

/// How many marks a row keeps; the oldest go first.
const MARKS_MAX: u32 = 250;
/// The scale's lines: how late, and in words.
const LINES: [(i64, &str); 4] = [
    (1_000_000, "1 ms"),
    (10_000_000, ""),
    (100_000_000, ""),
    (1_000_000_000, "1 s"),
];

/// The plot. Cheap to clone.
#[derive(Clone)]
pub(super) struct Plot {
    host: El,
    rows: [El; 5],
    medians: [El; 5],
    /// How long the race is, in milliseconds.
    span_ms: State<u64>,
}

impl Plot {
    /// A plot with these words behind each way's name.
    pub(super) fn new(figures: impl Fn(Way) -> String + Copy + 'static) -> Plot {
        let rows = Way::ALL.map(|_| el("div.dots"));
        let medians = Way::ALL.map(|_| el("i.median").attr("hidden", ""));
        let span_ms = State::new(0);
        let marks = rows.iter().zip(&medians);
        let list = Way::ALL.iter().zip(marks).map(|(way, (dots, median))| {
            let number = (*way as u16 + 1).to_string();
            let name = el("span.lane.lane-subscriber")
                .attr("data-number", &number)
                .text(&format!("{number} {}", way.title()));
            let words = el("span.row-figures").shows(move || figures(*way));
            let lines = LINES.map(|(late_ns, words)| {
                let line = el("i.line").text(words);
                put(&line, "--high", height(late_ns));
                line
            });
            el("div.plot-row").attr("data-number", &number).add_all([
                el("div.row-name").add_all([name, words]),
                el("div.row-field")
                    .attr("aria-hidden", "true")
                    .add_all(lines)
                    .add_all([median.clone(), dots.clone()]),
            ])
        });
        let time = |part: u64| {
            el("span").shows(move || match (span_ms.get() * part / 2, part) {
                (0, 0) => "0 s".to_owned(),
                (0, _) => String::new(),
                (ms, _) => format!("{} s", grouped(ms / 1_000)),
            })
        };
        let host = el("section.plot")
            .attr("aria-labelledby", "plot-title")
            .add(
                el("header")
                    .add(el("h2").attr("id", "plot-title").text("How late each message was"))
                    .add(el("p.hint").text(
                        "From the moment this page began to publish it until each subscriber in this page had it: both on \
                         this browser’s clock. Up is later, on a scale of powers of ten; right is later in the race.",
                    )),
            )
            .add_all(list)
            .add(el("div.plot-axis").attr("aria-hidden", "true").add_all([0, 1, 2].map(time)));
        Plot {
            host,
            rows,
            medians,
            span_ms,
        }
    }

    pub(super) fn element(&self) -> El {
        self.host.clone()
    }

    /// An empty plot.
    pub(super) fn clear(&self) {
        for row in &self.rows {
            row.node().set_text_content(None);
        }
        for median in &self.medians {
            median.node().set_hidden(true);
        }
        self.grow(0);
    }

    /// The race is this long now: what was drawn moves together.
    pub(super) fn grow(&self, ms: u64) {
        let span_ms = (ms / 10_000 + 1) * 10_000;
        if self.span_ms.now() != span_ms {
            self.span_ms.set(span_ms);
            put(&self.host, "--span", span_ms);
        }
    }

    /// A message that was published then reached this way so late.
    pub(super) fn dot(&self, way: Way, at_ms: u64, late_ns: i64) {
        let dot = self.mark(way, "i", at_ms);
        put(&dot, "--high", height(late_ns));
    }

    /// Half of what reached this way was no later than this.
    pub(super) fn median(&self, way: Way, late_ns: i64) {
        let median = &self.medians[way as usize];
        median.node().set_hidden(false);
        put(median, "--high", height(late_ns));
    }

    /// A message that was published then is named in a gap: it never comes.
    pub(super) fn cross(&self, way: Way, at_ms: u64) {
        self.mark(way, "b", at_ms);
    }

    /// The way does not hear the topic from then on.
    pub(super) fn away(&self, way: Way, at_ms: u64) -> El {
        self.mark(way, "s", at_ms)
    }

    /// It hears it again.
    pub(super) fn back(&self, away: &El, at_ms: u64) {
        put(away, "--until", at_ms);
    }

    fn mark(&self, way: Way, what: &str, at_ms: u64) -> El {
        let row = &self.rows[way as usize];
        let mark = el(what);
        put(&mark, "--at", at_ms);
        let node = row.node();
        if node.child_element_count() >= MARKS_MAX
            && let Some(oldest) = node.first_element_child()
        {
            oldest.remove();
        }
        let _ = row.clone().add(mark.clone());
        mark
    }
}

fn put(element: &El, name: &str, value: u64) {
    let _ = element
        .node()
        .style()
        .set_property(name, &value.to_string());
}

//! What a run came to: one sentence, and the figures behind it.

use wire::time::bytes;

use super::figures::Figures;
use crate::dom::{El, State, el, follow};

/// What stands there before anything has come all the way.
const UNMEASURED: &str =
    "Run it, and here stands how long each message took to arrive, and what that cost.";

/// The panel. It is there from the beginning, so that nothing moves when the figures come. They are not read out as they
/// change: how far the run is, the line below the controls says.
pub(crate) fn panel(
    figures: impl Fn() -> Figures + 'static,
    row: fn(&Figures) -> (&'static str, String),
    point: fn(&Figures) -> String,
) -> El {
    let state = State::new(Figures::default());
    follow(move || state.change_to(figures()));
    let sentence = el("p.point").shows(move || {
        state.with(|figures| match figures.subject() {
            "" => UNMEASURED.to_owned(),
            _ => point(figures),
        })
    });
    let rows = move || {
        let figures = state.get();
        let (own, own_words) = row(&figures);
        [
            ("From topic to page", figures.way_words()),
            ("Requests", figures.request_words()),
            (own, own_words),
            ("Header, both ways", bytes(figures.head)),
            ("Body, both ways", bytes(figures.body)),
            ("of it messages", bytes(figures.payload)),
        ]
        .into_iter()
        .map(|(name, words)| {
            el("div")
                .add(el("dt").text(name))
                .add(el("dd").text(&words))
        })
        .collect()
    };
    el("section.came-to")
        .attr("aria-labelledby", "came-to-title")
        .add(el("h2").attr("id", "came-to-title").text("What it came to"))
        .add(sentence)
        .add(el("dl").holds(rows))
}

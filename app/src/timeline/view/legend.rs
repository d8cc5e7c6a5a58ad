//! What the signs mean, and how well the two clocks are known.

use wire::{time::duration, trace::LaneKind};

use super::stage::Stage;
use crate::dom::{El, el};

/// Each sign's class, what stands in it, and what it means.
const SIGNS: [(&str, &str, &str); 6] = [
    ("i.sign.is-measured", "", "measured"),
    ("i.sign.is-derived", "", "derived"),
    ("i.sign.is-modelled", "", "modelled"),
    ("i.sign.is-fold", "", "folded: idle for so long"),
    ("i.sign.is-lens", "×5", "drawn larger"),
    ("i.sign.is-fault", "", "injected fault"),
];

/// The legend under the stage.
pub(super) fn legend(stage: Stage) -> El {
    let signs = SIGNS.map(|(sign, inside, meaning)| {
        el("li")
            .add(el(sign).attr("aria-hidden", "true").text(inside))
            .text(meaning)
    });
    let dropped = move || stage.store.with_shown(|run| run.dropped());
    el("ul.timeline-legend")
        .attrs(&[("role", "list"), ("aria-label", "Legend")])
        .add_all(signs)
        .add(el("li.timeline-clock").shows(move || clock_words(stage)))
        .add_while(
            move || dropped() > 0,
            move || el("li.timeline-dropped").shows(move || dropped_words(dropped())),
        )
}

fn clock_words(stage: Stage) -> String {
    stage.store.with_shown(|run| {
        let of_client = |kind| matches!(kind, LaneKind::Browser | LaneKind::Subscriber);
        let last = run.in_time().rev().find(|event| of_client(event.lane.kind));
        match last {
            Some(event) => [
                "The browser’s clock and the server’s agree to ± ",
                &duration(event.error_ns as i64),
                " here: the soft bands.",
            ]
            .concat(),
            None if run.is_empty() => String::new(),
            None => "All times are the server’s own.".to_owned(),
        }
    })
}

fn dropped_words(dropped: u64) -> String {
    let count = match dropped {
        1 => "1 event was".to_owned(),
        many => [&many.to_string(), " events were"].concat(),
    };
    [
        &count,
        " dropped: the run is full, or events came faster than they could be kept.",
    ]
    .concat()
}

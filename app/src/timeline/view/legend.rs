//! What the signs mean, and how well the two clocks are known.

use leptos::prelude::*;
use wire::{time::duration, trace::LaneKind};

use super::stage::Stage;

/// The legend under the stage.
pub(super) fn legend(stage: Stage) -> AnyView {
    let clock = Memo::new(move |_| {
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
    });
    let dropped = move || {
        let dropped = stage.store.with_shown(|run| run.dropped());
        (dropped > 0).then(|| {
            let words = match dropped {
                1 => "1 event was".to_owned(),
                many => [&many.to_string(), " events were"].concat(),
            };
            view! {
                <li class="timeline-dropped">
                    {words} " dropped: the run is full, or events came faster than they could be kept."
                </li>
            }
        })
    };
    view! {
        <ul class="timeline-legend" role="list" aria-label="Legend">
            <li><i class="sign is-measured" aria-hidden="true"></i>"measured"</li>
            <li><i class="sign is-derived" aria-hidden="true"></i>"derived"</li>
            <li><i class="sign is-modelled" aria-hidden="true"></i>"modelled"</li>
            <li><i class="sign is-fold" aria-hidden="true"></i>"folded: idle for so long"</li>
            <li><i class="sign is-lens" aria-hidden="true">"×5"</i>"drawn larger"</li>
            <li><i class="sign is-fault" aria-hidden="true"></i>"injected fault"</li>
            <li class="timeline-clock">{clock}</li>
            {dropped}
        </ul>
    }
    .into_any()
}

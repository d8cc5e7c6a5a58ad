//! The line of tools over the stage: which picture, which scale, which moment, which file.

use leptos::prelude::*;

use super::{
    files,
    input::ZOOM_STEP,
    stage::{Shows, Stage, origin},
};
use crate::timeline::{Zoom, play::Speed};

impl Stage {
    /// Stands still, goes on, or replays what was last asked for from its beginning.
    pub(super) fn toggle_play(&self) {
        if self.playing.get_untracked() {
            self.playing.set(false);
            return;
        }
        let Some((start, last)) = self.store.with_shown_untracked(|run| {
            let origin = origin(run);
            let latest = run
                .exchanges()
                .iter()
                .filter_map(|exchange| exchange.events(run).next());
            let start = latest.map(|event| event.at_ns).max().unwrap_or(origin);
            let (_, last) = run.span_ns()?;
            Some((start.saturating_sub(origin), last.saturating_sub(origin)))
        }) else {
            return;
        };
        let at = self
            .moment
            .get_untracked()
            .filter(|at| *at < last)
            .unwrap_or(start);
        self.moment.set(Some(at));
        self.playing.set(true);
        self.reveal(at);
        self.draw_soon();
    }

    /// Stops following: the picture stays as it is at this moment, whatever comes.
    fn stand_still(&self) {
        self.playing.set(false);
        if self.moment.with_untracked(Option::is_none) {
            let last = self.store.with_shown_untracked(|run| {
                run.span_ns()
                    .map(|(first, last)| last.saturating_sub(first))
            });
            self.moment.set(last);
        }
    }

    /// Follows what happens again.
    fn follow(&self) {
        self.playing.set(false);
        self.moment.set(None);
        self.inner.update_value(super::stage::Inner::follow);
        self.lay_soon();
    }
}

/// The tools.
pub(super) fn tools(stage: Stage) -> AnyView {
    let is_empty = move || stage.store.with_shown(|run| run.is_empty());
    let no_picture = move || is_empty() || stage.shows.get() == Shows::Table;
    let shows = [
        (Shows::Ladder, "Ladder"),
        (Shows::Waterfall, "Waterfall"),
        (Shows::Table, "Table"),
    ]
    .into_iter()
    .map(|(shows, name)| {
        view! {
            <label>
                <input
                    type="radio"
                    name="timeline-shows"
                    prop:checked=move || stage.shows.get() == shows
                    on:change=move |_| {
                        stage.shows.set(shows);
                        stage.show_from_the_start();
                    }
                />
                {name}
            </label>
        }
    })
    .collect_view();
    let speeds = Speed::ALL
        .into_iter()
        .enumerate()
        .map(|(place, speed)| view! { <option value=place.to_string()>{speed.name()}</option> })
        .collect_view();
    let button =
        move |words: &'static str, name: &'static str, keys: &'static str, act: fn(&Stage)| {
            view! {
                <button
                    type="button"
                    class="quiet"
                    aria-label=name
                    title=name
                    aria-keyshortcuts=keys
                    disabled=no_picture
                    on:click=move |_| act(&stage)
                >
                    {words}
                </button>
            }
        };
    let play_name = move || match (stage.playing.get(), stage.moment.with(Option::is_some)) {
        (true, _) => "Stop",
        (false, true) => "Go on",
        (false, false) => "Replay",
    };
    view! {
        <div class="timeline-tools" role="toolbar" aria-label="Timeline">
            <fieldset class="segmented timeline-shows">
                <legend class="visually-hidden">"Shown as"</legend>
                {shows}
            </fieldset>
            <div class="timeline-group" role="group" aria-label="Scale">
                {button("−", "Smaller", "-", |stage| stage.zoom_by(1.0 / ZOOM_STEP, None))}
                {button("+", "Larger", "+", |stage| stage.zoom_by(ZOOM_STEP, None))}
                {button("Fit", "Fit the whole run into the window", "0", |stage| stage.fit(Zoom::Whole))}
                {button("Read", "Read: as large as the words need", "", |stage| stage.fit(Zoom::Readable))}
                <button
                    type="button"
                    class="quiet"
                    title="One scale everywhere: nothing folded, nothing drawn larger"
                    aria-pressed=move || stage.to_scale.get().to_string()
                    disabled=no_picture
                    on:click=move |_| stage.to_scale.update(|to_scale| *to_scale = !*to_scale)
                >
                    "To scale"
                </button>
            </div>
            <div class="timeline-group" role="group" aria-label="Moment">
                {button("[", "Previous event", "[", |stage| stage.step(-1))}
                <button
                    type="button"
                    class="quiet"
                    aria-keyshortcuts="p"
                    title="Replay at the chosen speed; again to stop"
                    disabled=no_picture
                    on:click=move |_| stage.toggle_play()
                >
                    {play_name}
                </button>
                {button("]", "Next event", "]", |stage| stage.step(1))}
                <select
                    class="timeline-speed"
                    aria-label="Speed of the replay"
                    title="Slower than true speed, each new run is replayed slowly as it comes"
                    on:change=move |event| {
                        let place = event_target_value(&event).parse::<usize>().unwrap_or(0);
                        stage.speed.set(Speed::ALL.get(place).copied().unwrap_or_default());
                    }
                >
                    {speeds}
                </select>
                {move || {
                    let still = stage.moment.with(Option::is_some);
                    view! {
                        <button
                            type="button"
                            class="quiet"
                            aria-pressed=still.to_string()
                            title="Still: what comes is not drawn until it is followed again"
                            disabled=no_picture
                            on:click=move |_| if still { stage.follow() } else { stage.stand_still() }
                        >
                            "Pause"
                        </button>
                    }
                }}
            </div>
            {scrub(stage)}
            <div class="timeline-group timeline-files" role="group" aria-label="Saved run">
                <button type="button" class="quiet" disabled=is_empty on:click=move |_| files::save(stage)>
                    "Save run"
                </button>
                {files::opener(stage)}
            </div>
        </div>
    }
    .into_any()
}

/// A range over the events: each step is one of them.
fn scrub(stage: Stage) -> AnyView {
    let last = move || stage.store.with_shown(|run| run.len().saturating_sub(1));
    let at = move || {
        let moment = stage.moment.get();
        stage.store.with_shown(|run| match moment {
            None => run.len().saturating_sub(1),
            Some(at) => {
                let until = at.saturating_add(origin(run));
                run.order()
                    .partition_point(|&index| run.event(index).at_ns <= until)
                    .saturating_sub(1)
            }
        })
    };
    let words = move || {
        stage.moment.get().map_or_else(
            || "as it happens".to_owned(),
            |at| ["at ", &wire::time::duration(at)].concat(),
        )
    };
    view! {
        <input
            type="range"
            class="timeline-scrub"
            aria-label="Moment"
            aria-valuetext=words
            min="0"
            max=move || last().to_string()
            prop:value=move || at().to_string()
            disabled=move || last() == 0 || stage.shows.get() == Shows::Table
            on:input=move |event| {
                let place = event_target_value(&event).parse::<usize>().unwrap_or(0);
                let found = stage.store.with_shown_untracked(|run| {
                    let index = run.order().get(place)?;
                    Some(run.event(*index).at_ns.saturating_sub(origin(run)))
                });
                if let Some(at) = found {
                    stage.playing.set(false);
                    stage.moment.set(Some(at));
                    stage.reveal(at);
                    stage.draw_soon();
                }
            }
        />
    }
    .into_any()
}

//! The line of tools over the stage: which picture, which scale, which moment, which file.

use super::{
    files,
    input::ZOOM_STEP,
    stage::{Shows, Stage, origin},
};
use crate::{
    components::controls::button,
    dom::{El, el, set_value, value},
    timeline::{Zoom, play::Speed},
};

impl Stage {
    /// Stands still, goes on, or replays what was last asked for from its beginning.
    pub(super) fn toggle_play(&self) {
        if self.playing.now() {
            self.playing.set(false);
            return;
        }
        let Some((start, last)) = self.store.peek_shown(|run| {
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
        let at = self.moment.now().filter(|at| *at < last).unwrap_or(start);
        self.moment.set(Some(at));
        self.playing.set(true);
        self.reveal(at);
        self.draw_soon();
    }

    /// Stops following: the picture stays as it is at this moment, whatever comes.
    fn stand_still(&self) {
        self.playing.set(false);
        if self.moment.peek(Option::is_none) {
            let last = self.store.peek_shown(|run| {
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
        self.inner.alter(super::stage::Inner::follow);
        self.lay_soon();
    }
}

/// The tools.
pub(super) fn tools(stage: Stage) -> El {
    let is_empty = move || stage.store.with_shown(|run| run.is_empty());
    el("div.timeline-tools")
        .attrs(&[("role", "toolbar"), ("aria-label", "Timeline")])
        .add(pictures(stage))
        .add(scale(stage))
        .add(moment(stage))
        .add(scrub(stage))
        .add(
            group("timeline-group timeline-files", "Saved run")
                .add(
                    button("Save run", move || files::save(stage))
                        .attr("class", "quiet")
                        .flag_of("disabled", is_empty),
                )
                .add_all(files::opener(stage)),
        )
}

fn group(class: &str, name: &str) -> El {
    el("div").attrs(&[("class", class), ("role", "group"), ("aria-label", name)])
}

/// A button that does something to the picture, and is of no use where there is none.
fn tool(stage: Stage, words: &str, title: &str, act: fn(&Stage)) -> El {
    let no_picture =
        move || stage.shows.get() == Shows::Table || stage.store.with_shown(|run| run.is_empty());
    button(words, move || act(&stage))
        .attrs(&[("class", "quiet"), ("title", title)])
        .flag_of("disabled", no_picture)
}

/// A tool with a sign on it: its name is in its title, and the key that does the same.
fn sign(stage: Stage, words: &str, name: &str, keys: &str, act: fn(&Stage)) -> El {
    tool(stage, words, name, act).attrs(&[("aria-label", name), ("aria-keyshortcuts", keys)])
}

/// Which picture.
fn pictures(stage: Stage) -> El {
    let choices = [
        (Shows::Ladder, "Ladder"),
        (Shows::Waterfall, "Waterfall"),
        (Shows::Table, "Table"),
    ]
    .map(|(shows, name)| {
        let choice = el("input")
            .attrs(&[("type", "radio"), ("name", "timeline-shows")])
            .checked_of(move || stage.shows.get() == shows)
            .on("change", move |_| {
                stage.shows.set(shows);
                stage.show_from_the_start();
            });
        el("label").add(choice).text(name)
    });
    el("fieldset.segmented.timeline-shows")
        .add(el("legend.visually-hidden").text("Shown as"))
        .add_all(choices)
}

/// Which scale.
fn scale(stage: Stage) -> El {
    group("timeline-group", "Scale")
        .add(sign(stage, "−", "Smaller", "-", |stage| {
            stage.zoom_by(1.0 / ZOOM_STEP, None)
        }))
        .add(sign(stage, "+", "Larger", "+", |stage| {
            stage.zoom_by(ZOOM_STEP, None)
        }))
        .add(sign(
            stage,
            "Fit",
            "Fit the whole run into the window",
            "0",
            |stage| stage.fit(Zoom::Whole),
        ))
        .add(sign(
            stage,
            "Read",
            "Read: as large as the words need",
            "",
            |stage| stage.fit(Zoom::Readable),
        ))
        .add(
            tool(
                stage,
                "To scale",
                "One scale everywhere: nothing folded, nothing drawn larger",
                |stage| stage.to_scale.update(|to_scale| *to_scale = !*to_scale),
            )
            .bool_of("aria-pressed", move || stage.to_scale.get()),
        )
}

/// Which moment.
fn moment(stage: Stage) -> El {
    let play_name = move || match (stage.playing.get(), stage.moment.with(Option::is_some)) {
        (true, _) => "Stop",
        (false, true) => "Go on",
        (false, false) => "Replay",
    };
    let speed = el("select.timeline-speed")
        .attrs(&[
            ("aria-label", "Speed of the replay"),
            (
                "title",
                "Slower than true speed, each new run is replayed slowly as it comes",
            ),
        ])
        .add_all(Speed::ALL.iter().enumerate().map(|(place, speed)| {
            el("option")
                .attr("value", &place.to_string())
                .text(speed.name())
        }))
        .on("change", move |event| {
            let chosen = Speed::ALL.get(place(&event)).copied();
            stage.speed.set(chosen.unwrap_or_default());
        });
    group("timeline-group", "Moment")
        .add(sign(stage, "[", "Previous event", "[", |stage| {
            stage.step(-1)
        }))
        .add(
            tool(
                stage,
                "",
                "Replay at the chosen speed; again to stop",
                Stage::toggle_play,
            )
            .attr("aria-keyshortcuts", "p")
            .shows(move || play_name().to_owned()),
        )
        .add(sign(stage, "]", "Next event", "]", |stage| stage.step(1)))
        .add(speed)
        .add(
            tool(
                stage,
                "Pause",
                "Still: what comes is not drawn until it is followed again",
                |stage| match stage.moment.now() {
                    Some(_) => stage.follow(),
                    None => stage.stand_still(),
                },
            )
            .bool_of("aria-pressed", move || stage.moment.with(Option::is_some)),
        )
}

/// The place that was chosen in a list or on a range.
fn place(event: &web_sys::Event) -> usize {
    value(event).parse().unwrap_or(0)
}

/// A range over the events: each step is one of them.
fn scrub(stage: Stage) -> El {
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
    let words = move || match stage.moment.get() {
        None => "as it happens".to_owned(),
        Some(at) => ["at ", &wire::time::duration(at)].concat(),
    };
    let scrubbed = move |event: web_sys::Event| {
        let found = stage.store.peek_shown(|run| {
            let index = run.order().get(place(&event))?;
            Some(run.event(*index).at_ns.saturating_sub(origin(run)))
        });
        if let Some(at) = found {
            stage.playing.set(false);
            stage.moment.set(Some(at));
            stage.reveal(at);
            stage.draw_soon();
        }
    };
    el("input.timeline-scrub")
        .attrs(&[("type", "range"), ("aria-label", "Moment"), ("min", "0")])
        .attr_of("aria-valuetext", move || Some(words()))
        // Together, and the bound first: a value beyond it would be cut.
        .follows(move |range| {
            let _ = range.set_attribute("max", &last().to_string());
            set_value(range, &at().to_string());
        })
        .flag_of("disabled", move || {
            last() == 0 || stage.shows.get() == Shows::Table
        })
        .on("input", scrubbed)
}

//! The lab on the page: which experiment, its controls, and what it came to.

use std::rc::Rc;

use super::{
    came_to::CameTo,
    chat::Chat,
    commands::commands,
    connections::Connections,
    experiment::Experiment,
    job::Jobs,
    knobs::{CHAT, CHOICES, EXPERIMENT_NAMES, EXPERIMENTS, JOB, Knobs, LEAVE, NUMBERS, SIX},
};
use crate::{
    components::{
        controls::{Line, Number, choice, line, number},
        lab::Shared,
        query::Reader,
    },
    dom::{El, State, el, follow},
    session::Session,
};

/// What stands there before anything has happened.
const UNMEASURED: &str =
    "Run it, and here stands what each way took, what it cost, and what was done for nobody.";

#[derive(Clone, Copy)]
struct Page {
    it: Experiment,
    chat: Chat,
    jobs: Jobs,
    connections: Connections,
}

/// The lab, and the commands that do the same.
pub(crate) fn page(session: Session, reader: &mut Reader) -> Shared {
    let page = Page {
        it: Experiment::new(session, Knobs::read(reader)),
        chat: Chat::new(),
        jobs: Jobs::none(),
        connections: Connections::none(),
    };
    let it = page.it;
    follow(move || session.write_address(it.knobs.with(Knobs::write)));
    Shared {
        controls: vec![page.controls()],
        below: vec![page.panel()],
        said: Box::new(move || it.said.get().to_owned()),
        trouble: Box::new(move || it.trouble.get()),
        commands: Box::new(move |place| {
            let topic = page.chat.topic.get();
            it.knobs
                .with(|knobs| commands(knobs, &topic, &place.origin, &place.traceparent))
        }),
        invitation: "Press Run: the experiment that is chosen runs, and each end says when what happened.",
    }
}

impl Page {
    fn controls(self) -> El {
        let it = self.it;
        let knobs = it.knobs;
        let experiment = choice(
            "experiment",
            "Experiment",
            EXPERIMENT_NAMES,
            move || knobs.with(|knobs| knobs.experiment),
            move |chosen| {
                self.stop();
                knobs.update(|knobs| knobs.experiment = chosen);
            },
        );
        let mut fields = vec![experiment];
        for (place, knob) in NUMBERS.iter().enumerate() {
            let field = number(Number {
                id: knob.word,
                label: knob.label,
                unit: knob.unit,
                bounds: Box::new(move || knobs.with(|knobs| knobs.bounds(place))),
                value: Rc::new(move || knobs.with(|knobs| knobs.numbers[place])),
                set: Box::new(move |value| knobs.update(|knobs| knobs.numbers[place] = value)),
            });
            let is_hidden = move || knobs.with(|knobs| !knobs.has_number(place));
            fields.push(field.flag_of("hidden", is_hidden));
        }
        for (place, knob) in CHOICES.iter().enumerate() {
            let chosen = move || knobs.with(|knobs| knobs.choices[place]);
            let set = move |chosen| knobs.update(|knobs| knobs.choose(place, chosen));
            let field = choice(knob.word, knob.label, knob.names, chosen, set);
            let is_hidden = move || knobs.with(|knobs| !knobs.has_choice(place));
            fields.push(field.flag_of("hidden", is_hidden));
        }
        line(Line {
            session: it.session,
            fields,
            beside: Vec::new(),
            verb: Box::new(move || match (it.is_running(), it.ran.with(cancels)) {
                (false, _) => "Run",
                (true, true) => "Cancel",
                (true, false) => "Stop",
            }),
            ready: Rc::new(|| true),
            run: Box::new(move || match it.turn().is_on() {
                false => self.run(),
                true if it.ran.peek(cancels) => self.jobs.cancel(it),
                true => self.stop(),
            }),
        })
    }

    fn run(self) {
        match self.it.knobs.peek(|knobs| knobs.experiment) {
            CHAT => self.chat.run(self.it),
            JOB | LEAVE => self.jobs.run(self.it),
            _ => self.connections.run(self.it),
        }
    }

    fn stop(self) {
        self.connections.stop();
        self.it.stop();
    }

    /// What it came to. The room is there from the beginning, so that nothing moves when the figures come.
    fn panel(self) -> El {
        let it = self.it;
        // What stands there is of the experiment that was run, as long as it is the one that is chosen.
        let is_shown = move || {
            let chosen = it.knobs.with(|knobs| knobs.experiment);
            it.ran.with(|knobs| knobs.experiment == chosen)
        };
        let came_to = State::new(CameTo::default());
        follow(move || {
            let knobs = match is_shown() {
                true => it.ran.get(),
                false => it.knobs.get(),
            };
            let asked = match is_shown() {
                true => it.asked.get(),
                false => Default::default(),
            };
            let run = |run: &crate::run::Run| CameTo::of(run, &knobs, &asked);
            came_to.change_to(it.session.store.with_shown(run));
        });
        let point = el("p.point").shows(move || {
            let words = came_to.with(|came_to| came_to.point.clone());
            match words.is_empty() {
                true => UNMEASURED.to_owned(),
                false => words,
            }
        });
        let rows = move || {
            let rows = came_to.with(|came_to| came_to.rows.clone());
            let row = |(name, words): &(&str, String)| {
                el("div").add(el("dt").text(name)).add(el("dd").text(words))
            };
            rows.iter().map(row).collect()
        };
        let only = move |of: &'static [usize], view: El| {
            view.flag_of("hidden", move || {
                it.knobs.with(|knobs| !of.contains(&knobs.experiment))
            })
        };
        el("section.came-to")
            .attr("aria-labelledby", "came-to-title")
            .attr_of("data-experiment", move || {
                Some(EXPERIMENTS[it.knobs.with(|knobs| knobs.experiment)].to_owned())
            })
            .add(el("h2").attr("id", "came-to-title").text("What it came to"))
            .add(point)
            .add(only(&[CHAT], self.chat.view(it)))
            .add(only(&[JOB], self.jobs.view()))
            .add(only(&[SIX], self.connections.view(it)))
            .add(el("dl").holds(rows))
    }
}

/// Does a run with these controls have a job that can be cancelled?
fn cancels(knobs: &Knobs) -> bool {
    knobs.experiment == JOB && !knobs.is_held()
}

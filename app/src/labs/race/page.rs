//! The race on the page.

use std::rc::Rc;

use super::{
    course::Race,
    crowd,
    knobs::{
        ACK_NAMES, FAULT_NAMES, INTERVAL_MS_MAX, INTERVAL_MS_MIN, Knobs, MESSAGES_MAX, RATE_MAX,
        RHYTHM_NAMES, WHOM_NAMES,
    },
    plot::Plot,
    table::table,
};
use crate::{
    browser::spawn,
    components::{
        controls::{Line, Number, button, choice, line, number},
        lab::Shared,
        query::Reader,
        topic::fields::topic_field,
    },
    dom::{El, follow},
    session::Session,
};

/// The lab.
pub(crate) fn page(session: Session, reader: &mut Reader) -> Shared {
    let race = Race::new(session, Knobs::read(reader));
    follow(move || session.write_address(race.knobs.with(Knobs::write)));
    let plot = Plot::new(move |way| {
        race.rows
            .with(|rows| rows.get(way as usize).map(|row| row.short.clone()))
            .unwrap_or_default()
    });
    plot.clear();
    race.plot.set(Some(plot.clone()));
    race.reckon();
    Shared {
        controls: vec![race.controls(), plot.element()],
        below: vec![table(race.rows), crowd::section(race)],
        said: Box::new(move || race.said.get()),
        trouble: Box::new(move || race.trouble.get()),
        commands: Box::new(move |place| {
            race.knobs
                .with(|knobs| knobs.commands(&place.origin, &place.traceparent))
        }),
        invitation: "Press Run: one publisher, five subscribers, and a dot for each message where it arrived.",
    }
}

impl Race {
    fn controls(self) -> El {
        let knobs = self.knobs;
        let topic = topic_field(
            move || knobs.with(|knobs| knobs.topic.clone()),
            self.topic_wrong,
            move |topic| knobs.update(|knobs| knobs.topic = topic),
        );
        let rhythm = self.choice("publish", "Publish", &RHYTHM_NAMES, |knobs| {
            &mut knobs.rhythm
        });
        let rate = self.number("rate", "Each second", "", (1, RATE_MAX), |knobs| {
            &mut knobs.rate
        });
        let messages = self.number("messages", "Messages", "", (1, MESSAGES_MAX), |knobs| {
            &mut knobs.messages
        });
        let bounds = (INTERVAL_MS_MIN, INTERVAL_MS_MAX);
        let interval = self.number("interval", "Short polls every", "ms", bounds, |knobs| {
            &mut knobs.interval_ms
        });
        let ack = self.choice("ack", "The topic keeps", &ACK_NAMES, |knobs| &mut knobs.ack);
        let faults = self.choice("faults", "Fault", &FAULT_NAMES, |knobs| &mut knobs.faults);
        let whom = self.choice("on", "On", &WHOM_NAMES, |knobs| &mut knobs.whom);
        let is_on = move || self.racing.with(Option::is_some);
        let one = button("Publish one", move || spawn(self.publish()))
            .flag_of("disabled", move || !is_on());
        line(Line {
            session: self.session,
            fields: vec![topic, rhythm, rate, messages, interval, ack, faults, whom],
            beside: vec![one],
            verb: Box::new(move || if is_on() { "Stop" } else { "Run" }),
            ready: Rc::new(move || is_on() || !self.topic_wrong.get()),
            run: Box::new(move || match is_on() {
                true => self.end("You stopped. "),
                false => self.start(),
            }),
        })
    }

    fn number(
        self,
        id: &'static str,
        label: &'static str,
        unit: &'static str,
        bounds: (u64, u64),
        of: fn(&mut Knobs) -> &mut u64,
    ) -> El {
        let knobs = self.knobs;
        number(Number {
            id,
            label,
            unit,
            bounds: Box::new(move || bounds),
            value: Rc::new(move || *of(&mut knobs.get())),
            set: Box::new(move |value| knobs.update(|knobs| *of(knobs) = value)),
        })
    }

    fn choice(
        self,
        id: &'static str,
        label: &str,
        names: &[&str],
        of: fn(&mut Knobs) -> &mut usize,
    ) -> El {
        let knobs = self.knobs;
        choice(
            id,
            label,
            names,
            move || *of(&mut knobs.get()),
            move |place| knobs.update(|knobs| *of(knobs) = place),
        )
    }
}

//! The short-polling lab on the page.

use std::rc::Rc;

use super::{
    knobs::{INTERVAL_MS, INTERVAL_MS_MAX, INTERVAL_MS_MIN, commands},
    words::{point, row},
};
use crate::{
    browser::spawn,
    components::{
        controls::{Number, number},
        lab::Shared,
        query::Reader,
        topic::{
            experiment::{self, Way},
            listener::Listener,
            polls::ask,
        },
    },
    dom::State,
    session::Session,
    transport::{clock::now_ns, sleep},
};

/// The lab, and the commands that do the same.
pub(crate) fn page(session: Session, reader: &mut Reader) -> Shared {
    let interval = State::new(reader.number(
        "interval_ms",
        INTERVAL_MS_MIN..=INTERVAL_MS_MAX,
        INTERVAL_MS,
    ));
    let field = number(Number {
        id: "interval",
        label: "Ask every",
        unit: "ms",
        bounds: Box::new(|| (INTERVAL_MS_MIN, INTERVAL_MS_MAX)),
        value: Rc::new(move || interval.get()),
        set: Box::new(move |interval_ms| interval.set(interval_ms)),
    });
    let way = Way {
        fields: vec![field],
        write: Box::new(move |writer| {
            writer.number("interval_ms", interval.get(), INTERVAL_MS);
        }),
        listen: Rc::new(move |listener| spawn(listen(listener, interval.now()))),
        publish: Rc::new(|_, _| false),
        every_ms: Box::new(|| None),
        row,
        point,
        commands: Box::new(move |place, knobs, last| {
            commands(
                knobs,
                interval.get(),
                &place.origin,
                &place.traceparent,
                last,
            )
        }),
        invitation: "Press Run: the page asks again and again, and publishes messages meanwhile.",
    };
    experiment::page(session, reader, way)
}

/// Asks, pauses until it is time, asks again.
async fn listen(listener: Listener, interval_ms: u64) {
    while listener.is_on() {
        let began_ns = now_ns();
        ask(
            listener,
            None,
            &format!("The page asks again in {interval_ms} ms."),
        )
        .await;
        let took_ms = (now_ns() - began_ns).unsigned_abs() / 1_000_000;
        sleep(interval_ms.saturating_sub(took_ms) as u32).await;
    }
}

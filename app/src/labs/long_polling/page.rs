//! The long-polling lab on the page.

use std::rc::Rc;

use super::{
    knobs::{WAIT_S, WAIT_S_MAX, commands},
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
    transport::sleep,
};

/// How long the page waits after a request that came to nothing, in milliseconds: without a pause a server that is away
/// would be asked as fast as the page can.
const PAUSE_MS: u32 = 1_000;
/// How long it waits for the publisher's answer when what came may have been the last message, in milliseconds.
const ANSWER_MS: u32 = 5;

/// The lab, and the commands that do the same.
pub(crate) fn page(session: Session, reader: &mut Reader) -> Shared {
    let wait = State::new(reader.number("wait", 1..=WAIT_S_MAX, WAIT_S));
    let field = number(Number {
        id: "wait",
        label: "Hold for",
        unit: "s",
        bounds: Box::new(|| (1, WAIT_S_MAX)),
        value: Rc::new(move || wait.get()),
        set: Box::new(move |wait_s| wait.set(wait_s)),
    });
    let way = Way {
        fields: vec![field],
        write: Box::new(move |writer| {
            writer.number("wait", wait.get(), WAIT_S);
        }),
        listen: Rc::new(move |listener| spawn(listen(listener, wait.now()))),
        publish: Rc::new(|_, _| false),
        every_ms: Box::new(|| None),
        row,
        point,
        commands: Box::new(move |place, knobs, last| {
            commands(knobs, wait.get(), &place.origin, &place.traceparent, last)
        }),
        invitation: "Press Run: the page asks, the server holds the request until a message is published.",
    };
    experiment::page(session, reader, way)
}

/// Asks again as soon as there is an answer.
async fn listen(listener: Listener, wait_s: u64) {
    while listener.is_on() {
        if !ask(listener, Some(wait_s), "The page asks again in 1 s.").await {
            sleep(PAUSE_MS).await;
        }
        // A request that is held in vain would have to be given up.
        while listener.is_on() && listener.may_be_over() {
            sleep(ANSWER_MS).await;
        }
    }
}

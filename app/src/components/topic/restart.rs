//! Restarting the topic, as a restart of the whole hub would: its streams end, and whoever listened comes back.

use std::rc::Rc;

use wire::{json::Json, trace::Lane};

use super::gap::message_id;
use crate::{
    browser::spawn,
    components::{breaks, controls::button, notice::Notice},
    dom::State,
    session::Session,
    transport::fetch::{Call, fetch},
};

/// Puts the button at the end of the row that breaks things. `said` and `trouble` are told what came of it.
pub(crate) fn restart(
    session: Session,
    path: impl Fn() -> String + 'static,
    said: State<String>,
    trouble: State<Option<Notice>>,
) {
    let path: Rc<dyn Fn() -> String> = Rc::new(path);
    breaks::extend(button("Restart the topic", move || {
        spawn(ask(session, [&path(), "/restart"].concat(), said, trouble));
    }));
}

async fn ask(
    session: Session,
    target: String,
    said: State<String>,
    trouble: State<Option<Notice>>,
) {
    let call = Call {
        method: "POST",
        target: &target,
        headers: &[],
        traceparent: session.exchange(),
        lane: Lane::BROWSER,
    };
    let why = match fetch(&session.feed(), call, None, None).await {
        Ok(reply) if reply.is_success() => {
            trouble.set(None);
            said.set(words(reply.json().as_ref()));
            return;
        }
        Ok(reply) => reply.words(),
        Err(no_reply) => no_reply.words().to_owned(),
    };
    trouble.set(Some(Notice::new("The topic was not restarted.", why, "")));
}

fn words(state: Option<&Json>) -> String {
    let last = message_id(state, "last").map_or_else(String::new, |last| last.to_string());
    let ack = state
        .and_then(|state| state.get("ack"))
        .and_then(Json::as_str);
    match ack {
        Some("disk") => {
            format!("The topic was restarted. It is on disk, so it goes on behind {last}.")
        }
        _ => format!(
            "The topic was restarted: its history is gone, and it goes on behind {last}. Whoever listened comes back and is told \
             what is missing."
        ),
    }
}

//! One poll: a request for what is new behind the last message that the listener has.

use std::rc::Rc;

use web_sys::AbortController;
use wire::{json::Json, topics::MessageId, trace::SpanId};

use super::{envelope, gap::message_id, listener::Listener};
use crate::{
    components::query::Writer,
    transport::{
        fetch::{Call, fetch},
        reply::NoReply,
    },
};

/// Asks once, and waits for the answer. The first time it asks where the topic stands: with that, publishing begins. With
/// `wait_s` the server may hold the request for so long. False where there was no answer of use.
pub(crate) async fn ask(listener: Listener, wait_s: Option<u64>, next_try: &str) -> bool {
    let mut query = Writer::new();
    match (listener.last(), wait_s) {
        (None, _) => {
            query.set("limit", "1");
        }
        (Some(last), wait_s) => {
            query.set("after", &last.to_string());
            if let Some(wait_s) = wait_s {
                query.set("wait", &wait_s.to_string());
            }
        }
    }
    let target = [&listener.path(), "/messages", &query.finish()].concat();
    let target = listener.session().breaks.target(&target);
    let traceparent = listener.exchange();
    let call = Call {
        method: "GET",
        target: &target,
        headers: &[],
        traceparent,
        lane: listener.lane(),
    };
    let feed = listener.session().feed();
    let abort = AbortController::new().ok();
    let signal = abort.as_ref().map(AbortController::signal);
    listener.closes(abort.map(|abort| Rc::new(move || abort.abort()) as Rc<dyn Fn()>));
    let answered = fetch(&feed, call, None, signal.as_ref()).await;
    listener.closes(None);
    match answered {
        Ok(reply) if reply.is_success() => {
            listener.fine();
            let answer = reply.json().unwrap_or(Json::Null);
            take(listener, traceparent.exchange, &answer);
            true
        }
        Ok(reply) => {
            listener.trouble("The poll was refused.", &reply.words(), next_try);
            false
        }
        Err(NoReply::Aborted) => false,
        Err(NoReply::Network) => {
            let why = "The server cannot be reached, or it closed the connection.";
            listener.trouble("The poll was not answered.", why, next_try);
            false
        }
    }
}

fn take(listener: Listener, exchange: SpanId, answer: &Json) {
    let is_first = listener.last().is_none();
    let next = message_id(Some(answer), "next");
    listener.gap(answer);
    let messages = answer.get("messages").map_or(&[][..], Json::items);
    // What was there before the run began is not its own.
    for message in messages.iter().filter(|_| !is_first) {
        if let Some(id) = message_id(Some(message), "id") {
            listener.received(exchange, id, envelope::size(message));
        }
    }
    if let Some(next) = next {
        stands(listener, next);
    }
    if is_first {
        listener.ready();
    }
}

fn stands(listener: Listener, next: MessageId) {
    if listener.is_on() {
        listener.stands(next);
    }
}

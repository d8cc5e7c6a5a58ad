//! The fields for a topic's name and for a message.

use std::rc::Rc;

use wire::{limits::MESSAGE_BYTES_MAX, time::bytes, topics::is_topic_name};

use super::knobs::TOPIC_RULE;
use crate::{
    components::controls::error,
    dom::{El, State, el, value},
};

/// The topic's name. `wrong` says whether what stands there is none; `take` gets every good one.
pub(crate) fn topic_field(
    topic: impl Fn() -> String + 'static,
    wrong: State<bool>,
    take: impl Fn(String) + 'static,
) -> El {
    let input = el("input.mono")
        .attrs(&[
            ("id", "topic"),
            ("type", "text"),
            ("autocomplete", "off"),
            ("autocapitalize", "off"),
            ("spellcheck", "false"),
            ("size", "14"),
            ("aria-describedby", "topic-error"),
        ])
        .value_of(topic)
        .bool_of("aria-invalid", move || wrong.get())
        .on("input", move |event| {
            let topic = value(&event);
            let is_good = is_topic_name(&topic);
            wrong.change_to(!is_good);
            if is_good {
                take(topic);
            }
        });
    let words = move || match wrong.get() {
        true => format!("A topic's name is {TOPIC_RULE}."),
        false => String::new(),
    };
    let label = el("label").attr("for", "topic").text("Topic");
    el("div.field").add_all([label, input, error("topic-error", words)])
}

/// Is the message longer than the server takes?
pub(crate) fn is_too_long(text: &str) -> bool {
    text.len() as u64 > MESSAGE_BYTES_MAX
}

/// The message.
pub(crate) fn message_field(
    text: impl Fn() -> String + 'static,
    set: impl Fn(String) + 'static,
) -> El {
    let text: Rc<dyn Fn() -> String> = Rc::new(text);
    let (for_value, for_words) = (Rc::clone(&text), Rc::clone(&text));
    let most = bytes(MESSAGE_BYTES_MAX);
    let label = el("label")
        .attr("for", "text")
        .text("Message ")
        .add(el("span.bounds").text(&format!("up to {most}")));
    let input = el("input")
        .attrs(&[
            ("id", "text"),
            ("type", "text"),
            ("autocomplete", "off"),
            ("aria-describedby", "text-error"),
        ])
        .value_of(move || for_value())
        .bool_of("aria-invalid", move || is_too_long(&text()))
        .on("input", move |event| set(value(&event)));
    let words = move || match is_too_long(&for_words()) {
        true => format!("The server takes {most} at most."),
        false => String::new(),
    };
    el("div.field.grows").add_all([label, input, error("text-error", words)])
}

//! What can be set in the lab of server-sent events besides topic and messages, and its commands.

use wire::topics::MessageId;

use crate::components::{
    command::Curl,
    topic::knobs::{Knobs, MESSAGES_MAX, publish_command, topic_path},
};

/// After how many messages the page drops the connection unless told otherwise: never.
pub const DROP_AFTER: u64 = 0;
/// The most messages after which it can be dropped.
pub const DROP_AFTER_MAX: u64 = MESSAGES_MAX;

/// The commands that do the same in a terminal. `last` is the last message that this page has.
pub fn commands(
    knobs: &Knobs,
    origin: &str,
    traceparent: &str,
    last: Option<MessageId>,
) -> Vec<(&'static str, String)> {
    let events = || {
        let url = format!("{origin}{}/events", topic_path(&knobs.topic));
        Curl::new("-N", &url).header("traceparent", traceparent)
    };
    let mut commands = vec![
        (
            "Publish a message",
            publish_command(origin, &knobs.topic, &knobs.text, traceparent),
        ),
        ("Listen; Ctrl+C ends it", events().finish()),
    ];
    if let Some(last) = last {
        let again = events().header("Last-Event-ID", &last.to_string());
        commands.push((
            "Listen, and have what came after this message",
            again.finish(),
        ));
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_say_what_the_controls_say() {
        let knobs = Knobs {
            topic: "kitchen".into(),
            ..Knobs::default()
        };
        let of = |last| commands(&knobs, "http://h:1", "00-a-b-01", last);
        assert!(
            of(None)[1]
                .1
                .starts_with("curl -N http://h:1/api/topics/kitchen/events")
        );
        assert_eq!(of(None).len(), 2);
        assert!(
            of("0000000a-3".parse().ok())[2]
                .1
                .ends_with("-H 'Last-Event-ID: 0000000a-3'")
        );
    }
}

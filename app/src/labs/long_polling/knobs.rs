//! What can be set in the long-polling lab besides topic and messages, and its commands.

use wire::{limits::MESSAGES_WAIT_S_MAX, topics::MessageId};

use crate::components::{
    command::{Curl, quote},
    topic::knobs::{Knobs, exchange_each, publish_command, topic_path},
};

/// How long the server may hold a request unless told otherwise, in seconds.
pub const WAIT_S: u64 = 10;
/// The longest that the page asks for, in seconds.
pub const WAIT_S_MAX: u64 = MESSAGES_WAIT_S_MAX;

/// The commands that do the same in a terminal. `last` is the last message that this page has.
pub fn commands(
    knobs: &Knobs,
    wait_s: u64,
    origin: &str,
    traceparent: &str,
    last: Option<MessageId>,
) -> Vec<(&'static str, String)> {
    let messages = format!("{origin}{}/messages", topic_path(&knobs.topic));
    let held = match last {
        Some(last) => format!("{messages}?after={last}&wait={wait_s}"),
        None => format!("{messages}?wait={wait_s}"),
    };
    let now = Curl::new("-i", &messages)
        .header("traceparent", traceparent)
        .header("Prefer", &format!("wait={wait_s}"));
    let again = [
        &format!("url={}", quote(&messages)),
        "next=$(curl -s \"$url?limit=1\" | sed 's/.*\"next\":\"\\([^\"]*\\)\".*/\\1/')",
        "while answer=$(curl -sf \\",
        &format!(
            "    \"$url?after=$next&wait={wait_s}\" {}); do",
            exchange_each(traceparent)
        ),
        "  next=$(echo \"$answer\" | sed 's/.*\"next\":\"\\([^\"]*\\)\".*/\\1/')",
        "  echo \"$answer\"",
        "done",
    ];
    vec![
        (
            "Publish a message",
            publish_command(origin, &knobs.topic, &knobs.text, traceparent),
        ),
        (
            "Wait for the next message, by a preference (RFC 7240)",
            now.finish(),
        ),
        (
            "Wait for what comes behind the last one",
            Curl::new("-s", &held)
                .header("traceparent", traceparent)
                .finish(),
        ),
        ("Listen; Ctrl+C ends it", again.join("\n")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_say_what_the_controls_say() {
        let traceparent = "00-0123456789abcdef0123456789abcdef-0000000000000001-01";
        let last = "0000000a-3".parse().ok();
        let commands = commands(&Knobs::default(), 7, "http://h:1", traceparent, last);
        assert!(
            commands[1].1.ends_with("-H 'Prefer: wait=7'"),
            "{}",
            commands[1].1
        );
        assert!(
            commands[2].1.starts_with(
                "curl -s 'http://h:1/api/topics/demo/messages?after=0000000a-3&wait=7'"
            )
        );
        assert!(
            commands[3]
                .1
                .contains("\"$url?after=$next&wait=7\" -H \"traceparent: 00-0123")
        );
    }
}

//! What can be set in the short-polling lab besides topic and messages, and its commands.

use wire::topics::MessageId;

use crate::components::{
    command::{Curl, quote},
    topic::knobs::{Knobs, exchange_each, publish_command, topic_path},
};

/// How long after one poll the next is sent unless told otherwise, in milliseconds.
pub const INTERVAL_MS: u64 = 1_000;
/// The shortest interval, in milliseconds.
pub const INTERVAL_MS_MIN: u64 = 100;
/// The longest interval, in milliseconds.
pub const INTERVAL_MS_MAX: u64 = 10_000;

/// The commands that do the same in a terminal. `last` is the last message that this page has.
pub fn commands(
    knobs: &Knobs,
    interval_ms: u64,
    origin: &str,
    traceparent: &str,
    last: Option<MessageId>,
) -> Vec<(&'static str, String)> {
    let messages = format!("{origin}{}/messages", topic_path(&knobs.topic));
    let since = match last {
        Some(last) => format!("{messages}?after={last}"),
        None => format!("{messages}?limit=1"),
    };
    let poll = Curl::new("-s", &since).header("traceparent", traceparent);
    let seconds = seconds(interval_ms);
    let again = [
        &format!("url={}", quote(&messages)),
        "next=$(curl -s \"$url?limit=1\" | sed 's/.*\"next\":\"\\([^\"]*\\)\".*/\\1/')",
        "for poll in 1 2 3 4 5; do",
        &format!(
            "  answer=$(curl -s \"$url?after=$next\" {})",
            exchange_each(traceparent)
        ),
        "  next=$(echo \"$answer\" | sed 's/.*\"next\":\"\\([^\"]*\\)\".*/\\1/')",
        "  echo \"$answer\"",
        &format!("  sleep {seconds}"),
        "done",
    ];
    vec![
        (
            "Publish a message",
            publish_command(origin, &knobs.topic, &knobs.text, traceparent),
        ),
        ("Ask once what is new", poll.finish()),
        (
            "Ask five times, each time behind the last message",
            again.join("\n"),
        ),
    ]
}

/// Milliseconds as `sleep` takes them: `0.25`. In whole numbers, as what prints fractions is large.
fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1_000, ms % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_no_zeros_behind_them() {
        for (ms, text) in [
            (100, "0.1"),
            (250, "0.25"),
            (1_000, "1"),
            (1_005, "1.005"),
            (10_000, "10"),
        ] {
            assert_eq!(seconds(ms), text);
        }
    }

    #[test]
    fn the_commands_say_what_the_controls_say() {
        let traceparent = "00-0123456789abcdef0123456789abcdef-0000000000000001-01";
        let last = "0000000a-3".parse().ok();
        let commands = commands(&Knobs::default(), 250, "http://h:1", traceparent, last);
        assert!(
            commands[1]
                .1
                .starts_with("curl -s 'http://h:1/api/topics/demo/messages?after=0000000a-3'")
        );
        let again = &commands[2].1;
        assert!(
            again.contains("traceparent: 00-0123456789abcdef0123456789abcdef-$(od"),
            "{again}"
        );
        assert!(again.contains("sleep 0.25\n"), "{again}");
    }
}

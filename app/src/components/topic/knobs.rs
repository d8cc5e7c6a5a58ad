//! What can be set wherever messages are published to a topic, its bounds, its state in the address, its commands.

use wire::topics::is_topic_name;

use crate::components::{
    command::Curl,
    query::{Reader, Writer},
};

/// The topic unless told otherwise. Everyone who opens a lab meets here.
pub const TOPIC: &str = "demo";
/// The message unless told otherwise.
pub const TEXT: &str = "Tea is ready";
/// The longest message that goes into the address, in bytes; a longer one stays on the page.
pub const SHARED_TEXT_MAX: usize = 2_000;
/// How many messages a run publishes unless told otherwise.
pub const MESSAGES: u64 = 3;
/// How many messages a run can publish.
pub const MESSAGES_MAX: u64 = 50;
/// How long after one message the next is published unless told otherwise, in milliseconds.
pub const EVERY_MS: u64 = 800;
/// The longest time between two messages, in milliseconds. Without any they are published at once.
pub const EVERY_MS_MAX: u64 = 10_000;
/// What a topic's name has to be.
pub const TOPIC_RULE: &str = "1 to 128 of A–Z a–z 0–9 . _ ~ -, not beginning with a dot";
/// The media type that the page publishes with.
pub const TEXT_TYPE: &str = "text/plain; charset=utf-8";

/// What every lab about a topic can set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knobs {
    /// The topic's name; always a valid one.
    pub topic: String,
    /// The message.
    pub text: String,
    /// How many messages are published.
    pub messages: u64,
    /// How long after one message the next is published, in milliseconds.
    pub every_ms: u64,
}

impl Default for Knobs {
    fn default() -> Knobs {
        Knobs {
            topic: TOPIC.to_owned(),
            text: TEXT.to_owned(),
            messages: MESSAGES,
            every_ms: EVERY_MS,
        }
    }
}

impl Knobs {
    /// Reads the state from the address.
    pub fn read(reader: &mut Reader) -> Knobs {
        Knobs {
            topic: read_topic(reader),
            text: reader.text("text").unwrap_or(TEXT).to_owned(),
            messages: reader.number("messages", 1..=MESSAGES_MAX, MESSAGES),
            every_ms: reader.number("every_ms", 0..=EVERY_MS_MAX, EVERY_MS),
        }
    }

    /// Writes what reads back as this state.
    pub fn write(&self, writer: &mut Writer) {
        write_topic(writer, &self.topic, &self.text);
        writer.number("messages", self.messages, MESSAGES).number(
            "every_ms",
            self.every_ms,
            EVERY_MS,
        );
    }

    /// The n-th message, counted from 1.
    pub fn message(&self, number: u64) -> String {
        numbered(&self.text, number, self.messages)
    }

    /// The topic's own address: `/api/topics/demo`.
    pub fn path(&self) -> String {
        topic_path(&self.topic)
    }
}

/// The topic that the address names.
pub fn read_topic(reader: &mut Reader) -> String {
    match reader.text("topic").map(str::to_owned) {
        Some(topic) if is_topic_name(&topic) => topic,
        Some(_) => {
            reader.complain(format!(
                "topic in the address is no topic's name ({TOPIC_RULE}): {TOPIC} is used."
            ));
            TOPIC.to_owned()
        }
        None => TOPIC.to_owned(),
    }
}

/// Writes the topic and the message into the address.
pub fn write_topic(writer: &mut Writer, topic: &str, text: &str) {
    if topic != TOPIC {
        writer.set("topic", topic);
    }
    if text != TEXT && text.len() <= SHARED_TEXT_MAX {
        writer.set("text", text);
    }
}

/// The address of a topic: `/api/topics/demo`.
pub fn topic_path(topic: &str) -> String {
    ["/api/topics/", topic].concat()
}

/// A message among several has its number behind it.
pub fn numbered(text: &str, number: u64, of: u64) -> String {
    match of {
        1 => text.to_owned(),
        _ => format!("{text} {number}"),
    }
}

/// The command that publishes a message.
pub fn publish_command(origin: &str, topic: &str, text: &str, traceparent: &str) -> String {
    Curl::new("-i", &format!("{origin}{}/messages", topic_path(topic)))
        .header("traceparent", traceparent)
        .header("Content-Type", TEXT_TYPE)
        .body(text.as_bytes())
        .finish()
}

/// The option by which each request of a loop is an exchange of its own in the run of this `traceparent`.
pub fn exchange_each(traceparent: &str) -> String {
    let run = traceparent.get(3..35).unwrap_or_default();
    format!("-H \"traceparent: 00-{run}-$(od -An -N8 -tx1 /dev/urandom | tr -d ' \\n')-01\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(query: &str) -> (Knobs, usize) {
        let mut reader = Reader::new(query);
        let knobs = Knobs::read(&mut reader);
        (knobs, reader.into_complaints().len())
    }

    #[test]
    fn bounds_hold_at_the_limit_and_one_past_it() {
        assert_eq!(read(""), (Knobs::default(), 0));
        assert_eq!(read("messages=50&every_ms=10000").1, 0);
        assert_eq!(read("messages=51").0.messages, 50);
        assert_eq!(read("messages=0").0.messages, 1);
        assert_eq!(read("every_ms=10001").0.every_ms, 10_000);
        assert_eq!(
            read("every_ms=0"),
            (
                Knobs {
                    every_ms: 0,
                    ..Knobs::default()
                },
                0
            )
        );
        let (knobs, complaints) = read("topic=.hidden");
        assert_eq!((knobs.topic.as_str(), complaints), (TOPIC, 1));
    }

    #[test]
    fn several_messages_are_numbered() {
        assert_eq!(read("messages=2&text=a").0.message(2), "a 2");
        assert_eq!(read("messages=1&text=a").0.message(1), "a");
    }

    #[test]
    fn publishing_from_a_terminal_says_what_the_controls_say() {
        assert_eq!(
            publish_command("http://h:1", "kitchen", "it's ready", "00-a-b-01"),
            "curl -i http://h:1/api/topics/kitchen/messages \\\n  -H 'traceparent: 00-a-b-01' \\\n  \
             -H 'Content-Type: text/plain; charset=utf-8' \\\n  --data-raw 'it'\\''s ready'"
        );
    }

    proptest! {
        #[test]
        fn a_link_reproduces_the_experiment(
            topic in "[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}", text in ".{0,40}", messages in 1..=MESSAGES_MAX,
            every_ms in 0..=EVERY_MS_MAX,
        ) {
            let knobs = Knobs { topic, text, messages, every_ms };
            let mut writer = Writer::new();
            knobs.write(&mut writer);
            prop_assert_eq!(read(&writer.finish()), (knobs, 0));
        }
    }
}

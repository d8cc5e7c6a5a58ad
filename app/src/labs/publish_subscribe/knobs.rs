//! What can be set in the publish–subscribe lab, its bounds, its state in the address, its commands.

use wire::limits::MESSAGE_BYTES_MAX;

use crate::components::{
    command::Curl,
    query::{Reader, Writer},
    topic::knobs::{TEXT, TOPIC, numbered, publish_command, read_topic, topic_path, write_topic},
};

/// How many subscribers there are at first.
pub const SUBSCRIBERS: u64 = 2;
/// How many subscribers a page can hold: a browser opens at most six connections to one server over HTTP/1.1, each
/// subscriber takes one, and one is left to publish with.
pub const SUBSCRIBERS_MAX: u64 = 5;
/// How many messages one press can publish.
pub const BURST_MAX: u64 = 50;

/// How many messages the topic keeps at most, as it stands in the address; the first is what it keeps by itself.
pub const KEEPS: [&str; 4] = ["10000", "100", "10", "3"];

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knobs {
    /// The topic's name; always a valid one.
    pub topic: String,
    /// The message.
    pub text: String,
    /// How many messages one press publishes.
    pub burst: u64,
    /// How many bytes each has at least; dots fill it up.
    pub size: u64,
    /// The place among [`KEEPS`].
    pub keep: usize,
    /// How many subscribers the page holds.
    pub subscribers: u64,
    /// Do they connect as soon as the page is open? True in the link for a second browser.
    pub at_once: bool,
}

impl Default for Knobs {
    fn default() -> Knobs {
        Knobs {
            topic: TOPIC.to_owned(),
            text: TEXT.to_owned(),
            burst: 1,
            size: 0,
            keep: 0,
            subscribers: SUBSCRIBERS,
            at_once: false,
        }
    }
}

impl Knobs {
    /// Reads the state from the address.
    pub fn read(reader: &mut Reader) -> Knobs {
        Knobs {
            topic: read_topic(reader),
            text: reader.text("text").unwrap_or(TEXT).to_owned(),
            burst: reader.number("burst", 1..=BURST_MAX, 1),
            size: reader.number("size", 0..=MESSAGE_BYTES_MAX, 0),
            keep: reader.choice("keep", &KEEPS),
            subscribers: reader.number("subscribers", 0..=SUBSCRIBERS_MAX, SUBSCRIBERS),
            at_once: reader.choice("connect", &["later", "now"]) == 1,
        }
    }

    /// The query that reads back as this state.
    pub fn write(&self) -> String {
        let mut writer = Writer::new();
        write_topic(&mut writer, &self.topic, &self.text);
        writer
            .number("burst", self.burst, 1)
            .number("size", self.size, 0)
            .choice("keep", &KEEPS, self.keep)
            .number("subscribers", self.subscribers, SUBSCRIBERS)
            .choice("connect", &["later", "now"], usize::from(self.at_once))
            .finish()
    }

    /// The query for a second browser: the same topic, one subscriber that connects at once.
    pub fn write_for_another(&self) -> String {
        Knobs {
            topic: self.topic.clone(),
            subscribers: 1,
            at_once: true,
            ..Knobs::default()
        }
        .write()
    }

    /// What one press publishes.
    pub fn messages(&self) -> Vec<String> {
        (1..=self.burst)
            .map(|number| {
                let mut text = numbered(&self.text, number, self.burst);
                let missing = (self.size as usize).saturating_sub(text.len());
                text.push_str(&".".repeat(missing));
                text
            })
            .collect()
    }

    /// What sets how much the topic keeps: the body of a PUT.
    pub fn history(&self) -> String {
        let count = KEEPS.get(self.keep).copied().unwrap_or(KEEPS[0]);
        ["{\"history\":{\"count\":", count, "}}"].concat()
    }

    /// The topic's own address.
    pub fn path(&self) -> String {
        topic_path(&self.topic)
    }

    /// The address that a subscriber opens, without its query.
    pub fn events_path(&self) -> String {
        format!("{}/events", self.path())
    }

    /// The commands that do the same in a terminal. `after` is the last message that this page saw.
    pub fn commands(
        &self,
        origin: &str,
        traceparent: &str,
        after: Option<&str>,
    ) -> Vec<(&'static str, String)> {
        let publish = publish_command(origin, &self.topic, &self.text, traceparent);
        let subscribe = Curl::new("-N", &format!("{origin}{}", self.events_path()))
            .header("traceparent", traceparent)
            .finish();
        let mut commands = vec![
            ("Publish the message", publish),
            ("Subscribe; Ctrl+C ends it", subscribe),
        ];
        if let Some(id) = after {
            let again = Curl::new("-N", &format!("{origin}{}", self.events_path()))
                .header("traceparent", traceparent)
                .header("Last-Event-ID", id)
                .finish();
            commands.push(("Subscribe and have what came after this message", again));
        }
        let state = Curl::new("-s", &format!("{origin}{}/inside", self.path()));
        commands.push(("Look into the topic", state.finish()));
        commands
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wire::limits::HISTORY_COUNT;

    fn read(query: &str) -> (Knobs, usize) {
        let mut reader = Reader::new(query);
        let knobs = Knobs::read(&mut reader);
        (knobs, reader.into_complaints().len())
    }

    #[test]
    fn bounds_hold_at_the_limit_and_one_past_it() {
        assert_eq!(read(""), (Knobs::default(), 0));
        assert_eq!(read("subscribers=5").1, 0);
        assert_eq!(read("subscribers=6").0.subscribers, 5);
        assert_eq!(read("burst=0").0.burst, 1);
        assert_eq!(read("burst=51").0.burst, 50);
        let (knobs, complaints) = read("topic=.hidden");
        assert_eq!((knobs.topic.as_str(), complaints), (TOPIC, 1));
    }

    #[test]
    fn the_commands_say_what_the_controls_say() {
        let (knobs, _) = read("topic=kitchen&text=it's+ready");
        let commands = knobs.commands("http://h:1", "00-a-b-01", Some("0000000a-3"));
        assert_eq!(
            commands[0].1,
            "curl -i http://h:1/api/topics/kitchen/messages \\\n  -H 'traceparent: 00-a-b-01' \\\n  \
             -H 'Content-Type: text/plain; charset=utf-8' \\\n  --data-raw 'it'\\''s ready'"
        );
        assert!(
            commands[1]
                .1
                .starts_with("curl -N http://h:1/api/topics/kitchen/events")
        );
        assert!(commands[2].1.ends_with("-H 'Last-Event-ID: 0000000a-3'"));
        assert_eq!(knobs.commands("http://h:1", "t", None).len(), 3);
    }

    #[test]
    fn a_burst_numbers_its_messages() {
        assert_eq!(read("").0.messages(), [TEXT]);
        assert_eq!(read("burst=2&text=a").0.messages(), ["a 1", "a 2"]);
        assert_eq!(read("size=5&text=a").0.messages(), ["a...."]);
        assert_eq!(read("size=2&text=abc").0.messages(), ["abc"]);
    }

    #[test]
    fn what_the_topic_keeps_is_what_the_server_keeps_by_itself_unless_chosen() {
        assert_eq!(KEEPS[0].parse(), Ok(HISTORY_COUNT));
        assert_eq!(read("keep=10").0.history(), "{\"history\":{\"count\":10}}");
    }

    proptest! {
        #[test]
        fn a_link_reproduces_the_experiment(
            topic in "[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}", text in ".{0,40}", burst in 1..=BURST_MAX,
            size in 0..=MESSAGE_BYTES_MAX, keep in 0..KEEPS.len(), subscribers in 0..=SUBSCRIBERS_MAX, at_once in any::<bool>(),
        ) {
            let knobs = Knobs { topic, text, burst, size, keep, subscribers, at_once };
            prop_assert_eq!(read(&knobs.write()), (knobs, 0));
        }
    }
}

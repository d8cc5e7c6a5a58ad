//! What can be set in the race, its bounds, its state in the address, its commands.

use wire::{limits::SWARM_SUBSCRIBERS_MAX, race::Way};

use crate::components::{
    command::Curl,
    query::{Reader, Writer},
    topic::knobs::{TEXT, publish_command, read_topic, topic_path, write_topic},
};

/// How many messages a race publishes unless told otherwise.
pub const MESSAGES: u64 = 30;
/// How many it can publish.
pub const MESSAGES_MAX: u64 = 200;
/// How many messages a second, unless told otherwise.
pub const RATE: u64 = 5;
/// How many a second at most.
pub const RATE_MAX: u64 = 50;
/// How long after one short poll the next is sent unless told otherwise, in milliseconds.
pub const INTERVAL_MS: u64 = 1_000;
/// The shortest interval, in milliseconds.
pub const INTERVAL_MS_MIN: u64 = 100;
/// The longest interval, in milliseconds.
pub const INTERVAL_MS_MAX: u64 = 10_000;
/// How many subscribers the button adds unless told otherwise.
pub const CROWD: u64 = 100;

/// How the publisher publishes: in the address.
pub const RHYTHMS: [&str; 3] = ["steady", "bursts", "by_hand"];
/// The same, as people say it.
pub const RHYTHM_NAMES: [&str; 3] = ["steadily", "in bursts", "by hand"];
/// At this place in [`RHYTHMS`], all messages of a second come at once.
pub const BURSTS: usize = 1;
/// At this place, a button publishes.
pub const BY_HAND: usize = 2;

/// What a 201 means: in the address.
pub const ACKS: [&str; 2] = ["memory", "disk"];
/// The same, as people say it.
pub const ACK_NAMES: [&str; 2] = ["in memory", "on disk"];

/// What goes wrong on purpose: in the address, and as the server reads it.
pub const FAULTS: [&str; 5] = [
    "none",
    "latency=300ms",
    "latency=200ms,jitter=150ms",
    "rate=16kbit",
    "buffer=4KiB",
];
/// The same, as people say it.
pub const FAULT_NAMES: [&str; 5] = [
    "nothing",
    "300 ms of latency",
    "200 ms of latency, ± 150",
    "16 kbit/s",
    "a buffering proxy",
];
/// Who has the fault: in the address.
pub const WHOM: [&str; 6] = [
    "all",
    "short_polling",
    "long_polling",
    "sse",
    "stream",
    "websocket",
];
/// The same, as people say it.
pub const WHOM_NAMES: [&str; 6] = [
    "all",
    "short polling",
    "long polling",
    "server-sent events",
    "NDJSON stream",
    "WebSocket",
];

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knobs {
    /// The topic's name; always a valid one.
    pub topic: String,
    /// The place in [`RHYTHMS`].
    pub rhythm: usize,
    /// How many messages it publishes.
    pub messages: u64,
    /// How many a second.
    pub rate: u64,
    /// How long after one short poll the next is sent, in milliseconds.
    pub interval_ms: u64,
    /// The place in [`ACKS`].
    pub ack: usize,
    /// The place in [`FAULTS`].
    pub faults: usize,
    /// The place in [`WHOM`].
    pub whom: usize,
    /// How many subscribers the button adds.
    pub crowd: u64,
}

impl Knobs {
    /// Reads the state from the address.
    pub fn read(reader: &mut Reader) -> Knobs {
        Knobs {
            topic: read_topic(reader),
            rhythm: reader.choice("publish", &RHYTHMS),
            messages: reader.number("messages", 1..=MESSAGES_MAX, MESSAGES),
            rate: reader.number("rate", 1..=RATE_MAX, RATE),
            interval_ms: reader.number(
                "interval_ms",
                INTERVAL_MS_MIN..=INTERVAL_MS_MAX,
                INTERVAL_MS,
            ),
            ack: reader.choice("ack", &ACKS),
            faults: reader.choice("faults", &FAULTS),
            whom: reader.choice("on", &WHOM),
            crowd: reader.number("swarm", 1..=SWARM_SUBSCRIBERS_MAX, CROWD),
        }
    }

    /// The query that reads back as this state.
    pub fn write(&self) -> String {
        let mut writer = Writer::new();
        write_topic(&mut writer, &self.topic, TEXT);
        writer
            .choice("publish", &RHYTHMS, self.rhythm)
            .number("messages", self.messages, MESSAGES)
            .number("rate", self.rate, RATE)
            .number("interval_ms", self.interval_ms, INTERVAL_MS)
            .choice("ack", &ACKS, self.ack)
            .choice("faults", &FAULTS, self.faults)
            .choice("on", &WHOM, self.whom)
            .number("swarm", self.crowd, CROWD)
            .finish()
    }

    /// The topic's own address: `/api/topics/demo`.
    pub fn path(&self) -> String {
        topic_path(&self.topic)
    }

    /// The faults that this way asks for, if any.
    pub fn faults_of(&self, way: Way) -> Option<&'static str> {
        let is_meant = self.whom == 0 || WHOM.get(self.whom) == Some(&way.name());
        let words = FAULTS.get(self.faults).copied();
        words.filter(|_| is_meant && self.faults > 0)
    }

    /// After how many milliseconds of the race the n-th message is due, counted from 0.
    pub fn due_ms(&self, number: u64) -> u64 {
        match self.rhythm {
            BURSTS => number / self.rate * 1_000,
            _ => number * 1_000 / self.rate,
        }
    }

    /// The commands that do the same in a terminal.
    pub fn commands(&self, origin: &str, traceparent: &str) -> Vec<(&'static str, String)> {
        let path = self.path();
        let read = |flags: &str, last: &str| {
            Curl::new(flags, &format!("{origin}{path}/{last}"))
                .header("traceparent", traceparent)
                .finish()
        };
        let (topic, crowd, rate) = (&self.topic, self.crowd, self.rate);
        vec![
            (
                "Publish a message: every subscriber of the race has it",
                publish_command(origin, topic, "from a terminal", traceparent),
            ),
            ("Hear of the topic by asking", read("-s", "messages")),
            ("Or by asking and waiting", read("-s", "messages?wait=60")),
            ("Or by a stream; Ctrl+C ends it", read("-N", "events")),
            (
                "Be many subscribers, from this machine or another: the program is a client, too",
                format!(
                    "roundtrip swarm {origin}/ --topic {topic} --subscribers {crowd} --seconds 10 --publish {rate}"
                ),
            ),
        ]
    }
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
        let (knobs, complaints) = read("swarm=1000&messages=200&rate=50&interval_ms=100");
        assert_eq!((knobs.crowd, knobs.messages, complaints), (1_000, 200, 0));
        let (knobs, complaints) = read("swarm=1001&messages=201&rate=51&interval_ms=99");
        assert_eq!((knobs.crowd, knobs.messages, complaints), (1_000, 200, 4));
        assert_eq!((knobs.rate, knobs.interval_ms), (50, 100));
        assert_eq!(read("topic=.hidden&publish=loudly").1, 2);
    }

    #[test]
    fn a_fault_is_of_all_or_of_one() {
        let (knobs, _) = read("faults=latency=300ms");
        assert!(
            Way::ALL
                .iter()
                .all(|way| knobs.faults_of(*way) == Some("latency=300ms"))
        );
        let (knobs, _) = read("faults=rate=16kbit&on=sse");
        assert_eq!(knobs.faults_of(Way::Sse), Some("rate=16kbit"));
        assert_eq!(knobs.faults_of(Way::Websocket), None);
        assert_eq!(read("on=sse").0.faults_of(Way::Sse), None);
        for words in &FAULTS[1..] {
            assert!(words.parse::<wire::Faults>().is_ok(), "{words}");
        }
        assert_eq!(WHOM[1..], Way::ALL.map(Way::name));
    }

    #[test]
    fn bursts_come_once_a_second() {
        let (steady, _) = read("rate=4");
        assert_eq!(
            [0, 1, 4].map(|number| steady.due_ms(number)),
            [0, 250, 1_000]
        );
        let (bursts, _) = read("rate=4&publish=bursts");
        assert_eq!(
            [0, 3, 4, 8].map(|number| bursts.due_ms(number)),
            [0, 0, 1_000, 2_000]
        );
    }

    #[test]
    fn the_commands_say_what_the_controls_say() {
        let (knobs, _) = read("topic=kitchen&swarm=7&rate=3");
        let commands = knobs.commands("http://h:1", "00-a-b-01");
        assert!(
            commands[0]
                .1
                .starts_with("curl -i http://h:1/api/topics/kitchen/messages")
        );
        assert_eq!(
            commands[4].1,
            "roundtrip swarm http://h:1/ --topic kitchen --subscribers 7 --seconds 10 --publish 3"
        );
    }

    proptest! {
        #[test]
        fn a_link_reproduces_the_experiment(
            topic in "[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,127}", rhythm in 0..3_usize, messages in 1..=MESSAGES_MAX,
            rate in 1..=RATE_MAX, interval_ms in INTERVAL_MS_MIN..=INTERVAL_MS_MAX, ack in 0..2_usize, faults in 0..5_usize,
            whom in 0..6_usize, crowd in 1..=1_000_u64,
        ) {
            let knobs = Knobs { topic, rhythm, messages, rate, interval_ms, ack, faults, whom, crowd };
            prop_assert_eq!(read(&knobs.write()), (knobs, 0));
        }
    }
}

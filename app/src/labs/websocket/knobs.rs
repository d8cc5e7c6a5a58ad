//! What can be set in the WebSocket lab besides topic and messages, and its commands.

use wire::topics::MessageId;

use crate::components::{
    command::{Curl, quote},
    topic::knobs::{Knobs, publish_command, topic_path},
};

/// How messages are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// In frames of the socket, one after the other.
    Socket,
    /// In a request of its own each.
    Post,
    /// In frames of the socket, all at once.
    Burst,
}

impl By {
    /// Every way, in the order in which the page offers them.
    pub const ALL: [By; 3] = [By::Socket, By::Post, By::Burst];
    /// What stands for them in the address.
    pub const WORDS: [&'static str; 3] = ["socket", "post", "burst"];
    /// What the page calls them.
    pub const NAMES: [&'static str; 3] =
        ["over the socket", "by POST", "over the socket, all at once"];

    /// The one at this place of the others.
    pub fn at(place: usize) -> By {
        By::ALL.get(place).copied().unwrap_or(By::Socket)
    }

    /// Its place among the others.
    pub fn place(self) -> usize {
        self as usize
    }
}

/// The commands that do the same in a terminal. `last` is the last message that this page has.
pub fn commands(
    knobs: &Knobs,
    origin: &str,
    traceparent: &str,
    last: Option<MessageId>,
) -> Vec<(&'static str, String)> {
    let path = format!("{}/socket", topic_path(&knobs.topic));
    let after = last.map_or_else(String::new, |last| format!("after={last}&"));
    let socket = format!("{path}?{after}traceparent={traceparent}");
    // `https` becomes `wss`.
    let secure_or_not = origin.strip_prefix("http").unwrap_or_default();
    let address = quote(&format!("ws{secure_or_not}{socket}"));
    let shake = Curl::new("-iN", &format!("{origin}{path}"))
        .header("traceparent", traceparent)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .option("-H \"Sec-WebSocket-Key: $(head -c 16 /dev/urandom | base64)\"");
    vec![
        (
            "Publish a message by POST",
            publish_command(origin, &knobs.topic, &knobs.text, traceparent),
        ),
        (
            "Look at the handshake and at the frames that come down; Ctrl+C ends it",
            shake.finish(),
        ),
        (
            "Open the socket; type {\"publish\":{\"data\":\"hello\"}} (Node.js)",
            format!("npx wscat -c {address}"),
        ),
        (
            "The same (Python, package websockets)",
            format!("python3 -m websockets {address}"),
        ),
    ]
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
        let commands = commands(&knobs, "http://h:1", "00-a-b-01", "0000000a-3".parse().ok());
        assert!(
            commands[1]
                .1
                .starts_with("curl -iN http://h:1/api/topics/kitchen/socket \\\n")
        );
        assert_eq!(
            commands[2].1,
            "npx wscat -c 'ws://h:1/api/topics/kitchen/socket?after=0000000a-3&traceparent=00-a-b-01'"
        );
    }

    #[test]
    fn every_way_has_its_word_and_its_name() {
        for (place, by) in By::ALL.into_iter().enumerate() {
            assert_eq!((by.place(), By::at(place)), (place, by));
        }
        assert_eq!(By::at(9), By::Socket);
    }
}

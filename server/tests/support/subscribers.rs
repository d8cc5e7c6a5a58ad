//! A subscriber over each transport, as a stranger would write it: it reads what is on the wire, keeps the last id, and
//! comes back with it.

use std::{any::Any, collections::VecDeque, net::SocketAddr};

use futures_util::StreamExt;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};
use wire::topics::{Envelope, Gap, MessageId, MessagesPage};

/// How a topic is heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ShortPolling,
    LongPolling,
    ServerSentEvents,
    Lines,
    WebSocket,
}

impl Way {
    pub(crate) const ALL: [Way; 5] = [
        Way::ShortPolling,
        Way::LongPolling,
        Way::ServerSentEvents,
        Way::Lines,
        Way::WebSocket,
    ];

    /// Is it one response that does not end?
    pub(crate) fn is_stream(self) -> bool {
        !matches!(self, Way::ShortPolling | Way::LongPolling)
    }
}

/// What a subscriber sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Message(MessageId, String),
    Gap(Gap),
    /// The stream ended; a WebSocket with this close code.
    End(Option<u16>),
}

/// A subscriber that is connected.
pub(crate) struct Subscriber {
    server: SocketAddr,
    topic: String,
    /// The place behind the last that was seen.
    pub(crate) place: MessageId,
    ahead: VecDeque<Seen>,
    connection: Connection,
}

enum Connection {
    Polling { wait_s: u64 },
    Events(Text),
    Lines(Text),
    Socket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
}

impl Subscriber {
    /// Connects, and wants everything behind `place`.
    pub(crate) async fn open(
        server: SocketAddr,
        way: Way,
        topic: &str,
        place: MessageId,
    ) -> Subscriber {
        let path = |last: &str| format!("{server}/api/topics/{topic}/{last}?after={place}");
        let connection = match way {
            Way::ShortPolling => Connection::Polling { wait_s: 0 },
            Way::LongPolling => Connection::Polling { wait_s: 60 },
            Way::ServerSentEvents => Connection::Events(Text::get(&path("events")).await),
            Way::Lines => Connection::Lines(Text::get(&path("stream")).await),
            Way::WebSocket => {
                let url = format!("ws://{}", path("socket"));
                let (socket, _) = connect_async(url).await.expect("the socket opens");
                Connection::Socket(Box::new(socket))
            }
        };
        Subscriber {
            server,
            topic: topic.to_owned(),
            place,
            ahead: VecDeque::new(),
            connection,
        }
    }

    /// Connects without a place: the one that the stream says it begins at.
    pub(crate) async fn open_anywhere(
        server: SocketAddr,
        way: Way,
        topic: &str,
    ) -> (MessageId, Box<dyn Any>) {
        let path = |last: &str| format!("{server}/api/topics/{topic}/{last}");
        let id = |text: &str| text.parse().expect("an id");
        match way {
            Way::ServerSentEvents => {
                let mut events = Text::get(&path("events")).await;
                let block = events.until("\n\n").await.expect("a block");
                let place = block.strip_prefix("\u{feff}id: ").expect("only a place");
                (id(place), Box::new(events))
            }
            Way::Lines => {
                let lines = Text::get(&path("stream")).await;
                let place = &lines.response.headers()["last-event-id"];
                (id(place.to_str().expect("text")), Box::new(lines))
            }
            Way::WebSocket => {
                let url = format!("ws://{}", path("socket"));
                let (mut socket, _) = connect_async(url).await.expect("the socket opens");
                let first = socket.next().await.expect("a frame").expect("a whole one");
                let first: Value =
                    serde_json::from_str(first.to_text().expect("text")).expect("JSON");
                (
                    id(first["place"].as_str().expect("a place")),
                    Box::new(socket),
                )
            }
            Way::ShortPolling | Way::LongPolling => panic!("{way:?} is no stream"),
        }
    }

    /// What comes next; waits for it.
    pub(crate) async fn next(&mut self) -> Seen {
        loop {
            if let Some(seen) = self.ahead.pop_front() {
                match &seen {
                    Seen::Message(id, _) => self.place = *id,
                    Seen::Gap(gap) => {
                        self.place = MessageId {
                            offset: gap.next.offset - 1,
                            ..gap.next
                        }
                    }
                    Seen::End(_) => {}
                }
                return seen;
            }
            self.read().await;
        }
    }

    async fn read(&mut self) {
        match &mut self.connection {
            Connection::Polling { wait_s } => {
                let (wait_s, place) = (*wait_s, self.place);
                let path = format!("/api/topics/{}/messages", self.topic);
                let url = format!("http://{}{path}?after={place}&wait={wait_s}", self.server);
                let answer = reqwest::get(url).await.expect("an answer");
                let page: MessagesPage = answer.json().await.expect("a page");
                self.ahead.extend(page.gap.map(Seen::Gap));
                self.ahead.extend(page.messages.into_iter().map(message));
                let last = self.ahead.back();
                let next = last.map_or(place, |seen| match seen {
                    Seen::Message(id, _) => *id,
                    Seen::Gap(gap) => MessageId {
                        offset: gap.next.offset - 1,
                        ..gap.next
                    },
                    Seen::End(_) => place,
                });
                assert_eq!(page.next, next, "the page says where to go on");
            }
            Connection::Events(text) => {
                let block = text.until("\n\n").await;
                self.ahead
                    .push_back(block.as_deref().map_or(Seen::End(None), event));
            }
            Connection::Lines(text) => {
                let line = text.until("\n").await;
                self.ahead
                    .push_back(line.as_deref().map_or(Seen::End(None), json));
            }
            Connection::Socket(socket) => match socket.next().await {
                Some(Ok(Message::Text(text))) if text.starts_with("{\"presence\"") => {}
                Some(Ok(Message::Text(text))) => self.ahead.push_back(json(&text)),
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.map(|frame| frame.code.into());
                    self.ahead.push_back(Seen::End(code));
                }
                Some(Ok(_)) => {}
                other => panic!("the socket broke without a goodbye: {other:?}"),
            },
        }
    }
}

fn message(envelope: Envelope) -> Seen {
    Seen::Message(envelope.id, envelope.data.expect("text"))
}

/// An envelope or a gap.
fn json(text: &str) -> Seen {
    let mut value: Value = serde_json::from_str(text).expect("JSON");
    if let Some(gap) = value.get_mut("gap") {
        return Seen::Gap(serde_json::from_value(gap.take()).expect("a gap"));
    }
    message(serde_json::from_value(value).expect("an envelope"))
}

/// A block of an event stream.
fn event(block: &str) -> Seen {
    let field = |name: &str| {
        let mut values = block.lines().filter_map(|line| line.strip_prefix(name));
        values.next().map(|value| value.trim_start().to_owned())
    };
    let data = field("data:").expect("data");
    if field("event:").as_deref() == Some("gap") {
        return json(&data);
    }
    let id = field("id:")
        .expect("an id")
        .parse()
        .expect("a message's id");
    Seen::Message(id, data)
}

/// A response of text that does not end.
struct Text {
    response: reqwest::Response,
    text: String,
}

impl Text {
    async fn get(address: &str) -> Text {
        let response = reqwest::get(format!("http://{address}")).await;
        let response = response.expect("an answer");
        assert_eq!(response.status(), 200);
        Text {
            response,
            text: String::new(),
        }
    }

    /// What stands before the next `end`; `None` at the end of all.
    async fn until(&mut self, end: &str) -> Option<String> {
        loop {
            if let Some((before, after)) = self.text.split_once(end) {
                let (before, after) = (before.to_owned(), after.to_owned());
                self.text = after;
                return Some(before);
            }
            match self.response.chunk().await.expect("no broken stream") {
                Some(chunk) => self
                    .text
                    .push_str(std::str::from_utf8(&chunk).expect("whole characters")),
                None => {
                    assert_eq!(self.text, "", "the stream ends with its last block");
                    return None;
                }
            }
        }
    }
}

//! One subscriber in the page: an EventSource of its own, a lane of its own, its messages.

use std::rc::Rc;

use wire::{
    json::Json,
    time::bytes,
    topics::MessageId,
    trace::{Kind, Lane, SpanId, Traceparent},
};

use super::recovery::Recovery;
use crate::{
    browser::spawn,
    components::{query::Writer, topic::gap::message_id},
    dom::State,
    session::Session,
    transport::{
        clock::now_ns,
        fetch::{Call, fetch},
        link::Seen,
        stream::{Brought, Stream},
    },
};

/// How many messages a list shows.
const SHOWN_MAX: usize = 50;
/// How much of one message a list shows, in characters.
const SHOWN_CHARS: usize = 120;
/// The subscriber whose line can be broken; the others are there to compare with.
const BROKEN: u16 = 1;

/// How a subscriber stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not connected.
    Away,
    /// The connection is being opened.
    Connecting,
    /// Messages come.
    Open,
    /// The connection broke; the browser tries again by itself.
    Broken,
    /// The browser has given up.
    Refused,
}

impl Standing {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Standing::Away => "not connected",
            Standing::Connecting => "connecting",
            Standing::Open => "connected",
            Standing::Broken => "broken, trying again",
            Standing::Refused => "refused by the server",
        }
    }
}

/// One subscriber. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Subscriber {
    /// Its number, from 1, which is its lane's.
    pub(super) number: u16,
    pub(super) state: State<Standing>,
    /// How many messages came in all.
    pub(super) count: State<usize>,
    /// The newest messages, newest first: id and text.
    pub(super) messages: State<Vec<(String, String)>>,
    pub(super) recovery: State<Recovery>,
    /// The exchange of its stream, by which the server tells it from others; empty before the first.
    pub(super) exchange: State<String>,
    session: Session,
    stream: State<Option<Stream>>,
}

impl Subscriber {
    pub(super) fn new(number: u16, session: Session) -> Subscriber {
        Subscriber {
            number,
            state: State::new(Standing::Away),
            count: State::new(0),
            messages: State::new(Vec::new()),
            recovery: State::new(Recovery::default()),
            exchange: State::new(String::new()),
            session,
            stream: State::new(None),
        }
    }

    fn lane(self) -> Lane {
        Lane::subscriber(self.number)
    }

    /// Is it connected, or about to be?
    pub(super) fn is_on(self) -> bool {
        !matches!(self.state.now(), Standing::Away | Standing::Refused)
    }

    /// Opens its stream at this address, behind the last message that it has.
    pub(super) fn connect(self, topic_path: String) {
        let traceparent = self.session.exchange();
        let events = format!("{topic_path}/events");
        let mut query = Writer::new();
        if let Some(last) = self.recovery.peek(Recovery::last) {
            query.set("after", &last.to_string());
        }
        query.set("traceparent", &traceparent.to_string());
        let mut url = format!("{events}{}", query.finish());
        let mut summary = format!("GET {events}");
        if self.number == BROKEN {
            let breaks = self.session.breaks;
            (url, summary) = (breaks.target(&url), breaks.target(&summary));
        }
        self.state.set(Standing::Connecting);
        let exchange = traceparent.exchange;
        self.exchange.set(exchange.to_string());
        self.saw(
            exchange,
            Seen::new(self.lane(), Kind::RequestSent, now_ns()).summary(summary),
        );
        let take = move |brought| self.take(brought, exchange, &topic_path);
        match Stream::open(&url, Rc::new(take)) {
            Ok(stream) => self.stream.set(Some(stream)),
            Err(_) => self.state.set(Standing::Refused),
        }
    }

    /// Closes its stream.
    pub(super) fn disconnect(self) {
        if self.stream.update(Option::take).is_some() {
            self.feed_saw(
                Seen::new(self.lane(), Kind::StreamClosed, now_ns()).why("the subscriber left"),
            );
            self.recovery.update(Recovery::left);
            self.state.set(Standing::Away);
        }
    }

    /// Forgets what it had: its topic is another one now.
    pub(super) fn forget(self) {
        self.disconnect();
        self.recovery.set(Recovery::default());
        self.messages.set(Vec::new());
        self.count.set(0);
    }

    fn take(self, brought: Brought, exchange: SpanId, topic_path: &str) {
        let at_ns = now_ns();
        match brought {
            Brought::Open => {
                self.saw(exchange, Seen::new(self.lane(), Kind::StreamOpened, at_ns));
                self.state.set(Standing::Open);
                if !self.recovery.peek(|it| it.words().is_empty()) {
                    self.ask_what_was_missed(topic_path.to_owned());
                }
            }
            Brought::Message(id, data) => {
                let seen = Seen::new(self.lane(), Kind::Received, at_ns)
                    .bytes(data.len() as u64)
                    .with(|detail| detail.message = Some(id.clone()));
                self.saw(exchange, seen);
                if let Ok(id) = id.parse::<MessageId>() {
                    self.recovery.update(|it| it.received(id));
                }
                self.show(id, data);
            }
            Brought::Gap(json) => {
                if let Ok(notice) = Json::parse(&json) {
                    self.recovery.update(|it| it.gap(&notice));
                }
            }
            Brought::Broke { for_good } => {
                let why = if for_good {
                    "the server refused it"
                } else {
                    "the connection broke"
                };
                // A browser tells of each try that fails; one word is enough.
                if matches!(self.state.now(), Standing::Open | Standing::Connecting) || for_good {
                    self.saw(
                        exchange,
                        Seen::new(self.lane(), Kind::StreamClosed, at_ns).why(why),
                    );
                    self.recovery.update(Recovery::left);
                }
                self.state.set(if for_good {
                    Standing::Refused
                } else {
                    Standing::Broken
                });
            }
        }
    }

    /// Asks for the topic's state, to tell what came in between from what comes now. Not part of the run.
    fn ask_what_was_missed(self, topic_path: String) {
        let traceparent = Traceparent {
            recorded: false,
            ..self.session.exchange()
        };
        spawn(async move {
            let call = Call {
                method: "GET",
                target: &topic_path,
                headers: &[],
                traceparent,
                lane: self.lane(),
            };
            if let Ok(reply) = fetch(&self.session.feed(), call, None, None).await
                && let Some(last) = message_id(reply.json().as_ref(), "last")
            {
                self.recovery.update(|it| it.back(last));
            }
        });
    }

    fn show(self, id: String, data: String) {
        self.count.update(|count| *count += 1);
        let mut text: String = data.chars().take(SHOWN_CHARS).collect();
        if text.len() < data.len() {
            text.push_str(&format!(" … ({} in all)", bytes(data.len() as u64)));
        }
        self.messages.update(|messages| {
            messages.insert(0, (id, text));
            messages.truncate(SHOWN_MAX);
        });
    }

    fn saw(self, exchange: SpanId, seen: Seen) {
        self.session.feed().saw_of(exchange, seen);
    }

    fn feed_saw(self, seen: Seen) {
        self.session.feed().saw(seen);
    }
}

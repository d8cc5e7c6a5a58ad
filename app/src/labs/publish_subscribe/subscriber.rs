//! One subscriber in the page: an EventSource of its own, a lane of its own, its messages.

use std::rc::Rc;

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;
use wire::{
    time::bytes,
    topics::{GapNotice, MessageId, TopicState},
    trace::{Kind, Lane, SpanId, Traceparent},
};

use super::recovery::Recovery;
use crate::{
    components::query::Writer,
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

/// How a subscriber stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
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

impl State {
    pub(super) const fn words(self) -> &'static str {
        match self {
            State::Away => "not connected",
            State::Connecting => "connecting",
            State::Open => "connected",
            State::Broken => "broken, trying again",
            State::Refused => "refused by the server",
        }
    }
}

/// One subscriber. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Subscriber {
    /// Its number, from 1, which is its lane's.
    pub(super) number: u16,
    pub(super) state: RwSignal<State>,
    /// How many messages came in all.
    pub(super) count: RwSignal<usize>,
    /// The newest messages, newest first: id and text.
    pub(super) messages: RwSignal<Vec<(String, String)>>,
    pub(super) recovery: RwSignal<Recovery>,
    session: Session,
    stream: StoredValue<Option<Stream>, LocalStorage>,
}

impl Subscriber {
    pub(super) fn new(number: u16, session: Session) -> Subscriber {
        Subscriber {
            number,
            state: RwSignal::new(State::Away),
            count: RwSignal::new(0),
            messages: RwSignal::new(Vec::new()),
            recovery: RwSignal::new(Recovery::default()),
            session,
            stream: StoredValue::new_local(None),
        }
    }

    fn lane(self) -> Lane {
        Lane::subscriber(self.number)
    }

    /// Is it connected, or about to be?
    pub(super) fn is_on(self) -> bool {
        !matches!(self.state.get_untracked(), State::Away | State::Refused)
    }

    /// Opens its stream at this address, behind the last message that it has.
    pub(super) fn connect(self, topic_path: String) {
        let traceparent = self.session.exchange();
        let events = format!("{topic_path}/events");
        let mut query = Writer::new();
        if let Some(last) = self.recovery.with_untracked(Recovery::last) {
            query.set("after", &last.to_string());
        }
        query.set("traceparent", &traceparent.to_string());
        let url = format!("{events}{}", query.finish());
        self.state.set(State::Connecting);
        let exchange = traceparent.exchange;
        self.saw(
            exchange,
            Seen::new(self.lane(), Kind::RequestSent, now_ns()).summary(format!("GET {events}")),
        );
        let take = move |brought| self.take(brought, exchange, &topic_path);
        match Stream::open(&url, Rc::new(take)) {
            Ok(stream) => self.stream.set_value(Some(stream)),
            Err(_) => self.state.set(State::Refused),
        }
    }

    /// Closes its stream.
    pub(super) fn disconnect(self) {
        if let Some(stream) = self.stream.try_update_value(Option::take).flatten() {
            drop(stream);
            self.feed_saw(
                Seen::new(self.lane(), Kind::StreamClosed, now_ns()).why("the subscriber left"),
            );
            self.recovery.update(Recovery::left);
            self.state.set(State::Away);
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
                self.state.set(State::Open);
                if !self.recovery.with_untracked(|it| it.words().is_empty()) {
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
                if let Ok(notice) = serde_json::from_str::<GapNotice>(&json) {
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
                if matches!(self.state.get_untracked(), State::Open | State::Connecting) || for_good
                {
                    self.saw(
                        exchange,
                        Seen::new(self.lane(), Kind::StreamClosed, at_ns).why(why),
                    );
                    self.recovery.update(Recovery::left);
                }
                self.state.set(if for_good {
                    State::Refused
                } else {
                    State::Broken
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
        spawn_local(async move {
            let call = Call {
                method: "GET",
                target: &topic_path,
                headers: &[],
                traceparent,
                lane: self.lane(),
            };
            if let Ok(reply) = fetch(&self.session.feed(), call, None, None).await
                && let Ok(state) = serde_json::from_slice::<TopicState>(&reply.body)
            {
                self.recovery.update(|it| it.back(state.last));
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

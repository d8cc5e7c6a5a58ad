//! The five subscribers: each hears of the topic in its way, keeps the last id that it saw, and comes back with it.

use std::{cell::RefCell, rc::Rc};

use wire::{
    json::Json,
    limits::SSE_RETRY_MS,
    race::Way,
    topics::MessageId,
    trace::{Kind, Lane, Traceparent},
};

use super::course::Race;
use crate::{
    browser::spawn,
    components::{
        query::Writer,
        topic::gap::{Gap, message_id},
    },
    transport::{
        clock::now_ns,
        fetch::{Call, fetch, fetch_pieces},
        link::Seen,
        reply::NoReply,
        sleep,
        socket::{Socket, Told},
        stream::{Brought, Stream},
    },
};

/// How long a long poll may be held, in seconds.
const WAIT_S: &str = "30";
/// How many messages a poll takes at once.
const PAGE: &str = "1000";

/// One subscriber in one race. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Runner {
    pub(super) race: Race,
    /// Counts the races, so that what is late is not taken for the present one's.
    pub(super) number: u32,
    pub(super) way: Way,
}

impl Runner {
    /// Begins to listen.
    pub(super) fn start(self) {
        match self.way {
            Way::ShortPolling | Way::LongPolling => spawn(self.poll()),
            Way::Sse => self.open_stream(),
            Way::Stream => spawn(self.read_lines()),
            Way::Websocket => self.open_socket(),
        }
    }

    fn is_on(self) -> bool {
        self.race.is_on(self.number)
    }

    fn lane(self) -> Lane {
        Lane::subscriber(self.way as u16 + 1)
    }

    /// A request more.
    fn asks(self) -> Traceparent {
        let traceparent = self.race.exchange();
        self.race.standings.alter(|standings| {
            let standing = &mut standings[self.way as usize];
            standing.requests += 1;
            if traceparent.recorded {
                standing.spans.push(traceparent.exchange);
            }
        });
        traceparent
    }

    /// The address below the topic, behind the last message, with what goes wrong on purpose.
    fn target(self, last: &str, more: &[(&str, &str)]) -> String {
        let mut query = Writer::new();
        if let Some(place) = self.race.ledger.peek(|ledger| ledger.last(self.way)) {
            query.set("after", &place.to_string());
        }
        let knobs = self.race.racing.peek(Option::clone);
        if let Some(faults) = knobs.as_ref().and_then(|knobs| knobs.faults_of(self.way)) {
            query.set("faults", faults);
        }
        for (name, value) in more {
            query.set(name, value);
        }
        let path = knobs.map(|knobs| knobs.path()).unwrap_or_default();
        [&path, "/", last, &query.finish()].concat()
    }

    fn saw(self, of: Traceparent, kind: Kind, fill: impl FnOnce(Seen) -> Seen) {
        if of.recorded {
            let seen = fill(Seen::new(self.lane(), kind, now_ns()));
            self.race.session.feed().saw_of(of.exchange, seen);
        }
    }

    /// It hears the topic, or does not.
    fn hears(self, is_connected: bool) {
        if self.is_on() {
            self.race.hears(self.way, is_connected);
        }
    }

    fn message(self, of: Traceparent, id: MessageId, data: &str) {
        let now_ns = now_ns();
        if self.is_on() {
            self.saw(of, Kind::Received, |seen| {
                seen.bytes(data.len() as u64)
                    .with(|detail| detail.message = Some(id.to_string()))
            });
            self.race.received(self.way, id, data, now_ns);
        }
    }

    /// What an envelope, a gap or a page of them says; true where it brought something.
    fn takes(self, of: Traceparent, json: &Json) -> bool {
        if let Some(next) = Gap::read(json).and_then(|gap| gap.next)
            && self.is_on()
        {
            self.race.ledger.alter(|ledger| ledger.gap(self.way, next));
            return true;
        }
        let data = json.get("data").and_then(Json::as_str);
        let id = message_id(Some(json), "id");
        if let Some(id) = id {
            self.message(of, id, data.unwrap_or_default());
        }
        id.is_some()
    }

    async fn poll(self) {
        let is_short = self.way == Way::ShortPolling;
        let mut more = vec![("limit", PAGE)];
        if !is_short {
            more.push(("wait", WAIT_S));
        }
        // It is about to ask, and hears unless that fails.
        self.hears(true);
        while self.is_on() {
            let began_ns = now_ns();
            let heard = self.ask(&more).await;
            if !is_short && heard {
                continue;
            }
            let pause_ms = match is_short {
                true => self.race.interval_ms(),
                false => SSE_RETRY_MS,
            };
            let took_ms = (now_ns() - began_ns).unsigned_abs() / 1_000_000;
            sleep(pause_ms.saturating_sub(took_ms) as u32).await;
        }
    }

    /// Asks once; false where there was no answer of use.
    async fn ask(self, more: &[(&str, &str)]) -> bool {
        let traceparent = self.asks();
        let call = Call {
            method: "GET",
            target: &self.target("messages", more),
            headers: &[],
            traceparent,
            lane: self.lane(),
        };
        let (feed, signal) = (self.race.session.feed(), self.race.signal());
        let answered = fetch(&feed, call, None, signal.as_ref()).await;
        let json = match answered {
            Ok(reply) if reply.is_success() => reply.json().unwrap_or(Json::Null),
            Ok(reply) => {
                self.race.refused(self.way, &reply.words());
                self.hears(false);
                return false;
            }
            Err(_) => {
                self.hears(false);
                return false;
            }
        };
        self.hears(true);
        let mut came = self.takes(traceparent, &json);
        for message in json.get("messages").map_or(&[][..], Json::items) {
            came |= self.takes(traceparent, message);
        }
        if !came {
            self.race
                .standings
                .alter(|standings| standings[self.way as usize].empty += 1);
        }
        if let Some(next) = message_id(Some(&json), "next")
            && self.is_on()
        {
            self.race
                .ledger
                .alter(|ledger| ledger.stands(self.way, next));
        }
        true
    }

    fn open_stream(self) {
        let traceparent = self.asks();
        let url = self.target("events", &[("traceparent", &traceparent.to_string())]);
        self.saw(traceparent, Kind::RequestSent, |seen| {
            seen.summary("GET …/events")
        });
        let take = move |brought| match brought {
            Brought::Open => {
                self.saw(traceparent, Kind::StreamOpened, |seen| seen);
                self.hears(true);
            }
            Brought::Message(id, data) => {
                if let Ok(id) = id.parse() {
                    self.message(traceparent, id, &data);
                }
            }
            Brought::Gap(json) => {
                if let Ok(json) = Json::parse(&json) {
                    self.takes(traceparent, &json);
                }
            }
            Brought::Broke { for_good } => {
                if self.race.is_connected(self.way) {
                    self.saw(traceparent, Kind::StreamClosed, |seen| {
                        seen.why("the connection broke")
                    });
                }
                self.hears(false);
                if for_good {
                    self.race.refused(
                        self.way,
                        "The browser gave up: the answer was no event stream.",
                    );
                } else if self.is_on() {
                    // The browser tries again by itself.
                    let more = |standings: &mut [super::standing::Standing; 5]| {
                        standings[self.way as usize].requests += 1;
                    };
                    self.race.standings.alter(more);
                }
            }
        };
        if let Ok(stream) = Stream::open(&url, Rc::new(take)) {
            self.race.stream.set(Some(stream));
        }
    }

    async fn read_lines(self) {
        while self.is_on() {
            let traceparent = self.asks();
            let call = Call {
                method: "GET",
                target: &self.target("stream", &[]),
                headers: &[],
                traceparent,
                lane: self.lane(),
            };
            let (feed, signal) = (self.race.session.feed(), self.race.signal());
            let text = RefCell::new(Vec::new());
            let mut take = |status: u16, piece: &[u8]| {
                if piece.is_empty() && status == 200 {
                    self.hears(true);
                }
                let mut text = text.borrow_mut();
                for byte in piece {
                    match byte {
                        b'\n' if status == 200 => self.line(traceparent, &text.split_off(0)),
                        byte => text.push(*byte),
                    }
                }
            };
            let ended = fetch_pieces(&feed, call, None, signal.as_ref(), &mut take).await;
            if let Ok(mut reply) = ended
                && !reply.is_success()
            {
                reply.body = text.take();
                self.race.refused(self.way, &reply.words());
            }
            self.hears(false);
            sleep(SSE_RETRY_MS as u32).await;
        }
    }

    fn line(self, of: Traceparent, line: &[u8]) {
        let json = std::str::from_utf8(line).ok().map(Json::parse);
        if let Some(Ok(json)) = json {
            self.takes(of, &json);
        }
    }

    fn open_socket(self) {
        let traceparent = self.asks();
        let path = self.target("socket", &[("traceparent", &traceparent.to_string())]);
        self.saw(traceparent, Kind::RequestSent, |seen| {
            seen.summary("GET …/socket")
        });
        let take = move |told| match told {
            Told::Open => {
                self.saw(traceparent, Kind::StreamOpened, |seen| seen);
                self.hears(true);
            }
            Told::Text(text) => {
                if let Ok(json) = Json::parse(&text) {
                    self.takes(traceparent, &json);
                }
            }
            Told::Closed(code, _) => {
                self.saw(traceparent, Kind::StreamClosed, |seen| {
                    seen.why(format!("close code {code}"))
                });
                self.hears(false);
                self.race.socket.set(None);
                spawn(async move {
                    sleep(SSE_RETRY_MS as u32).await;
                    if self.is_on() {
                        self.open_socket();
                    }
                });
            }
        };
        if let Ok(socket) = Socket::open(&path, Rc::new(take)) {
            self.race.socket.set(Some(socket));
        }
    }
}

/// Publishes a message; gives the topic's id for it, none where the server refused it, and an error where no answer came.
pub(super) async fn publish(
    race: Race,
    path: &str,
    text: &str,
    key: String,
) -> Result<Option<MessageId>, NoReply> {
    let traceparent = race.exchange();
    let call = Call {
        method: "POST",
        target: &[path, "/messages"].concat(),
        headers: &[
            ("content-type", "text/plain".to_owned()),
            // A browser may send a request again whose connection was closed: it is one publish all the same.
            ("idempotency-key", key),
        ],
        traceparent,
        lane: Lane::BROWSER,
    };
    let (feed, signal) = (race.session.feed(), race.signal());
    let reply = fetch(&feed, call, Some(text.as_bytes()), signal.as_ref()).await?;
    let id = message_id(reply.json().as_ref(), "id");
    if id.is_none() {
        race.refuses(&reply.words());
    }
    Ok(id)
}

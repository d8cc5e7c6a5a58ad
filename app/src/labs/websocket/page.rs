//! The WebSocket lab on the page.

use std::rc::Rc;

use wire::{
    limits::SSE_RETRY_MS,
    topics::MessageId,
    trace::{Kind, Lane, SpanId},
};

use super::{
    frames::{self, Frame},
    knobs::{By, commands},
    words::{point, row},
};
use crate::{
    browser::spawn,
    components::{
        controls::choice,
        lab::Shared,
        query::{Reader, Writer},
        topic::{
            experiment::{self, Way},
            listener::Listener,
        },
    },
    dom::State,
    session::Session,
    transport::{
        clock::now_ns,
        link::Seen,
        sleep,
        socket::{Socket, Told},
    },
};

/// The lab, and the commands that do the same.
pub(crate) fn page(session: Session, reader: &mut Reader) -> Shared {
    let by = State::new(By::at(reader.choice("by", &By::WORDS)));
    let socket = State::new(None);
    let unanswered = State::new(0);
    let field = choice(
        "by",
        "Publish",
        &By::NAMES,
        move || by.with(|by| by.place()),
        move |place| by.set(By::at(place)),
    );
    let way = Way {
        fields: vec![field],
        write: Box::new(move |writer| {
            writer.choice("by", &By::WORDS, by.with(|by| by.place()));
        }),
        listen: Rc::new(move |listener| {
            let ear = Ear {
                listener,
                socket,
                unanswered,
            };
            unanswered.set(0);
            listener.closes(Some(Rc::new(move || ear.close("the page closed it"))));
            ear.open();
        }),
        publish: Rc::new(move |listener, text| {
            by.now() != By::Post
                && Ear {
                    listener,
                    socket,
                    unanswered,
                }
                .publish(text)
        }),
        every_ms: Box::new(move || (by.now() == By::Burst).then_some(0)),
        row,
        point,
        commands: Box::new(|place, knobs, last| {
            commands(knobs, &place.origin, &place.traceparent, last)
        }),
        invitation: "Press Run: the page opens one socket; messages go up it and come down it.",
    };
    experiment::page(session, reader, way)
}

/// The listener's socket.
#[derive(Clone, Copy)]
struct Ear {
    listener: Listener,
    /// Its exchange, and itself, while it is open.
    socket: State<Option<(SpanId, Socket)>>,
    /// Frames that published and have no answer yet.
    unanswered: State<u64>,
}

impl Ear {
    /// Opens the socket, behind the last message where there is one.
    fn open(self) {
        let traceparent = self.listener.exchange();
        let exchange = traceparent.exchange;
        let path = format!("{}/socket", self.listener.path());
        let mut query = Writer::new();
        if let Some(last) = self.listener.last() {
            query.set("after", &last.to_string());
        }
        let breaks = self.listener.session().breaks;
        let target = breaks.target(&format!("{path}{}", query.finish()));
        query.set("traceparent", &traceparent.to_string());
        let url = breaks.target(&format!("{path}{}", query.finish()));
        self.listener.saw(exchange, Kind::RequestSent, |seen| {
            seen.summary(format!("GET {target}"))
        });
        let take = move |told| self.take(exchange, told);
        match Socket::open(&url, Rc::new(take)) {
            Ok(socket) => self.socket.set(Some((exchange, socket))),
            Err(_) => self.listener.trouble(
                "The socket could not be opened.",
                "The browser refused its address.",
                "",
            ),
        }
    }

    fn close(self, why: &str) {
        if let Some((exchange, socket)) = self.socket.update(Option::take) {
            drop(socket);
            self.listener
                .saw(exchange, Kind::StreamClosed, |seen| seen.why(why));
        }
    }

    /// Publishes over the socket; false where it is not open.
    fn publish(self, text: &str) -> bool {
        let frame = frames::publish(text);
        let sent_ns = now_ns();
        let sent = self.socket.peek(|socket| {
            let (exchange, socket) = socket.as_ref()?;
            socket.send(&frame).then_some(*exchange)
        });
        if let Some(exchange) = sent {
            self.unanswered.update(|count| *count += 1);
            let seen = Seen::new(Lane::BROWSER, Kind::Sent, sent_ns)
                .bytes(frame.len() as u64)
                .summary("publish");
            self.listener.session().feed().saw_of(exchange, seen);
        }
        sent.is_some()
    }

    fn take(self, exchange: SpanId, told: Told) {
        let listener = self.listener;
        match told {
            Told::Open => {
                listener.saw(exchange, Kind::StreamOpened, |seen| seen);
                listener.fine();
                listener.ready();
            }
            Told::Text(text) => match frames::read(&text) {
                Frame::Message(id, bytes) => listener.received(exchange, id, bytes),
                Frame::Gap(json) => listener.gap(&json),
                Frame::Published(id) => self.answered(Some(id)),
                Frame::Refused(why) => {
                    listener.trouble("The topic did not take the message.", &why, "");
                    self.answered(None);
                }
                Frame::Place(place) => listener.stands(place),
                Frame::Other => {}
            },
            Told::Closed(code, reason) => self.broke(exchange, code, &reason),
        }
    }

    /// The topic took what a frame published, or did not.
    fn answered(self, id: Option<MessageId>) {
        self.unanswered
            .update(|count| *count = count.saturating_sub(1));
        self.listener.published(id);
    }

    /// A browser does not open a socket again by itself: the page does.
    fn broke(self, exchange: SpanId, code: u16, reason: &str) {
        let reason = match reason {
            "" if code == 1006 => "the connection was cut without a word",
            "" => "the server gave no reason",
            reason => reason,
        };
        let why = format!("Close code {code}: {reason}.");
        self.listener.saw(exchange, Kind::StreamClosed, |seen| {
            seen.why(why.trim_end_matches('.'))
        });
        self.listener.trouble(
            "The socket closed.",
            &why,
            "The page opens it again, behind the last message.",
        );
        self.socket.set(None);
        // Taken or not: who could tell is gone.
        for _ in 0..self.unanswered.now() {
            self.answered(None);
        }
        spawn(async move {
            sleep(SSE_RETRY_MS as u32).await;
            if self.listener.is_on() {
                self.open();
            }
        });
    }
}

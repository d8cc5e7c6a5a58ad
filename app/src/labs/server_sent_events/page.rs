//! The lab of server-sent events on the page.

use std::rc::Rc;

use wire::{
    json::Json,
    limits::SSE_RETRY_MS,
    trace::{Kind, SpanId},
};

use super::{
    knobs::{DROP_AFTER, DROP_AFTER_MAX, commands},
    words::{point, row},
};
use crate::{
    browser::spawn,
    components::{
        controls::{Number, number},
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
        sleep,
        stream::{Brought, Stream},
    },
};

/// The lab, and the commands that do the same.
pub(crate) fn page(session: Session, reader: &mut Reader) -> Shared {
    let drop_after = State::new(reader.number("drop_after", 0..=DROP_AFTER_MAX, DROP_AFTER));
    let field = number(Number {
        id: "drop-after",
        label: "Drop after (0: never)",
        unit: "messages",
        bounds: Box::new(|| (0, DROP_AFTER_MAX)),
        value: Rc::new(move || drop_after.get()),
        set: Box::new(move |count| drop_after.set(count)),
    });
    let stream = State::new(None);
    let until_drop = State::new(0);
    let way = Way {
        fields: vec![field],
        write: Box::new(move |writer| {
            writer.number("drop_after", drop_after.get(), DROP_AFTER);
        }),
        listen: Rc::new(move |listener| {
            until_drop.set(drop_after.now());
            let ear = Ear {
                listener,
                stream,
                until_drop,
            };
            listener.closes(Some(Rc::new(move || ear.close("the page closed it"))));
            ear.open();
        }),
        publish: Rc::new(|_, _| false),
        every_ms: Box::new(|| None),
        row,
        point,
        commands: Box::new(|place, knobs, last| {
            commands(knobs, &place.origin, &place.traceparent, last)
        }),
        invitation: "Press Run: the page opens one stream, and every message published comes down it.",
    };
    experiment::page(session, reader, way)
}

/// An open stream, or a place for one.
#[derive(Clone, Copy)]
struct Ear {
    listener: Listener,
    stream: State<Option<(SpanId, Stream)>>,
    /// After how many more messages the page drops the connection; 0 for never.
    until_drop: State<u64>,
}

impl Ear {
    /// Opens the stream, behind the last message where there is one.
    ///
    /// An `EventSource` sends `Last-Event-ID` only when it connects again by itself; a new one says `after` instead.
    fn open(self) {
        let traceparent = self.listener.exchange();
        let exchange = traceparent.exchange;
        let path = format!("{}/events", self.listener.path());
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
        let take = move |brought| self.take(exchange, brought);
        match Stream::open(&url, Rc::new(take)) {
            Ok(stream) => self.stream.set(Some((exchange, stream))),
            Err(_) => self.listener.trouble(
                "The stream could not be opened.",
                "The browser refused its address.",
                "",
            ),
        }
    }

    fn close(self, why: &str) {
        if let Some((exchange, stream)) = self.stream.update(Option::take) {
            drop(stream);
            self.listener
                .saw(exchange, Kind::StreamClosed, |seen| seen.why(why));
        }
    }

    fn take(self, exchange: SpanId, brought: Brought) {
        let listener = self.listener;
        match brought {
            Brought::Open => {
                listener.saw(exchange, Kind::StreamOpened, |seen| seen);
                listener.fine();
                listener.ready();
            }
            Brought::Message(id, data) => {
                if let Ok(id) = id.parse() {
                    listener.received(exchange, id, data.len() as u64);
                    self.count_down();
                }
            }
            Brought::Gap(json) => {
                if let Ok(notice) = Json::parse(&json) {
                    listener.gap(&notice);
                }
            }
            Brought::Broke { for_good } => {
                let (what, next) = match for_good {
                    true => (
                        "The server refused the stream.",
                        "Run again to try once more.",
                    ),
                    false => ("The stream broke.", "The browser opens it again by itself."),
                };
                listener.saw(exchange, Kind::StreamClosed, |seen| {
                    seen.why(what.trim_end_matches('.'))
                });
                listener.trouble(
                    what,
                    "The server cannot be reached, or the connection was cut.",
                    next,
                );
                if for_good {
                    listener.gives_up();
                }
            }
        }
    }

    /// Drops the connection when it is time, and comes back as a browser would: after what `retry` says.
    fn count_down(self) {
        let left = self.until_drop.now();
        self.until_drop.set(left.saturating_sub(1));
        if left != 1 || !self.listener.is_on() {
            return;
        }
        spawn(async move {
            self.close("the page dropped it, as a break would");
            sleep(SSE_RETRY_MS as u32).await;
            if self.listener.is_on() {
                self.open();
            }
        });
    }
}

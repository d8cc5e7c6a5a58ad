//! What the experiments share: what is set, what runs, what it has asked for, what goes wrong.

use std::rc::Rc;

use web_sys::{AbortController, AbortSignal};
use wire::trace::{Kind, Lane, SpanId};

use super::{came_to::Asked, knobs::Knobs};
use crate::{
    browser::spawn,
    components::{notice::Notice, query::Writer},
    dom::{self, State},
    session::Session,
    transport::{
        clock::now_ns,
        fetch::{Call, fetch},
        link::Seen,
        reply::{NoReply, Reply},
        stream::{Brought, Stream},
    },
};

/// What is said while a stream is away.
const BROKE: &str = "The stream broke.";

/// The lab's state. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Experiment {
    pub(super) session: Session,
    pub(super) knobs: State<Knobs>,
    /// The controls as they were when Run was pressed: what is changed meanwhile is for the next time.
    pub(super) ran: State<Knobs>,
    pub(super) asked: State<Asked>,
    pub(super) said: State<&'static str>,
    pub(super) trouble: State<Option<Notice>>,
    running: State<Option<AbortController>>,
    /// Counts the presses of Run, so that what is late is not taken for the present one's.
    number: State<u32>,
    /// How much of the present one is still under way.
    parts: State<u32>,
}

/// Which list of [`Asked`] a request belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Order,
    Look,
    /// Neither.
    Other,
}

/// A request of an experiment.
pub(super) struct Ask<'a> {
    pub(super) part: Part,
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) headers: &'a [(&'static str, String)],
    pub(super) body: Option<&'a str>,
    pub(super) lane: Lane,
}

impl<'a> Ask<'a> {
    /// A GET.
    pub(super) fn get(part: Part, target: &'a str) -> Ask<'a> {
        Ask {
            part,
            method: "GET",
            target,
            headers: &[],
            body: None,
            lane: Lane::BROWSER,
        }
    }
}

/// One press of Run.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    pub(super) it: Experiment,
    number: u32,
}

impl Experiment {
    pub(super) fn new(session: Session, knobs: Knobs) -> Experiment {
        Experiment {
            session,
            ran: State::new(knobs.clone()),
            knobs: State::new(knobs),
            asked: State::new(Asked::default()),
            said: State::new(""),
            trouble: State::new(None),
            running: State::new(None),
            number: State::new(0),
            parts: State::new(0),
        }
    }

    pub(super) fn is_running(self) -> bool {
        self.running.with(Option::is_some)
    }

    /// Begins anew, in so many parts.
    pub(super) fn begin(self, parts: u32) -> Turn {
        self.trouble.set(None);
        self.said.set("");
        self.ran.set(self.knobs.now());
        self.asked.set(Asked::default());
        self.parts.set(parts);
        self.running.set(AbortController::new().ok());
        Turn {
            it: self,
            number: self.number.update(|number| {
                *number += 1;
                *number
            }),
        }
    }

    /// The present press of Run, or the last.
    pub(super) fn turn(self) -> Turn {
        Turn {
            it: self,
            number: self.number.now(),
        }
    }

    /// The person stops what is under way.
    pub(super) fn stop(self) {
        if let Some(abort) = self.running.update(Option::take) {
            abort.abort();
            self.said
                .set("You stopped. The server may still be at work.");
        }
    }
}

impl Turn {
    /// Is it still under way?
    pub(super) fn is_on(self) -> bool {
        self.it.number.now() == self.number && self.it.running.peek(Option::is_some)
    }

    /// What gives up its requests.
    pub(super) fn signal(self) -> Option<AbortSignal> {
        let running = self.it.running;
        running.peek(|abort| abort.as_ref().map(AbortController::signal))
    }

    /// The present exchange is one of it.
    pub(super) fn notes(self, part: Part, span: SpanId) {
        self.it.asked.update(|asked| match part {
            Part::Order => asked.orders.push(span),
            Part::Look => asked.looks.push(span),
            Part::Other => {}
        });
    }

    /// Sends a request, and waits for its answer.
    pub(super) async fn send(
        self,
        ask: Ask<'_>,
        signal: Option<AbortSignal>,
    ) -> Result<(SpanId, Reply), NoReply> {
        let session = self.it.session;
        let traceparent = session.exchange();
        self.notes(ask.part, traceparent.exchange);
        let call = Call {
            method: ask.method,
            target: ask.target,
            headers: ask.headers,
            traceparent,
            lane: ask.lane,
        };
        let body = ask.body.map(str::as_bytes);
        let feed = session.feed();
        let reply = fetch(&feed, call, body, signal.as_ref()).await?;
        Ok((traceparent.exchange, reply))
    }

    /// Orders the job that is set; `key` makes two orders one.
    pub(super) async fn order(
        self,
        key: Option<String>,
        signal: Option<AbortSignal>,
    ) -> Result<Reply, NoReply> {
        let (target, body) = self
            .it
            .ran
            .peek(|knobs| (knobs.order_target(), knobs.order()));
        let mut headers = vec![("content-type", "application/json".to_owned())];
        headers.extend(key.map(|key| ("idempotency-key", key)));
        let ask = Ask {
            method: "POST",
            headers: &headers,
            body: Some(&body),
            ..Ask::get(Part::Order, &target)
        };
        self.send(ask, signal).await.map(|(_, reply)| reply)
    }

    /// A part of it is over; with the last one, all of it.
    pub(super) fn part_is_over(self) {
        let left = self.it.parts.update(|parts| {
            *parts = parts.saturating_sub(1);
            *parts
        });
        if left == 0 && self.is_on() {
            self.it.running.set(None);
        }
    }

    /// Says what happened.
    pub(super) fn says(self, words: &'static str) {
        if self.is_on() {
            self.it.said.set(words);
        }
    }

    /// Says what went wrong, why, and what happens next.
    pub(super) fn trouble(self, what: &str, why: &str, next: &str) {
        if self.is_on() {
            self.it.trouble.set(Some(Notice::new(what, why, next)));
        }
    }

    /// If it was this that went wrong, it is over.
    pub(super) fn fine(self, what: &str) {
        let is_it = |notice: &Option<Notice>| notice.as_ref().is_some_and(|it| it.what == what);
        if self.is_on() && self.it.trouble.peek(is_it) {
            self.it.trouble.set(None);
        }
    }

    /// The client gives its requests up; what becomes of them ends the turn.
    pub(super) fn leave(self) {
        if self.is_on() {
            let running = self.it.running.peek(Clone::clone);
            running.iter().for_each(AbortController::abort);
        }
    }

    /// Opens an event stream. `take` gets what it brings, which the run is told here.
    ///
    /// An `EventSource` opens itself again when it breaks; Stop closes it.
    pub(super) fn listen(
        self,
        lane: Lane,
        path: &str,
        mut query: Writer,
        take: Box<dyn Fn(Ear, Brought)>,
    ) -> Ear {
        let traceparent = self.it.session.exchange();
        let ear = Ear {
            turn: self,
            lane,
            span: traceparent.exchange,
            stream: State::new(None),
        };
        self.notes(Part::Look, ear.span);
        ear.saw(Kind::RequestSent, |seen| {
            seen.summary(["GET ", path].concat())
        });
        query.set("traceparent", &traceparent.to_string());
        let url = [path, query.finish().as_str()].concat();
        let hear = move |brought| {
            match &brought {
                Brought::Open => {
                    ear.saw(ear.kinds().0, |seen| seen);
                    self.fine(BROKE);
                }
                Brought::Broke { for_good } => {
                    ear.saw(ear.kinds().1, |seen| seen.why("it broke"));
                    let next = match for_good {
                        true => "Run again to try once more.",
                        false => "The browser opens it again by itself, behind what it has seen.",
                    };
                    let why = "The server cannot be reached, or the connection was cut.";
                    self.trouble(BROKE, why, next);
                    if *for_good {
                        ear.close();
                    }
                }
                _ => {}
            }
            take(ear, brought);
        };
        match Stream::open(&url, Rc::new(hear)) {
            Ok(stream) => ear.stream.set(Some(stream)),
            Err(_) => self.part_is_over(),
        }
        if let Some(signal) = self.signal() {
            dom::listen(&signal, "abort", move |_| ear.close());
        }
        ear
    }

    /// The server refused what was asked.
    pub(super) fn refused(self, reply: &Reply) {
        let (what, why) = match reply.problem() {
            Some((title, detail)) => ([&title, "."].concat(), detail),
            None => ("The server refused it.".to_owned(), reply.words()),
        };
        self.trouble(&what, &why, "");
    }
}

/// The one who listens to an event stream. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Ear {
    turn: Turn,
    lane: Lane,
    pub(super) span: SpanId,
    stream: State<Option<Stream>>,
}

impl Ear {
    /// What its beginning, its breaking and its end are: those of a reader of a topic, or of a response that takes its time.
    fn kinds(self) -> (Kind, Kind, Kind) {
        match self.lane {
            Lane::BROWSER => (Kind::ResponseHead, Kind::Failed, Kind::ResponseEnd),
            _ => (Kind::StreamOpened, Kind::StreamClosed, Kind::StreamClosed),
        }
    }

    /// Says what it saw.
    pub(super) fn saw(self, kind: Kind, fill: impl FnOnce(Seen) -> Seen) {
        let seen = fill(Seen::new(self.lane, kind, now_ns()));
        self.turn.it.session.feed().saw_of(self.span, seen);
    }

    /// Closes the stream, and with it this part of the turn.
    pub(super) fn close(self) {
        if let Some(stream) = self.stream.update(Option::take) {
            self.saw(self.kinds().2, |seen| seen.why("the page closed it"));
            self.turn.part_is_over();
            // It may be being called just now.
            spawn(async move { drop(stream) });
        }
    }
}

//! The listener's end of a run: by it a lab says what it hears, and what it hears decides when the run is over.

use std::rc::Rc;

use web_sys::AbortSignal;
use wire::{
    json::Json,
    topics::MessageId,
    trace::{Kind, Lane, SpanId, Traceparent},
};

use super::{
    course::Course,
    experiment::{Experiment, Running},
    gap::{Gap, message_id},
    knobs::Knobs,
    publish::{not_published, publish},
};
use crate::{
    browser::spawn,
    components::notice::Notice,
    session::Session,
    transport::{clock::now_ns, link::Seen, reply::NoReply, sleep},
};

/// The one who listens.
const EAR: Lane = Lane::subscriber(1);

/// The listener's end of one run. Cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct Listener {
    pub(super) it: Experiment,
    pub(super) number: u32,
}

impl Listener {
    /// Is this run still under way?
    pub(crate) fn is_on(self) -> bool {
        self.it.number.now() == self.number && self.it.running.peek(Option::is_some)
    }

    /// The page's session.
    pub(crate) fn session(self) -> Session {
        self.it.session
    }

    /// The topic's address.
    pub(crate) fn path(self) -> String {
        let path = |running: &Option<Running>| running.as_ref().map(|running| running.knobs.path());
        self.it.running.peek(path).unwrap_or_default()
    }

    /// What gives up publishes when the person stops the run.
    fn signal(self) -> Option<AbortSignal> {
        let signal =
            |running: &Option<Running>| running.as_ref().map(|running| running.abort.signal());
        self.it.running.peek(signal)
    }

    /// The last message that the listener has, or the place where it began.
    pub(crate) fn last(self) -> Option<MessageId> {
        self.it.course.peek(Course::last)
    }

    /// A new exchange of the listener.
    pub(crate) fn exchange(self) -> Traceparent {
        let traceparent = self.it.session.exchange();
        self.it
            .course
            .update(|course| course.asks(traceparent.exchange));
        traceparent
    }

    /// Says what the listener saw of an exchange.
    pub(crate) fn saw(self, exchange: SpanId, kind: Kind, fill: impl FnOnce(Seen) -> Seen) {
        let seen = fill(Seen::new(EAR, kind, now_ns()));
        self.it.session.feed().saw_of(exchange, seen);
    }

    /// The lane that the listener stands in.
    pub(crate) fn lane(self) -> Lane {
        EAR
    }

    /// The listener stands here: it wants what comes behind.
    pub(crate) fn stands(self, at: MessageId) {
        self.it.course.update(|course| course.stands(at));
    }

    /// When the run ends, this closes the listener's connection, or gives up its request; `None` while there is nothing
    /// to close.
    pub(crate) fn closes(self, close: Option<Rc<dyn Fn()>>) {
        if self.is_on() {
            self.it.running.update(|running| {
                if let Some(running) = running {
                    running.close = close;
                }
            });
        }
    }

    /// A message came.
    pub(crate) fn received(self, exchange: SpanId, id: MessageId, bytes: u64) {
        if !self.is_on() {
            return;
        }
        self.saw(exchange, Kind::Received, |seen| {
            seen.bytes(bytes)
                .with(|detail| detail.message = Some(id.to_string()))
        });
        self.it.course.update(|course| course.arrived(id));
        self.it.tell();
    }

    /// The server declared a gap, where this JSON holds one.
    pub(crate) fn gap(self, json: &Json) {
        let (Some(gap), true) = (Gap::read(json), self.is_on()) else {
            return;
        };
        if let Some(next) = gap.next {
            self.it.course.update(|course| course.gap(next));
        }
        let notice = Notice::new(gap.what(), gap.words(), "");
        self.it.gap.set(Some(notice));
        self.it.tell();
    }

    /// Says what went wrong, why, and what to do or what happens next.
    pub(crate) fn trouble(self, what: &str, why: &str, advice: &str) {
        if self.is_on() {
            self.it.trouble.set(Some(Notice::new(what, why, advice)));
        }
    }

    /// The listener hears again: what went wrong is over.
    pub(crate) fn fine(self) {
        for trouble in [self.it.trouble, self.it.unsent] {
            if self.is_on() && trouble.peek(Option::is_some) {
                trouble.set(None);
            }
        }
    }

    /// The run cannot go on.
    pub(crate) fn gives_up(self) {
        if self.is_on() {
            self.it.end();
        }
    }

    /// What arrived may have been the last, unless it was another's: the publisher's answer will tell.
    pub(crate) fn may_be_over(self) -> bool {
        self.it.course.peek(Course::may_be_over)
    }

    /// The topic took a message of ours, or did not.
    pub(crate) fn published(self, id: Option<MessageId>) {
        if self.is_on() {
            self.it.course.update(|course| match id {
                Some(id) => course.took(id),
                None => course.failed(),
            });
            self.it.tell();
        }
    }

    /// The listener listens: publishing begins, unless it has begun.
    pub(crate) fn ready(self) {
        let begins = self.it.running.update(|running| match running {
            Some(running) if !running.publishes => {
                running.publishes = true;
                Some(running.knobs.clone())
            }
            _ => None,
        });
        if let (Some(knobs), true) = (begins, self.is_on()) {
            spawn(self.publish_all(knobs));
        }
    }

    /// Publishes all messages, each at its time whatever became of the ones before.
    async fn publish_all(self, knobs: Knobs) {
        let began_ns = now_ns();
        for number in 1..=knobs.messages {
            let due_ms = (number * knobs.every_ms) as i64;
            let passed_ms = (now_ns() - began_ns) / 1_000_000;
            if due_ms > passed_ms {
                sleep((due_ms - passed_ms) as u32).await;
            }
            if !self.is_on() {
                return;
            }
            self.it.course.update(Course::sends);
            let text = knobs.message(number);
            if !self.it.publish.now()(self, &text) {
                spawn(self.publish_one(knobs.path(), text));
            }
        }
    }

    async fn publish_one(self, path: String, text: String) {
        let Some(signal) = self.signal() else { return };
        let session = self.it.session;
        let target = session.breaks.target(&[&path, "/messages"].concat());
        let outcome = publish(session, &target, &text, &signal).await;
        if matches!(outcome, Err(NoReply::Aborted)) {
            return;
        }
        if let (Some(notice), true) = (not_published(&outcome), self.is_on()) {
            self.it.unsent.set(Some(notice));
        }
        let json = outcome.ok().and_then(|reply| reply.json());
        self.published(message_id(json.as_ref(), "id"));
    }
}

//! The publish–subscribe lab on the page.

use std::{cell::RefCell, rc::Rc};

use js_sys::{Array, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::{JsFuture, future_to_promise};
use web_sys::AbortController;
use wire::{limits::MESSAGE_BYTES_MAX, topics::MessageId, trace::Lane};

use super::{
    broker::broker,
    knobs::{BURST_MAX, KEEPS, Knobs, SUBSCRIBERS_MAX},
    recovery::Recovery,
    subscriber::{Standing, Subscriber},
};
use crate::{
    browser::{later, location, spawn},
    components::{
        controls::{Line, Number, button, choice, line, number},
        lab::{Place, Shared},
        notice::Notice,
        query::Reader,
        terminal::Shown,
        topic::{
            fields::{is_too_long, message_field, topic_field},
            gap::message_id,
            publish::{Outcome, not_published, publish},
            restart::restart,
        },
    },
    dom::{El, State, el, follow},
    session::Session,
    transport::{
        fetch::{Call, fetch},
        sleep,
    },
};

/// After this long without an answer the page says what it may be waiting for.
const PATIENCE_MS: u32 = 2_000;
/// How long publishing waits for the subscribers that it has just connected.
const OPENING_MS: u32 = 3_000;

#[derive(Clone, Copy)]
struct Page {
    session: Session,
    knobs: State<Knobs>,
    subscribers: State<Vec<Subscriber>>,
    topic_wrong: State<bool>,
    said: State<String>,
    trouble: State<Option<Notice>>,
    abort: State<Option<AbortController>>,
    /// Counts what was published, so that a slow answer is told of its own press.
    press: State<u32>,
    /// The place among [`KEEPS`] that the topic was told of.
    kept: State<usize>,
}

/// The lab, and the commands that do the same.
pub(crate) fn page(session: Session, reader: &mut Reader) -> Shared {
    let knobs = Knobs::read(reader);
    let at_once = knobs.at_once;
    let subscribers = (1..=knobs.subscribers as u16)
        .map(|number| Subscriber::new(number, session))
        .collect();
    let page = Page {
        session,
        subscribers: State::new(subscribers),
        knobs: State::new(knobs),
        topic_wrong: State::new(false),
        said: State::new(String::new()),
        trouble: State::new(None),
        abort: State::new(None),
        press: State::new(0),
        kept: State::new(0),
    };
    follow(move || session.write_address(page.knobs.with(Knobs::write)));
    restart(session, move || page.topic_path(), page.said, page.trouble);
    if at_once {
        page.connect_all();
    }
    Shared {
        controls: vec![page.controls()],
        below: vec![page.inside(), page.cards()],
        said: Box::new(move || page.said.get()),
        trouble: Box::new(move || page.trouble.get()),
        commands: Box::new(move |place| page.commands(place)),
        invitation: "Press Publish: the subscribers below connect, and one message goes to all of them.",
    }
}

impl Page {
    fn topic_path(self) -> String {
        self.knobs.peek(Knobs::path)
    }

    fn commands(self, place: &Place) -> Vec<Shown> {
        let last = self.subscribers.with(|all| {
            all.iter()
                .filter_map(|subscriber| subscriber.recovery.with(Recovery::last))
                .max()
        });
        let last = last.map(|id| id.to_string());
        let all = self
            .knobs
            .with(|knobs| knobs.commands(&place.origin, &place.traceparent, last.as_deref()));
        let breaks = self.session.breaks;
        breaks.commands(all, |does| does.starts_with("Subscribe"))
    }

    fn inside(self) -> El {
        let knobs = self.knobs;
        let names = [
            "10,000 messages",
            "100 messages",
            "10 messages",
            "3 messages",
        ];
        const _: () = assert!(KEEPS.len() == 4, "each has a name");
        let field = choice(
            "keep",
            "Keep at most",
            &names,
            move || knobs.with(|knobs| knobs.keep),
            move |keep| {
                knobs.update(|knobs| knobs.keep = keep);
                spawn(self.keep());
            },
        );
        broker(move || knobs.with(Knobs::path), self.subscribers, field)
    }

    /// Tells the topic how much it keeps, unless it has been told.
    async fn keep(self) {
        let knobs = self.knobs.now();
        if self.kept.now() == knobs.keep {
            return;
        }
        let call = Call {
            method: "PUT",
            target: &knobs.path(),
            headers: &[("content-type", "application/json".to_owned())],
            traceparent: self.session.exchange(),
            lane: Lane::BROWSER,
        };
        let body = knobs.history();
        let why = match fetch(&self.session.feed(), call, Some(body.as_bytes()), None).await {
            Ok(reply) if reply.is_success() => return self.kept.set(knobs.keep),
            Ok(reply) => reply.words(),
            Err(no_reply) => no_reply.words().to_owned(),
        };
        let what = "The topic does not keep what you chose.";
        self.trouble.set(Some(Notice::new(what, why, "")));
    }

    fn controls(self) -> El {
        let knobs = self.knobs;
        let too_long = move || knobs.with(|knobs| is_too_long(&knobs.text));
        let topic = topic_field(
            move || knobs.with(|knobs| knobs.topic.clone()),
            self.topic_wrong,
            move |topic| self.take_topic(topic),
        );
        let message = message_field(
            move || knobs.with(|knobs| knobs.text.clone()),
            move |text| knobs.update(|knobs| knobs.text = text),
        );
        let burst = number(Number {
            id: "burst",
            label: "At once",
            unit: "messages",
            bounds: Box::new(|| (1, BURST_MAX)),
            value: Rc::new(move || self.knobs.with(|knobs| knobs.burst)),
            set: Box::new(move |burst| self.knobs.update(|knobs| knobs.burst = burst)),
        });
        let size = number(Number {
            id: "size",
            label: "Each at least",
            unit: "B",
            bounds: Box::new(|| (0, MESSAGE_BYTES_MAX)),
            value: Rc::new(move || self.knobs.with(|knobs| knobs.size)),
            set: Box::new(move |size| self.knobs.update(|knobs| knobs.size = size)),
        });
        line(Line {
            session: self.session,
            fields: vec![topic, message, burst, size],
            beside: Vec::new(),
            verb: Box::new(move || match self.abort.with(Option::is_some) {
                true => "Stop",
                false => "Publish",
            }),
            ready: Rc::new(move || !too_long() && !self.topic_wrong.get()),
            run: Box::new(move || match self.abort.now() {
                Some(abort) => abort.abort(),
                None => self.publish(),
            }),
        })
    }

    fn take_topic(self, topic: String) {
        if self.knobs.peek(|knobs| knobs.topic != topic) {
            for subscriber in self.subscribers.now() {
                subscriber.forget();
            }
            self.knobs.update(|knobs| knobs.topic = topic);
            self.kept.set(0);
        }
    }

    fn cards(self) -> El {
        let full = move || {
            self.subscribers
                .with(|all| all.len() as u64 >= SUBSCRIBERS_MAX)
        };
        let another = move || {
            let query = self.knobs.with(Knobs::write_for_another);
            Some(format!(
                "{}{query}",
                location().pathname().unwrap_or_default()
            ))
        };
        let hint = format!(
            "Up to {SUBSCRIBERS_MAX} here: over HTTP/1.1 a browser opens six connections to one server, in all its tabs together."
        );
        let head = el("header").add_all([
            el("h2").attr("id", "subscribers-title").text("Subscribers"),
            button("Add a subscriber", move || self.add()).flag_of("disabled", full),
            button("Connect all", move || self.connect_all()),
            el("a.button")
                .attrs(&[("target", "_blank"), ("rel", "noopener")])
                .attr_of("href", another)
                .text("Open a second page on this topic"),
            el("p.hint").text(&hint),
        ]);
        let list = el("ul").attr("role", "list").holds(move || {
            self.subscribers
                .get()
                .into_iter()
                .map(|subscriber| self.card(subscriber))
                .collect()
        });
        el("section.subscribers")
            .attr("aria-labelledby", "subscribers-title")
            .add(head)
            .add(list)
    }

    fn card(self, subscriber: Subscriber) -> El {
        let Subscriber {
            number,
            state,
            count,
            messages,
            recovery,
            ..
        } = subscriber;
        let verb = move || match state.get() {
            Standing::Away | Standing::Refused => match recovery.with(|it| it.words().is_empty()) {
                true => "Connect",
                false => "Reconnect",
            },
            _ => "Disconnect",
        };
        let turn = button("", move || match subscriber.is_on() {
            true => subscriber.disconnect(),
            false => subscriber.connect(self.topic_path()),
        })
        .attr_of("aria-label", move || {
            Some(format!("{} subscriber {number}", verb()))
        })
        .shows(move || verb().to_owned());
        let remove = button("Remove", move || self.remove(subscriber)).attrs(&[
            ("class", "quiet"),
            ("aria-label", &format!("Remove subscriber {number}")),
        ]);
        let number = number.to_string();
        let name = format!("Subscriber {number}");
        let title = el("h3").add(
            el("span.lane.lane-subscriber")
                .attr("data-number", &number)
                .text(&name),
        );
        let standing = el("p.subscriber-state")
            .attr("role", "status")
            .shows(move || {
                let count = match count.get() {
                    1 => "1 message".to_owned(),
                    count => format!("{count} messages"),
                };
                format!("{}, {count}", state.get().words())
            });
        let back = el("p.hint.recovery")
            .attr("role", "status")
            .shows(move || recovery.with(|it| it.words().to_owned()));
        let list = el("ol.messages")
            .attrs(&[
                ("reversed", ""),
                ("tabindex", "0"),
                ("aria-label", &format!("Messages of subscriber {number}")),
            ])
            .holds(move || {
                messages.with(|messages| {
                    messages
                        .iter()
                        .map(|(id, text)| el("li").add(el("code").text(id)).text(" ").text(text))
                        .collect()
                })
            });
        el("li.subscriber").attr("data-number", &number).add_all([
            title,
            standing,
            el("div.subscriber-tools").add(turn).add(remove),
            back,
            list,
        ])
    }

    fn add(self) {
        let all = self.subscribers.now();
        let free = (1..=SUBSCRIBERS_MAX as u16)
            .find(|number| all.iter().all(|subscriber| subscriber.number != *number));
        if let Some(number) = free {
            let subscriber = Subscriber::new(number, self.session);
            self.subscribers.update(|all| all.push(subscriber));
            self.count_them();
            subscriber.connect(self.topic_path());
        }
    }

    fn remove(self, subscriber: Subscriber) {
        subscriber.disconnect();
        self.subscribers
            .update(|all| all.retain(|other| other.number != subscriber.number));
        self.count_them();
    }

    fn count_them(self) {
        let count = self.subscribers.peek(Vec::len) as u64;
        self.knobs.update(|knobs| knobs.subscribers = count);
    }

    fn connect_all(self) {
        for subscriber in self.subscribers.now() {
            if !subscriber.is_on() {
                subscriber.connect(self.topic_path());
            }
        }
    }

    /// Publishes. Where no subscriber was ever connected, they connect first: a message that nobody hears shows little.
    fn publish(self) {
        let Ok(abort) = AbortController::new() else {
            return;
        };
        self.abort.set(Some(abort.clone()));
        self.trouble.set(None);
        self.said.set(String::new());
        let press = self.press.update(|press| {
            *press += 1;
            *press
        });
        let remind = move || {
            if self.abort.peek(Option::is_some) && self.press.now() == press {
                self.said.set(
                    "No answer for 2 s. A browser opens six connections to one server over HTTP/1.1, in all its tabs together, and \
                     each subscriber holds one: disconnect one if they are taken."
                        .to_owned(),
                );
            }
        };
        later(PATIENCE_MS, remind);
        spawn(async move {
            let all = self.subscribers.now();
            let is_first = all.iter().all(|subscriber| {
                subscriber.state.now() == Standing::Away
                    && subscriber.recovery.peek(|it| it.words().is_empty())
            });
            if is_first {
                self.connect_all();
                let mut waited_ms = 0;
                while waited_ms < OPENING_MS
                    && !abort.signal().aborted()
                    && all.iter().any(|it| it.state.now() == Standing::Connecting)
                {
                    sleep(20).await;
                    waited_ms += 20;
                }
            }
            self.keep().await;
            let knobs = self.knobs.now();
            let (path, signal) = (knobs.path(), abort.signal());
            let outcomes = Rc::new(RefCell::new(Vec::new()));
            let sent = Array::new();
            for text in knobs.messages() {
                let (path, signal) = (path.clone(), signal.clone());
                let outcomes = Rc::clone(&outcomes);
                sent.push(&future_to_promise(async move {
                    let target = [&path, "/messages"].concat();
                    let outcome = publish(self.session, &target, &text, &signal).await;
                    outcomes.borrow_mut().push(outcome);
                    Ok(JsValue::UNDEFINED)
                }));
            }
            // Each says itself how it went; this one waits for all.
            let _ = JsFuture::from(Promise::all(&sent)).await;
            self.tell(&outcomes.borrow());
            self.abort.set(None);
        });
    }

    fn tell(self, outcomes: &[Outcome]) {
        let taken: Vec<MessageId> = outcomes
            .iter()
            .filter_map(|outcome| message_id(outcome.as_ref().ok()?.json().as_ref(), "id"))
            .collect();
        self.said.set(
            match (taken.len(), taken.iter().min(), taken.iter().max()) {
                (1, Some(one), _) => format!("The topic took it as {one}."),
                (count, Some(first), Some(last)) => {
                    format!("The topic took {count} messages, {first} to {last}.")
                }
                _ => String::new(),
            },
        );
        self.trouble.set(outcomes.iter().find_map(not_published));
    }
}

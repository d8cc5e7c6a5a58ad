//! The publish–subscribe lab on the page.

use std::time::Duration;

use futures_util::future::join_all;
use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;
use wire::{
    limits::MESSAGE_BYTES_MAX,
    time::bytes,
    topics::{Published, is_topic_name},
    trace::{Kind, Lane},
};

use super::{
    knobs::{BURST_MAX, Knobs, SUBSCRIBERS_MAX, TOPIC_RULE},
    recovery::Recovery,
    subscriber::{State, Subscriber},
};
use crate::{
    components::{
        controls::{Line, Number, line, number},
        lab::{Place, Shared},
        notice::Notice,
        query::Reader,
        terminal::Shown,
    },
    session::Session,
    transport::{
        clock::now_ns,
        fetch::{Call, fetch},
        link::Seen,
        reply::{NoReply, Reply},
        sleep,
    },
};

/// After this long without an answer the page says what it may be waiting for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long publishing waits for the subscribers that it has just connected.
const OPENING_MS: u32 = 3_000;

#[derive(Clone, Copy)]
struct Page {
    session: Session,
    knobs: RwSignal<Knobs>,
    subscribers: RwSignal<Vec<Subscriber>>,
    topic_wrong: RwSignal<bool>,
    said: RwSignal<String>,
    trouble: RwSignal<Option<Notice>>,
    abort: RwSignal<Option<AbortController>, LocalStorage>,
}

/// The lab, and the commands that do the same.
pub(crate) fn page(session: Session, reader: &mut Reader) -> Shared {
    let knobs = Knobs::read(reader);
    let at_once = knobs.at_once;
    let page = Page {
        session,
        subscribers: RwSignal::new(
            (1..=knobs.subscribers as u16)
                .map(|number| Subscriber::new(number, session))
                .collect(),
        ),
        knobs: RwSignal::new(knobs),
        topic_wrong: RwSignal::new(false),
        said: RwSignal::new(String::new()),
        trouble: RwSignal::new(None),
        abort: RwSignal::new_local(None),
    };
    Effect::new(move |_| session.write_address(page.knobs.with(Knobs::write)));
    if at_once {
        page.connect_all();
    }
    Shared {
        controls: page.controls(),
        below: page.cards(),
        said: page.said.into(),
        trouble: page.trouble.into(),
        commands: Callback::new(move |place: Place| page.commands(&place)),
        invitation: "Press Publish: the subscribers below connect, and one message goes to all of them.",
    }
}

impl Page {
    fn topic_path(self) -> String {
        self.knobs
            .with_untracked(|knobs| format!("/api/topics/{}", knobs.topic))
    }

    fn commands(self, place: &Place) -> Vec<Shown> {
        let last = self.subscribers.with(|all| {
            all.iter()
                .filter_map(|subscriber| subscriber.recovery.with(Recovery::last))
                .max()
        });
        let last = last.map(|id| id.to_string());
        self.knobs
            .with(|knobs| knobs.commands(&place.origin, &place.traceparent, last.as_deref()))
            .into_iter()
            .map(|(title, command)| Shown { title, command })
            .collect()
    }

    fn controls(self) -> AnyView {
        let running = Signal::derive(move || self.abort.with(Option::is_some));
        let too_long = Signal::derive(move || {
            self.knobs
                .with(|knobs| knobs.text.len() as u64 > MESSAGE_BYTES_MAX)
        });
        let run = Callback::new(move |()| match self.abort.get_untracked() {
            Some(abort) => abort.abort(),
            None => self.publish(),
        });
        let fields = view! {
            {self.topic_field()}
            <div class="field grows">
                <label for="text">
                    "Message " <span class="bounds">{format!("up to {}", bytes(MESSAGE_BYTES_MAX))}</span>
                </label>
                <input
                    id="text"
                    type="text"
                    autocomplete="off"
                    prop:value=move || self.knobs.with(|knobs| knobs.text.clone())
                    aria-invalid=move || too_long.get().to_string()
                    aria-describedby="text-error"
                    on:input=move |event| {
                        let text = event_target_value(&event);
                        self.knobs.update(|knobs| knobs.text = text);
                    }
                />
                <span class="field-error" id="text-error" role="status">
                    {move || {
                        too_long
                            .get()
                            .then(|| format!("The server takes {} at most.", bytes(MESSAGE_BYTES_MAX)))
                    }}
                </span>
            </div>
            {number(Number {
                id: "burst",
                label: "At once",
                unit: "messages",
                bounds: Signal::stored((1, BURST_MAX)),
                value: Signal::derive(move || self.knobs.with(|knobs| knobs.burst)),
                set: Callback::new(move |burst| self.knobs.update(|knobs| knobs.burst = burst)),
            })}
        }
        .into_any();
        line(Line {
            session: self.session,
            fields,
            beside: ().into_any(),
            verb: Signal::derive(move || if running.get() { "Stop" } else { "Publish" }),
            ready: Signal::derive(move || !too_long.get() && !self.topic_wrong.get()),
            run,
        })
    }

    fn topic_field(self) -> AnyView {
        let typed = move |event: leptos::ev::Event| {
            let topic = event_target_value(&event);
            let is_good = is_topic_name(&topic);
            self.topic_wrong.set(!is_good);
            if is_good && self.knobs.with_untracked(|knobs| knobs.topic != topic) {
                for subscriber in self.subscribers.get_untracked() {
                    subscriber.forget();
                }
                self.knobs.update(|knobs| knobs.topic = topic);
            }
        };
        view! {
            <div class="field">
                <label for="topic">"Topic"</label>
                <input
                    id="topic"
                    type="text"
                    class="mono"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    size="14"
                    prop:value=move || self.knobs.with(|knobs| knobs.topic.clone())
                    aria-invalid=move || self.topic_wrong.get().to_string()
                    aria-describedby="topic-error"
                    on:input=typed
                />
                <span class="field-error" id="topic-error" role="status">
                    {move || self.topic_wrong.get().then(|| format!("A topic's name is {TOPIC_RULE}."))}
                </span>
            </div>
        }
        .into_any()
    }

    fn cards(self) -> AnyView {
        let full = move || {
            self.subscribers
                .with(|all| all.len() as u64 >= SUBSCRIBERS_MAX)
        };
        let another = move || {
            let query = self.knobs.with(Knobs::write_for_another);
            format!("{}{query}", location().pathname().unwrap_or_default())
        };
        view! {
            <section class="subscribers" aria-labelledby="subscribers-title">
                <header>
                    <h2 id="subscribers-title">"Subscribers"</h2>
                    <button type="button" on:click=move |_| self.add() disabled=full>
                        "Add a subscriber"
                    </button>
                    <button type="button" on:click=move |_| self.connect_all()>
                        "Connect all"
                    </button>
                    <a class="button" href=another target="_blank" rel="noopener">
                        "Open a second page on this topic"
                    </a>
                    <p class="hint">
                        {format!(
                            "Up to {SUBSCRIBERS_MAX} here: over HTTP/1.1 a browser opens six connections to one server, in all its tabs together.",
                        )}
                    </p>
                </header>
                <ul role="list">
                    <For
                        each=move || self.subscribers.get()
                        key=|subscriber| subscriber.number
                        children=move |subscriber| self.card(subscriber)
                    />
                </ul>
            </section>
        }
        .into_any()
    }

    fn card(self, subscriber: Subscriber) -> AnyView {
        let Subscriber {
            number,
            state,
            count,
            messages,
            recovery,
            ..
        } = subscriber;
        let is_on = move || !matches!(state.get(), State::Away | State::Refused);
        let turn = move |_| {
            if subscriber.is_on() {
                subscriber.disconnect();
            } else {
                subscriber.connect(self.topic_path());
            }
        };
        let verb = move || {
            if is_on() {
                "Disconnect"
            } else if recovery.with(|it| it.words().is_empty()) {
                "Connect"
            } else {
                "Reconnect"
            }
        };
        let list = move || {
            messages
                .get()
                .into_iter()
                .map(|(id, text)| view! { <li><code>{id}</code> " " {text}</li> })
                .collect_view()
        };
        let name = format!("Subscriber {number}");
        view! {
            <li class="subscriber" data-number=number.to_string()>
                <h3>
                    <span class="lane lane-subscriber" data-number=number.to_string()>{name.clone()}</span>
                </h3>
                <p class="subscriber-state" role="status">
                    {move || state.get().words()} ", "
                    {move || match count.get() {
                        1 => "1 message".to_owned(),
                        count => format!("{count} messages"),
                    }}
                </p>
                <div class="subscriber-tools">
                    <button type="button" on:click=turn aria-label=move || format!("{} subscriber {number}", verb())>
                        {verb}
                    </button>
                    <button
                        type="button"
                        class="quiet"
                        aria-label=format!("Remove subscriber {number}")
                        on:click=move |_| self.remove(subscriber)
                    >
                        "Remove"
                    </button>
                </div>
                <p class="hint recovery" role="status">{move || recovery.with(|it| it.words().to_owned())}</p>
                <ol class="messages" reversed tabindex="0" aria-label=format!("Messages of subscriber {number}")>
                    {list}
                </ol>
            </li>
        }
        .into_any()
    }

    fn add(self) {
        let all = self.subscribers.get_untracked();
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
        let count = self.subscribers.with_untracked(Vec::len) as u64;
        self.knobs.update(|knobs| knobs.subscribers = count);
    }

    fn connect_all(self) {
        for subscriber in self.subscribers.get_untracked() {
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
        let this = abort.clone();
        set_timeout(
            move || {
                if self.abort.get_untracked().as_ref() == Some(&this) {
                    self.said.set(
                        "No answer for 2 s. A browser opens six connections to one server over HTTP/1.1, in all its tabs together, and \
                         each subscriber holds one: disconnect one if they are taken."
                            .to_owned(),
                    );
                }
            },
            PATIENCE,
        );
        spawn_local(async move {
            let all = self.subscribers.get_untracked();
            let is_first = all.iter().all(|subscriber| {
                subscriber.state.get_untracked() == State::Away
                    && subscriber
                        .recovery
                        .with_untracked(|it| it.words().is_empty())
            });
            if is_first {
                self.connect_all();
                let mut waited_ms = 0;
                while waited_ms < OPENING_MS
                    && !abort.signal().aborted()
                    && all
                        .iter()
                        .any(|it| it.state.get_untracked() == State::Connecting)
                {
                    sleep(20).await;
                    waited_ms += 20;
                }
            }
            let knobs = self.knobs.get_untracked();
            let path = knobs.publish_path();
            let sent = knobs
                .messages()
                .into_iter()
                .map(|text| self.publish_one(&path, text, &abort));
            let outcomes = join_all(sent).await;
            self.tell(&outcomes);
            self.abort.set(None);
        });
    }

    async fn publish_one(
        self,
        path: &str,
        text: String,
        abort: &AbortController,
    ) -> Result<Reply, NoReply> {
        let traceparent = self.session.exchange();
        let call = Call {
            method: "POST",
            target: path,
            headers: &[("content-type", "text/plain; charset=utf-8".to_owned())],
            traceparent,
            lane: Lane::BROWSER,
        };
        let feed = self.session.feed();
        let reply = fetch(&feed, call, Some(text.as_bytes()), Some(&abort.signal())).await?;
        if let Ok(published) = serde_json::from_slice::<Published>(&reply.body) {
            feed.saw_of(
                traceparent.exchange,
                Seen::new(Lane::BROWSER, Kind::Consumed, reply.ended_ns)
                    .until(now_ns())
                    .with(|detail| detail.message = Some(published.id.to_string())),
            );
        }
        Ok(reply)
    }

    fn tell(self, outcomes: &[Result<Reply, NoReply>]) {
        let taken: Vec<Published> = outcomes
            .iter()
            .filter_map(|outcome| serde_json::from_slice(&outcome.as_ref().ok()?.body).ok())
            .collect();
        self.said.set(match taken.as_slice() {
            [] => String::new(),
            [one] => format!("The topic took it as {}.", one.id),
            [first, .., last] => {
                format!(
                    "The topic took {} messages, {} to {}.",
                    taken.len(),
                    first.id.min(last.id),
                    first.id.max(last.id)
                )
            }
        });
        let failed = outcomes.iter().find_map(|outcome| match outcome {
            Ok(reply) if reply.is_success() => None,
            Ok(reply) => Some(Notice::new(
                "The topic did not take the message.",
                reply.words(),
                "",
            )),
            Err(NoReply::Aborted) => Some(Notice::new(
                "You stopped publishing.",
                "What the topic took before stays there.",
                "",
            )),
            Err(NoReply::Network) => Some(Notice::new(
                "The message was not published, as far as the page knows.",
                "No answer came: the server cannot be reached, or the connection broke.",
                "See whether it runs, then publish again.",
            )),
        });
        self.trouble.set(failed);
    }
}

//! The crowd: further subscribers, which the server connects to its own port, and what they saw.

use std::rc::Rc;

use wire::{
    json::Json,
    limits::{SWARM_POLL_MS, SWARM_SUBSCRIBERS_MAX},
    race::Way,
    time::duration,
    trace::{Lane, Traceparent},
};

use super::course::Race;
use crate::{
    browser::spawn,
    components::{
        controls::{Number, button, number},
        notice::{Notice, grouped},
    },
    dom::{El, State, el},
    transport::{
        fetch::{Call, fetch},
        reply::Reply,
        sleep,
    },
};

const PLACE: &str = "/api/race/swarm";
/// For how long they stay, in seconds.
const SECONDS: u64 = 60;
/// How often the page asks what they see, in milliseconds.
const EVERY_MS: u32 = 500;

/// The swarm that the page added last: its state, as the server tells it, and whether it is there.
#[derive(Clone, Copy)]
pub(super) struct Crowd {
    race: Race,
    state: State<Json>,
    is_there: State<bool>,
    /// It is to leave.
    leaves: State<bool>,
}

/// The section.
pub(super) fn section(race: Race) -> El {
    let crowd = Crowd {
        race,
        state: State::new(Json::Null),
        is_there: State::new(false),
        leaves: State::new(false),
    };
    let count = number(Number {
        id: "swarm",
        label: "Subscribers",
        unit: "",
        bounds: Box::new(|| (1, SWARM_SUBSCRIBERS_MAX)),
        value: Rc::new(move || race.knobs.with(|knobs| knobs.crowd)),
        set: Box::new(move |count| race.knobs.update(|knobs| knobs.crowd = count)),
    });
    let turn = button("", move || crowd.turn()).shows(move || {
        match crowd.is_there.get() {
            true => "Send them away",
            false => "Add them",
        }
        .to_owned()
    });
    let hint = format!(
        "The server connects them to its own port, shared out among the five ways, each over a socket of its own; they stay \
         for {SECONDS} s. Their latency begins when the topic took the message, on the server’s clock: they and the server share \
         one machine. Short polls ask every {SWARM_POLL_MS} ms. From another machine: roundtrip swarm."
    );
    let list = el("dl").holds(move || crowd.figures());
    el("section.crowd")
        .attr("aria-labelledby", "crowd-title")
        .add(el("h2").attr("id", "crowd-title").text("A crowd"))
        .add(el("div.crowd-tools").add_all([count, turn]))
        .add(el("p.hint").text(&hint))
        .add(
            el("p")
                .attr("role", "status")
                .shows(move || crowd.state.with(words)),
        )
        .add(list)
}

impl Crowd {
    fn turn(self) {
        let is_there = self.is_there.now();
        // Whoever watches them sees it, and sends them away.
        self.leaves.set(is_there);
        if !is_there {
            spawn(self.add());
        }
    }

    async fn add(self) {
        let order = self.race.knobs.peek(|knobs| {
            // A topic's name needs no escaping.
            format!(
                "{{\"topic\":\"{}\",\"subscribers\":{},\"seconds\":{SECONDS}}}",
                knobs.topic, knobs.crowd
            )
        });
        self.race.trouble.set(None);
        self.is_there.set(true);
        let Some(reply) = self.ask("POST", PLACE, Some(order)).await else {
            self.is_there.set(false);
            return;
        };
        if !reply.is_success() {
            self.is_there.set(false);
            self.race.trouble.set(Some(Notice::new(
                "The subscribers were not added.",
                reply.words(),
                "Ask for fewer, or wait until others have left.",
            )));
            return;
        }
        self.take(&reply);
        let place = [PLACE, "/", &self.state.peek(|state| text(state, "id"))].concat();
        loop {
            sleep(EVERY_MS).await;
            let leaves = self.leaves.now();
            let method = if leaves { "DELETE" } else { "GET" };
            match self.ask(method, &place, None).await {
                Some(reply) if reply.is_success() => self.take(&reply),
                // The server has begun anew, and they are gone with the old one.
                Some(_) => break,
                None if leaves => break,
                None => {}
            }
            let running = |state: &Json| state.get("running") == Some(&Json::Bool(true));
            if !self.state.peek(running) {
                break;
            }
        }
        self.is_there.set(false);
    }

    /// Asks, outside of the run: what the crowd does is not the race's.
    async fn ask(self, method: &str, target: &str, body: Option<String>) -> Option<Reply> {
        let traceparent = Traceparent {
            recorded: false,
            ..self.race.session.exchange()
        };
        let call = Call {
            method,
            target,
            headers: &[("content-type", "application/json".to_owned())],
            traceparent,
            lane: Lane::BROWSER,
        };
        let body = body.as_ref().map(String::as_bytes);
        fetch(&self.race.session.feed(), call, body, None)
            .await
            .ok()
    }

    fn take(self, reply: &Reply) {
        if let Some(state) = reply.json() {
            self.state.set(state);
        }
    }

    /// What the subscribers of each way saw.
    fn figures(self) -> Vec<El> {
        self.state.with(|state| {
            let all = state.get("transports").map_or(&[][..], Json::items);
            all.iter().map(figure).collect()
        })
    }
}

fn text(state: &Json, name: &str) -> String {
    let text = state.get(name).and_then(Json::as_str);
    text.unwrap_or_default().to_owned()
}

fn count(of: &Json, name: &str) -> u64 {
    of.get(name).and_then(Json::as_u64).unwrap_or(0)
}

/// What they saw, all together.
fn words(state: &Json) -> String {
    let all = state.get("transports").map_or(&[][..], Json::items);
    let sum = |name: &str| all.iter().map(|of| count(of, name)).sum::<u64>();
    if all.is_empty() {
        return "Nobody was added yet.".to_owned();
    }
    let here = match state.get("running") {
        Some(Json::Bool(true)) => format!(
            "{} of {} connected, {} s left",
            grouped(sum("connected")),
            grouped(sum("subscribers")),
            count(state, "seconds_left")
        ),
        _ => format!("{} were there and have left", grouped(sum("subscribers"))),
    };
    format!(
        "{here}. {} messages published, {} received: {} gaps, {} lost, {} twice, {} on the way.",
        grouped(count(state, "published")),
        grouped(sum("messages")),
        sum("gaps"),
        sum("lost"),
        sum("duplicates"),
        sum("waiting"),
    )
}

fn figure(of: &Json) -> El {
    let way = of.get("transport").and_then(Json::as_str).and_then(Way::of);
    let late = |name: &str| {
        let us = of.get(name).and_then(Json::as_u64);
        us.map_or_else(|| "–".to_owned(), |us| duration((us * 1_000) as i64))
    };
    let words = format!(
        "{} messages, median {}, p99 {}, {} requests",
        grouped(count(of, "messages")),
        late("median_us"),
        late("p99_us"),
        grouped(count(of, "requests")),
    );
    let name = format!(
        "{} × {}",
        grouped(count(of, "subscribers")),
        way.map_or("", Way::title)
    );
    el("div")
        .add(el("dt").text(&name))
        .add(el("dd").text(&words))
}

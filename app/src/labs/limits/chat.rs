//! Two people talk on a topic; one reader asks for what is new, the other is told.

use wire::{
    json::Json,
    time::duration,
    trace::{Kind, Lane, SpanId},
};

use super::{
    came_to::seen_after,
    experiment::{Ask, Ear, Experiment, Part, Turn},
    knobs::{ASK_MS, EVERY_MS, MESSAGES, MESSAGES_MAX},
};
use crate::{
    browser::spawn,
    components::{
        controls::button,
        topic::knobs::{TEXT_TYPE, topic_path},
    },
    dom::{El, State, el, value},
    transport::{clock::now_ns, ids, link::Seen, reply::NoReply, sleep, stream::Brought},
};

/// What is said, in turns.
const WORDS: [&str; MESSAGES_MAX as usize] = [
    "Guest: Is the kettle on?",
    "Cook: Since five minutes ago.",
    "Guest: Then tea is ready.",
    "Cook: It was, before you asked.",
    "Guest: You could have told me.",
    "Cook: I answer when I am asked.",
    "Guest: And now?",
    "Cook: Now it is cold.",
];

/// The one who asks, and the one who is told.
const LANES: [Lane; 2] = [Lane::subscriber(1), Lane::subscriber(2)];
const ASKS: usize = 0;
const TOLD: usize = 1;
const UNANSWERED: &str = "A question was not answered.";
/// As long as a person's own line may be, in characters.
const LINE_MAX: &str = "200";
const AWAY: &str = "The server cannot be reached, or it closed the connection.";

/// A message as a reader has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    id: String,
    text: String,
}

/// The chat. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Chat {
    pub(super) topic: State<String>,
    seen: [State<Vec<Line>>; 2],
    /// Where the one who asks stands.
    place: State<Option<String>>,
    /// How many messages the topic has taken, or not.
    taken: State<u64>,
    /// What the person writes, and how many lines of theirs are among those that are said.
    draft: State<String>,
    own: State<u64>,
    ear: State<Option<Ear>>,
}

impl Chat {
    /// A chat on a topic of this page's own.
    pub(super) fn new() -> Chat {
        Chat {
            topic: State::new(["chat-", &ids::span().to_string()].concat()),
            seen: [State::new(Vec::new()), State::new(Vec::new())],
            place: State::new(None),
            taken: State::new(0),
            draft: State::new(String::new()),
            own: State::new(0),
            ear: State::new(None),
        }
    }

    fn path(self) -> String {
        topic_path(&self.topic.now())
    }

    /// Both begin to read; then they talk.
    pub(super) fn run(self, it: Experiment) {
        for seen in self.seen {
            seen.set(Vec::new());
        }
        self.place.set(None);
        self.taken.set(0);
        self.own.set(0);
        self.ear.set(None);
        let turn = it.begin(1);
        turn.says("Both readers begin.");
        spawn(async move {
            // The one who asks has to know where the topic stands.
            self.ask(turn).await;
            if self.place.peek(Option::is_some) && turn.is_on() {
                self.listen(turn);
            } else {
                self.end(turn);
            }
        });
    }

    fn end(self, turn: Turn) {
        match self.ear.update(Option::take) {
            Some(ear) => ear.close(),
            None => turn.part_is_over(),
        }
    }

    /// Asks once what is new.
    async fn ask(self, turn: Turn) {
        let query = match self.place.now() {
            Some(place) => ["?after=", &place].concat(),
            None => "?limit=1".to_owned(),
        };
        let is_first = self.place.peek(Option::is_none);
        let target = [&self.path(), "/messages", &query].concat();
        let ask = Ask {
            lane: LANES[ASKS],
            ..Ask::get(Part::Order, &target)
        };
        match turn.send(ask, turn.signal()).await {
            Ok((span, reply)) if reply.is_success() => {
                turn.fine(UNANSWERED);
                let answer = reply.json().unwrap_or(Json::Null);
                self.gap(turn, &answer);
                let messages = answer.get("messages").map_or(&[][..], Json::items);
                // What was there before is not of this run.
                for message in messages.iter().filter(|_| !is_first) {
                    if let (Some(id), Some(text)) = (text(message, "id"), text(message, "data")) {
                        self.received(turn, ASKS, span, Line { id, text });
                    }
                }
                if let Some(next) = text(&answer, "next") {
                    self.place.set(Some(next));
                }
            }
            Ok((_, reply)) => turn.refused(&reply),
            Err(NoReply::Aborted) => {}
            Err(NoReply::Network) => turn.trouble(UNANSWERED, AWAY, "The page asks again."),
        }
    }

    /// Asks at intervals; where they are 0, by hand only.
    async fn ask_on(self, turn: Turn) {
        let every_ms = turn.it.ran.peek(|knobs| knobs.numbers[ASK_MS]);
        while every_ms > 0 && turn.is_on() {
            sleep(every_ms as u32).await;
            if turn.is_on() {
                self.ask(turn).await;
            }
        }
    }

    /// Opens the stream of the one who is told.
    fn listen(self, turn: Turn) {
        let path = [&self.path(), "/events"].concat();
        let mut query = turn.it.ran.peek(|knobs| knobs.follow_query());
        if let Some(place) = self.place.now() {
            query.set("after", &place);
        }
        let has_begun = State::new(false);
        let take = move |ear: Ear, brought| match brought {
            Brought::Open if !has_begun.now() => {
                has_begun.set(true);
                spawn(self.talk(turn));
                spawn(self.ask_on(turn));
            }
            Brought::Message(id, text) => self.received(turn, TOLD, ear.span, Line { id, text }),
            Brought::Gap(json) => {
                if let Ok(json) = Json::parse(&json) {
                    self.gap(turn, &json);
                }
            }
            _ => {}
        };
        let ear = turn.listen(LANES[TOLD], &path, query, Box::new(take));
        self.ear.set(Some(ear));
    }

    /// Says everything, each at its time.
    async fn talk(self, turn: Turn) {
        let (count, every_ms) =
            (turn.it.ran).peek(|knobs| (knobs.numbers[MESSAGES], knobs.numbers[EVERY_MS]));
        turn.says(match turn.it.ran.peek(|knobs| knobs.numbers[ASK_MS]) {
            0 => "They talk. Press Ask now to see on the left what was said.",
            _ => "They talk.",
        });
        for words in WORDS.into_iter().take(count as usize) {
            sleep(every_ms as u32).await;
            if !turn.is_on() {
                return;
            }
            self.say(turn, words).await;
        }
    }

    /// Publishes one line. One that is not taken ends the talk.
    async fn say(self, turn: Turn, words: &str) {
        let target = [&self.path(), "/messages"].concat();
        let ask = Ask {
            method: "POST",
            headers: &[("content-type", TEXT_TYPE.to_owned())],
            body: Some(words),
            ..Ask::get(Part::Other, &target)
        };
        match turn.send(ask, turn.signal()).await {
            Ok((_, reply)) if reply.is_success() => {
                self.taken.update(|taken| *taken += 1);
                return self.look_whether_over(turn);
            }
            Ok((_, reply)) => turn.refused(&reply),
            Err(NoReply::Aborted) => return,
            Err(NoReply::Network) => {
                turn.trouble("A message was not answered.", AWAY, "Run again.");
            }
        }
        self.end(turn);
    }

    /// The person says what they have written.
    fn say_own(self, turn: Turn) {
        let words = self.draft.now();
        if words.trim().is_empty() || !turn.is_on() {
            return;
        }
        self.draft.set(String::new());
        self.own.update(|own| *own += 1);
        spawn(async move { self.say(turn, &["You: ", words.trim()].concat()).await });
    }

    fn received(self, turn: Turn, reader: usize, span: SpanId, line: Line) {
        if !turn.is_on() {
            return;
        }
        let seen = Seen::new(LANES[reader], Kind::Received, now_ns()).bytes(line.text.len() as u64);
        let seen = seen.with(|detail| detail.message = Some(line.id.clone()));
        turn.it.session.feed().saw_of(span, seen);
        self.seen[reader].update(|seen| {
            if seen.iter().all(|other| other.id != line.id) {
                seen.push(line);
            }
        });
        self.look_whether_over(turn);
    }

    fn look_whether_over(self, turn: Turn) {
        let planned = turn.it.ran.peek(|knobs| knobs.numbers[MESSAGES]);
        let wanted = planned + self.own.now();
        let have = |seen: State<Vec<Line>>| seen.peek(Vec::len) as u64 >= wanted;
        if self.taken.now() >= wanted && self.seen.into_iter().all(have) {
            turn.says("Both have seen all that was said.");
            self.end(turn);
        }
    }

    fn gap(self, turn: Turn, json: &Json) {
        if let Some(Json::Object(_)) = json.get("gap") {
            let why = "The topic began a new life, as after a restart of the server: what was said before is gone.";
            turn.trouble("There is a gap.", why, "Run again.");
            // What is missing does not come any more.
            self.end(turn);
        }
    }

    /// The two readers beside each other.
    pub(super) fn view(self, it: Experiment) -> El {
        let ask = button("Ask now", move || spawn(self.ask(it.turn())))
            .flag_of("disabled", move || !it.is_running());
        let heads = [("Asks", "Ask, and ask again"), ("Told", "Be told")];
        let columns = heads
            .into_iter()
            .enumerate()
            .map(|(reader, (name, title))| {
                let lines = self.seen[reader];
                let line = move |line: &Line| {
                    let id = line.id.clone();
                    let after = move || {
                        let spans = it.asked.with(|asked| match reader {
                            ASKS => asked.orders.clone(),
                            _ => asked.looks.clone(),
                        });
                        let ns = it
                            .session
                            .store
                            .with_shown(|run| seen_after(run, &spans, &id));
                        ns.map_or_else(String::new, |ns| ["after ", &duration(ns)].concat())
                    };
                    el("li")
                        .add(el("span").text(&line.text))
                        .add(el("small").shows(after))
                };
                let head = el("header").add(el("h3").text(title));
                let head = if reader == ASKS {
                    head.add(ask.clone())
                } else {
                    head
                };
                el("section")
                    .attrs(&[
                        ("aria-label", name),
                        ("data-number", if reader == ASKS { "1" } else { "2" }),
                    ])
                    .add(head)
                    .add(
                        el("ol")
                            .attr("role", "list")
                            .holds(move || lines.with(|all| all.iter().map(line).collect())),
                    )
            });
        el("div.chat").add_all(columns).add(self.own_line(it))
    }

    /// Where the person joins in.
    fn own_line(self, it: Experiment) -> El {
        let draft = self.draft;
        let is_off = move || !it.is_running();
        let input = el("input")
            .attrs(&[
                ("type", "text"),
                ("autocomplete", "off"),
                ("maxlength", LINE_MAX),
                ("aria-label", "Your own line"),
                ("placeholder", "Join in while they talk"),
            ])
            .value_of(move || draft.get())
            .flag_of("disabled", is_off)
            .on("input", move |event| draft.set(value(&event)));
        let say = el("button")
            .attr("type", "submit")
            .text("Say")
            .flag_of("disabled", is_off);
        el("form").add_all([input, say]).on("submit", move |event| {
            event.prevent_default();
            self.say_own(it.turn());
        })
    }
}

/// The text of this name.
fn text(json: &Json, name: &str) -> Option<String> {
    json.get(name)?.as_str().map(str::to_owned)
}

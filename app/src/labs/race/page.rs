//! The race on the page.

use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use web_sys::{AbortController, AbortSignal};
use wire::{
    race::Way,
    topics::MessageId,
    trace::{Lane, SpanId, Traceparent},
};

use super::{
    crowd,
    knobs::{
        ACK_NAMES, ACKS, BY_HAND, FAULT_NAMES, INTERVAL_MS_MAX, INTERVAL_MS_MIN, Knobs,
        MESSAGES_MAX, RATE_MAX, RHYTHM_NAMES, WHOM_NAMES,
    },
    ledger::{Fate, Ledger},
    plot::Plot,
    runner::{Runner, publish},
    table::{Row, table},
    words::Costs,
};
use crate::{
    components::{
        controls::{Line, Number, button, choice, line, number},
        lab::Shared,
        notice::Notice,
        query::Reader,
        topic::{fields::topic_field, figures::Figures, gap::message_id},
    },
    dom::{El, State, follow},
    run::Run,
    session::Session,
    transport::{
        clock::now_ns,
        fetch::{Call, fetch},
        ids,
        reply::NoReply,
        sleep,
        socket::Socket,
        stream::Stream,
    },
};

/// How many events a run may hold before the race records no more: what comes then is counted, and not drawn.
const RECORDED_MAX: usize = 12_000;
/// How often the plot grows, in milliseconds.
const BEAT_MS: u32 = 100;
/// How many beats from one reckoning to the next.
const BEATS: u32 = 5;
/// How long the streams may take to open before publishing begins all the same, in milliseconds.
const OPENING_MS: u32 = 3_000;
/// How long somebody may still see a message that nobody acknowledged, in milliseconds.
const DOUBT_MS: u64 = 3_000;
/// How many reckonings follow the end: the server's last figures come a little later.
const AFTER: u32 = 6;

/// How one of the subscribers stands.
#[derive(Clone, Default)]
pub(super) struct Standing {
    pub(super) requests: u64,
    pub(super) empty: u64,
    /// Its exchanges.
    pub(super) spans: Vec<SpanId>,
    connected: bool,
    /// The mark of its absence, while it does not hear the topic.
    away: Option<El>,
    /// The messages that are crossed out, as it never gets them.
    crossed: Vec<usize>,
}

/// The page's race. Cheap to copy.
#[derive(Clone, Copy)]
pub(super) struct Race {
    pub(super) session: Session,
    pub(super) knobs: State<Knobs>,
    pub(super) ledger: State<Ledger>,
    pub(super) standings: State<[Standing; 5]>,
    pub(super) stream: State<Option<Stream>>,
    pub(super) socket: State<Option<Socket>>,
    pub(super) trouble: State<Option<Notice>>,
    /// What was set when it began; none while there is no race.
    pub(super) racing: State<Option<Knobs>>,
    topic_wrong: State<bool>,
    said: State<String>,
    rows: State<Vec<Row>>,
    plot: State<Option<Plot>>,
    abort: State<Option<AbortController>>,
    /// Counts the races, so that what is late is not taken for the present one's.
    number: State<u32>,
    began_ns: State<i64>,
    /// Tells this race's messages from others'.
    tag: State<String>,
    /// There are messages still to be published.
    publishes: State<bool>,
}

/// The lab.
pub(crate) fn page(session: Session, reader: &mut Reader) -> Shared {
    let race = Race {
        session,
        knobs: State::new(Knobs::read(reader)),
        ledger: State::new(Ledger::default()),
        standings: State::new(Default::default()),
        stream: State::new(None),
        socket: State::new(None),
        trouble: State::new(None),
        racing: State::new(None),
        topic_wrong: State::new(false),
        said: State::new(String::new()),
        rows: State::new(Vec::new()),
        plot: State::new(None),
        abort: State::new(None),
        number: State::new(0),
        began_ns: State::new(0),
        tag: State::new(String::new()),
        publishes: State::new(false),
    };
    follow(move || session.write_address(race.knobs.with(Knobs::write)));
    let plot = Plot::new(move |way| {
        race.rows
            .with(|rows| rows.get(way as usize).map(|row| row.short.clone()))
            .unwrap_or_default()
    });
    plot.clear();
    race.plot.set(Some(plot.clone()));
    race.reckon();
    Shared {
        controls: vec![race.controls(), plot.element()],
        below: vec![table(race.rows), crowd::section(race)],
        said: Box::new(move || race.said.get()),
        trouble: Box::new(move || race.trouble.get()),
        commands: Box::new(move |place| {
            race.knobs
                .with(|knobs| knobs.commands(&place.origin, &place.traceparent))
        }),
        invitation: "Press Run: one publisher, five subscribers, and a dot for each message where it arrived.",
    }
}

impl Race {
    fn controls(self) -> El {
        let knobs = self.knobs;
        let topic = topic_field(
            move || knobs.with(|knobs| knobs.topic.clone()),
            self.topic_wrong,
            move |topic| knobs.update(|knobs| knobs.topic = topic),
        );
        let rhythm = self.choice("publish", "Publish", &RHYTHM_NAMES, |knobs| {
            &mut knobs.rhythm
        });
        let rate = self.number("rate", "Each second", "", (1, RATE_MAX), |knobs| {
            &mut knobs.rate
        });
        let messages = self.number("messages", "Messages", "", (1, MESSAGES_MAX), |knobs| {
            &mut knobs.messages
        });
        let bounds = (INTERVAL_MS_MIN, INTERVAL_MS_MAX);
        let interval = self.number("interval", "Short polls every", "ms", bounds, |knobs| {
            &mut knobs.interval_ms
        });
        let ack = self.choice("ack", "The topic keeps", &ACK_NAMES, |knobs| &mut knobs.ack);
        let faults = self.choice("faults", "Fault", &FAULT_NAMES, |knobs| &mut knobs.faults);
        let whom = self.choice("on", "On", &WHOM_NAMES, |knobs| &mut knobs.whom);
        let is_on = move || self.racing.with(Option::is_some);
        let one = button("Publish one", move || spawn_local(self.publish()))
            .flag_of("disabled", move || !is_on());
        line(Line {
            session: self.session,
            fields: vec![topic, rhythm, rate, messages, interval, ack, faults, whom],
            beside: vec![one],
            verb: Box::new(move || if is_on() { "Stop" } else { "Run" }),
            ready: Rc::new(move || is_on() || !self.topic_wrong.get()),
            run: Box::new(move || match is_on() {
                true => self.end("You stopped. "),
                false => self.start(),
            }),
        })
    }

    fn number(
        self,
        id: &'static str,
        label: &'static str,
        unit: &'static str,
        bounds: (u64, u64),
        of: fn(&mut Knobs) -> &mut u64,
    ) -> El {
        let knobs = self.knobs;
        number(Number {
            id,
            label,
            unit,
            bounds: Box::new(move || bounds),
            value: Rc::new(move || *of(&mut knobs.get())),
            set: Box::new(move |value| knobs.update(|knobs| *of(knobs) = value)),
        })
    }

    fn choice(
        self,
        id: &'static str,
        label: &str,
        names: &[&str],
        of: fn(&mut Knobs) -> &mut usize,
    ) -> El {
        let knobs = self.knobs;
        choice(
            id,
            label,
            names,
            move || *of(&mut knobs.get()),
            move |place| knobs.update(|knobs| *of(knobs) = place),
        )
    }

    /// Is this race still under way?
    pub(super) fn is_on(self, number: u32) -> bool {
        self.number.now() == number && self.racing.peek(Option::is_some)
    }

    /// A new exchange: recorded, as long as the run has room.
    pub(super) fn exchange(self) -> Traceparent {
        Traceparent {
            recorded: self.session.store.live.peek(Run::len) < RECORDED_MAX,
            ..self.session.exchange()
        }
    }

    /// What gives up all that is under way when the race ends.
    pub(super) fn signal(self) -> Option<AbortSignal> {
        self.abort
            .peek(|abort| abort.as_ref().map(AbortController::signal))
    }

    pub(super) fn interval_ms(self) -> u64 {
        self.knobs.peek(|knobs| knobs.interval_ms)
    }

    fn elapsed_ms(self) -> u64 {
        self.ms(now_ns())
    }

    /// When that was, in milliseconds of the race.
    fn ms(self, at_ns: i64) -> u64 {
        (at_ns - self.began_ns.now()).max(0).unsigned_abs() / 1_000_000
    }

    fn draw(self, act: impl FnOnce(&Plot)) {
        self.plot.peek(|plot| {
            if let Some(plot) = plot {
                act(plot);
            }
        });
    }

    fn start(self) {
        self.trouble.set(None);
        self.said.set("Connecting.".to_owned());
        self.ledger.set(Ledger::default());
        self.standings.set(Default::default());
        self.abort.set(AbortController::new().ok());
        self.tag.set(ids::span().to_string());
        self.began_ns.set(now_ns());
        self.racing.set(Some(self.knobs.now()));
        self.publishes.set(true);
        let number = self.number.now() + 1;
        self.number.set(number);
        self.draw(Plot::clear);
        spawn_local(self.go(number));
    }

    async fn go(self, number: u32) {
        let Some(start) = self.topic().await else {
            self.end("");
            return;
        };
        if !self.is_on(number) {
            return;
        }
        for way in Way::ALL {
            self.ledger.alter(|ledger| ledger.stands(way, start));
            Runner {
                race: self,
                number,
                way,
            }
            .start();
        }
        spawn_local(self.keep_time(number));
        let mut waited_ms = 0;
        while waited_ms < OPENING_MS && !self.all_connected() {
            sleep(20).await;
            waited_ms += 20;
        }
        self.publish_all(number).await;
    }

    /// Sets what the topic keeps; gives where it stands.
    async fn topic(self) -> Option<MessageId> {
        let knobs = self.racing.now()?;
        let settings = format!("{{\"ack\":\"{}\"}}", ACKS[knobs.ack]);
        let call = Call {
            method: "PUT",
            target: &knobs.path(),
            headers: &[("content-type", "application/json".to_owned())],
            traceparent: self.exchange(),
            lane: Lane::BROWSER,
        };
        let feed = self.session.feed();
        let signal = self.signal();
        let notice = match fetch(&feed, call, Some(settings.as_bytes()), signal.as_ref()).await {
            Ok(reply) => {
                if let Some(last) = message_id(reply.json().as_ref(), "last") {
                    return Some(last);
                }
                reply.words()
            }
            Err(NoReply::Aborted) => return None,
            Err(none) => none.words().to_owned(),
        };
        let what = "The topic could not be prepared.";
        self.trouble.set(Some(Notice::new(what, notice, "")));
        None
    }

    /// Publishes all messages, each at its time whatever became of the ones before.
    async fn publish_all(self, number: u32) {
        let Some(knobs) = self.racing.now() else {
            return;
        };
        let began_ms = self.elapsed_ms();
        let count = match knobs.rhythm {
            BY_HAND => 0,
            _ => knobs.messages,
        };
        for message in 0..count {
            let (due_ms, now_ms) = (began_ms + knobs.due_ms(message), self.elapsed_ms());
            if due_ms > now_ms {
                sleep((due_ms - now_ms) as u32).await;
            }
            if !self.is_on(number) {
                return;
            }
            spawn_local(self.publish());
        }
        if self.is_on(number) && knobs.rhythm != BY_HAND {
            self.publishes.set(false);
        }
    }

    async fn publish(self) {
        let Some(knobs) = self.racing.now() else {
            return;
        };
        let sent_ns = now_ns();
        let (tag, race) = (self.tag.now(), self.number.now());
        let number = self.ledger.alter(|ledger| ledger.sends(sent_ns));
        let text = format!("race {tag} {number} set out at {sent_ns} ns");
        let answered = publish(self, &knobs.path(), &text, format!("{tag}-{number}")).await;
        let fate = match answered {
            Ok(Some(id)) => Fate::Taken(id),
            Ok(None) => Fate::Refused,
            Err(_) => Fate::Unknown,
        };
        if self.number.now() == race {
            self.ledger.alter(|ledger| ledger.answered(number, fate));
        }
    }

    /// A publish was refused.
    pub(super) fn refuses(self, why: &str) {
        let what = "The topic did not take a message.";
        self.trouble.set(Some(Notice::new(what, why, "")));
    }

    /// A subscriber was refused.
    pub(super) fn refused(self, way: Way, why: &str) {
        let what = format!("{} was refused.", way.title());
        self.trouble.set(Some(Notice::new(what, why, "")));
    }

    /// A message reached a subscriber.
    pub(super) fn received(self, way: Way, id: MessageId, data: &str, now_ns: i64) {
        let mut words = data.split(' ');
        let is_ours =
            words.next() == Some("race") && self.tag.peek(|tag| words.next() == Some(tag.as_str()));
        let number = words
            .next()
            .filter(|_| is_ours)
            .and_then(|word| word.parse().ok());
        let late_ns = self
            .ledger
            .alter(|ledger| ledger.received(way, id, number, now_ns));
        if let Some(late_ns) = late_ns {
            self.draw(|plot| plot.dot(way, self.ms(now_ns - late_ns), late_ns));
        }
    }

    pub(super) fn is_connected(self, way: Way) -> bool {
        self.standings
            .peek(|standings| standings[way as usize].connected)
    }

    fn all_connected(self) -> bool {
        self.standings
            .peek(|standings| standings.iter().all(|standing| standing.connected))
    }

    /// A subscriber hears the topic from now on, or no longer.
    pub(super) fn hears(self, way: Way, is_connected: bool) {
        let now_ms = self.elapsed_ms();
        self.standings.alter(|standings| {
            let standing = &mut standings[way as usize];
            let was = std::mem::replace(&mut standing.connected, is_connected);
            if was && !is_connected {
                self.draw(|plot| standing.away = Some(plot.away(way, now_ms)));
            } else if is_connected && let Some(away) = standing.away.take() {
                self.draw(|plot| plot.back(&away, now_ms));
            }
        });
    }

    /// Lets the plot grow and reckons, until the race is over and a little longer.
    async fn keep_time(self, number: u32) {
        let (mut beats, mut quiet_ms, mut after) = (0, 0, 0);
        while self.number.now() == number && after < AFTER {
            sleep(BEAT_MS).await;
            beats += 1;
            if self.is_on(number) {
                self.draw(|plot| plot.grow(self.elapsed_ms()));
            }
            if beats % BEATS > 0 {
                continue;
            }
            self.reckon();
            if !self.is_on(number) {
                after += 1;
                continue;
            }
            self.said.change_to(self.ledger.peek(Ledger::words));
            let is_quiet = !self.publishes.now()
                && self.all_connected()
                && self.ledger.peek(Ledger::is_settled);
            quiet_ms = match is_quiet {
                true => quiet_ms + u64::from(BEAT_MS * BEATS),
                false => 0,
            };
            // Somebody may still see what nobody acknowledged.
            let doubt_ms = match self.ledger.peek(|ledger| ledger.fates().unknown) {
                0 => 0,
                _ => DOUBT_MS + self.interval_ms(),
            };
            if quiet_ms > doubt_ms {
                self.end("");
            }
        }
    }

    /// What it came to so far.
    fn reckon(self) {
        let rows = Way::ALL.map(|way| {
            let standing = self
                .standings
                .peek(|standings| standings[way as usize].clone());
            let figures = self
                .session
                .store
                .live
                .peek(|run| Figures::of(run, &standing.spans));
            let latencies = self.ledger.peek(|ledger| ledger.track(way).latencies());
            let row = self.ledger.peek(|ledger| {
                let track = ledger.track(way);
                let costs = Costs {
                    messages: track.count() + track.others,
                    median_ns: latencies.map(|(median, _)| median),
                    p99_ns: latencies.map(|(_, p99)| p99),
                    requests: standing.requests,
                    empty: standing.empty,
                    head: figures.head,
                    body: figures.body,
                    connected: standing.connected,
                };
                Row::of(way, &costs, ledger)
            });
            if let Some((median_ns, _)) = latencies {
                self.draw(|plot| plot.median(way, median_ns));
            }
            self.cross_out(way);
            row
        });
        self.rows.change_to(rows.into());
    }

    /// Marks the messages that a subscriber never gets.
    fn cross_out(self, way: Way) {
        self.standings.alter(|standings| {
            let crossed = &mut standings[way as usize].crossed;
            for (number, sent_ns) in self.ledger.peek(|ledger| ledger.named(way)) {
                if !crossed.contains(&number) {
                    crossed.push(number);
                    self.draw(|plot| plot.cross(way, self.ms(sent_ns)));
                }
            }
        });
    }

    /// The race is over, or could not begin.
    fn end(self, words: &str) {
        let abort = self.abort.update(Option::take);
        self.racing.set(None);
        self.stream.set(None);
        self.socket.set(None);
        if let Some(abort) = abort {
            abort.abort();
        }
        self.standings
            .alter(|standings| standings.iter_mut().for_each(|it| it.connected = false));
        let told = self.ledger.peek(|ledger| match ledger.messages() {
            [] => String::new(),
            _ => ledger.words(),
        });
        self.said.set([words, &told].concat());
        self.reckon();
    }
}

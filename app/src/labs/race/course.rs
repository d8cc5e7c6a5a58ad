//! A race from its start to its end: the topic, the publisher, and the time that passes.

use web_sys::{AbortController, AbortSignal};
use wire::{
    race::Way,
    topics::MessageId,
    trace::{Lane, Traceparent},
};

use super::{
    knobs::{ACKS, BY_HAND, Knobs},
    ledger::{Fate, Ledger},
    plot::Plot,
    runner::{Runner, publish},
    standing::Standing,
    table::Row,
};
use crate::{
    browser::spawn,
    components::{notice::Notice, topic::gap::message_id},
    dom::State,
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
    pub(super) topic_wrong: State<bool>,
    pub(super) said: State<String>,
    pub(super) rows: State<Vec<Row>>,
    pub(super) plot: State<Option<Plot>>,
    pub(super) abort: State<Option<AbortController>>,
    /// Counts the races, so that what is late is not taken for the present one's.
    pub(super) number: State<u32>,
    pub(super) began_ns: State<i64>,
    /// Tells this race's messages from others'.
    pub(super) tag: State<String>,
    /// There are messages still to be published.
    pub(super) publishes: State<bool>,
}

impl Race {
    pub(super) fn new(session: Session, knobs: Knobs) -> Race {
        Race {
            session,
            knobs: State::new(knobs),
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
        }
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

    pub(super) fn elapsed_ms(self) -> u64 {
        self.ms(now_ns())
    }

    /// When that was, in milliseconds of the race.
    pub(super) fn ms(self, at_ns: i64) -> u64 {
        (at_ns - self.began_ns.now()).max(0).unsigned_abs() / 1_000_000
    }

    pub(super) fn draw(self, act: impl FnOnce(&Plot)) {
        self.plot.peek(|plot| {
            if let Some(plot) = plot {
                act(plot);
            }
        });
    }

    pub(super) fn start(self) {
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
        spawn(self.go(number));
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
        spawn(self.keep_time(number));
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
            spawn(self.publish());
        }
        if self.is_on(number) && knobs.rhythm != BY_HAND {
            self.publishes.set(false);
        }
    }

    pub(super) async fn publish(self) {
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

    /// The race is over, or could not begin.
    pub(super) fn end(self, words: &str) {
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

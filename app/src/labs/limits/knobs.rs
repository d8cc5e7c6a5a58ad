//! What can be set in each experiment, its bounds, and its state in the address.

use wire::{
    jobs::JOBS_PATH,
    limits::{JOB_CPU_MS_MAX, JOB_TIMEOUT_MS_MAX, JOB_WORK_MS_MAX},
};

use crate::components::query::{Reader, Writer};

/// The experiments, as they stand in the address.
pub const EXPERIMENTS: &[&str] = &["chat", "job", "leave", "six"];
/// Their names.
pub const EXPERIMENT_NAMES: &[&str] = &[
    "A chat",
    "A job of minutes",
    "A client leaves",
    "Six connections",
];
/// Two people talk, heard by asking and by push.
pub const CHAT: usize = 0;
/// A job, waited for or looked after.
pub const JOB: usize = 1;
/// A client that leaves while the server works for it.
pub const LEAVE: usize = 2;
/// More long responses than the browser has connections.
pub const SIX: usize = 3;

/// A whole number that can be set.
#[derive(Debug)]
pub struct NumberKnob {
    /// Its name in the address, and the field's id.
    pub word: &'static str,
    /// What the field is called.
    pub label: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// The least it can be.
    pub least: u64,
    /// The greatest it can be.
    pub most: u64,
    /// What it is unless set.
    pub usual: u64,
    /// The experiments that it belongs to.
    pub of: &'static [usize],
}

/// A choice.
#[derive(Debug)]
pub struct ChoiceKnob {
    /// Its name in the address, and the field's id.
    pub word: &'static str,
    /// What the field is called.
    pub label: &'static str,
    /// What can be chosen, as it stands in the address; the first unless set.
    pub words: &'static [&'static str],
    /// What can be chosen, as it is called.
    pub names: &'static [&'static str],
    /// The experiments that it belongs to.
    pub of: &'static [usize],
}

const fn ms(
    word: &'static str,
    label: &'static str,
    (least, most, usual): (u64, u64, u64),
    of: &'static [usize],
) -> NumberKnob {
    NumberKnob {
        word,
        label,
        unit: "ms",
        least,
        most,
        usual,
        of,
    }
}

/// How many messages there are to say.
pub const MESSAGES_MAX: u64 = 8;

/// The numbers.
pub const NUMBERS: [NumberKnob; 7] = [
    ms(
        "work_ms",
        "The job takes",
        (100, JOB_WORK_MS_MAX, 3_000),
        &[JOB, LEAVE, SIX],
    ),
    ms(
        "timeout_ms",
        "Gateway timeout (0: none)",
        (0, JOB_TIMEOUT_MS_MAX, 2_000),
        &[JOB],
    ),
    ms(
        "leave_ms",
        "The client leaves after",
        (10, 60_000, 1_000),
        &[LEAVE],
    ),
    NumberKnob {
        word: "requests",
        label: "Requests at once",
        unit: "",
        least: 1,
        most: 12,
        usual: 7,
        of: &[SIX],
    },
    NumberKnob {
        word: "messages",
        label: "Messages",
        unit: "",
        least: 1,
        most: MESSAGES_MAX,
        usual: 4,
        of: &[CHAT],
    },
    ms("every_ms", "One every", (0, 10_000, 900), &[CHAT]),
    ms(
        "ask_ms",
        "Ask every (0: by hand)",
        (0, 10_000, 1_500),
        &[CHAT],
    ),
];
/// The place of the job's length among [`NUMBERS`].
pub const WORK_MS: usize = 0;
/// Of the gateway's patience.
pub const TIMEOUT_MS: usize = 1;
/// Of the client's.
pub const LEAVE_MS: usize = 2;
/// Of how many requests are open at once.
pub const REQUESTS: usize = 3;
/// Of how many messages there are.
pub const MESSAGES: usize = 4;
/// Of the time between two of them.
pub const EVERY_MS: usize = 5;
/// Of the time between two questions.
pub const ASK_MS: usize = 6;

/// The choices.
pub const CHOICES: [ChoiceKnob; 5] = [
    ChoiceKnob {
        word: "answer",
        label: "The answer",
        words: &["held", "poll", "long-poll", "stream"],
        names: &[
            "held until done",
            "202, polled",
            "202, long-polled",
            "202, streamed",
        ],
        of: &[JOB],
    },
    ChoiceKnob {
        word: "work",
        label: "spent",
        words: &["wait", "cpu"],
        names: &["waiting", "computing"],
        of: &[JOB],
    },
    ChoiceKnob {
        word: "press",
        label: "Pressed",
        words: &["once", "twice", "twice-one-key"],
        names: &["once", "twice", "twice, one key"],
        of: &[JOB],
    },
    ChoiceKnob {
        word: "then",
        label: "The server then",
        words: &["ignore", "cancel"],
        names: &["goes on", "cancels the job"],
        of: &[LEAVE],
    },
    ChoiceKnob {
        word: "fault",
        label: "The connection",
        words: &["none", "cut"],
        names: &["holds", "is cut"],
        of: &[CHAT, JOB, LEAVE],
    },
];
/// The place of how a job is answered among [`CHOICES`].
pub const ANSWER: usize = 0;
/// Of how the time is spent.
pub const WORK: usize = 1;
/// Of how often Run is pressed, so to say.
pub const PRESS: usize = 2;
/// Of what the server does for a client that has left.
pub const THEN: usize = 3;
/// Of what happens to the connection.
pub const FAULT: usize = 4;

/// [`ANSWER`]: the response is held until the job is done.
pub const HELD: usize = 0;
/// [`ANSWER`]: looked at when `Retry-After` says.
pub const POLL: usize = 1;
/// [`ANSWER`]: a question that is held until the job is over.
pub const LONG_POLL: usize = 2;
/// [`ANSWER`]: an event stream.
pub const STREAM: usize = 3;

/// After what time a cut connection is cut, in milliseconds, where the client does not leave anyway.
pub const CUT_AFTER_MS: u64 = 1_000;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knobs {
    /// The place among [`EXPERIMENTS`].
    pub experiment: usize,
    /// The values of [`NUMBERS`].
    pub numbers: [u64; NUMBERS.len()],
    /// The places chosen of [`CHOICES`].
    pub choices: [usize; CHOICES.len()],
}

impl Default for Knobs {
    fn default() -> Knobs {
        Knobs {
            experiment: CHAT,
            numbers: std::array::from_fn(|place| NUMBERS[place].usual),
            choices: [0; CHOICES.len()],
        }
    }
}

impl Knobs {
    /// What the address says, within its bounds.
    pub fn read(reader: &mut Reader) -> Knobs {
        let mut knobs = Knobs {
            experiment: reader.choice("experiment", EXPERIMENTS),
            ..Knobs::default()
        };
        for (place, knob) in CHOICES.iter().enumerate() {
            knobs.choices[place] = reader.choice(knob.word, knob.words);
        }
        for (place, knob) in NUMBERS.iter().enumerate() {
            let (least, most) = knobs.bounds(place);
            knobs.numbers[place] = reader.number(knob.word, least..=most, knob.usual);
        }
        knobs
    }

    /// The query that reads back as the same.
    pub fn write(&self) -> String {
        let mut writer = Writer::new();
        writer.choice("experiment", EXPERIMENTS, self.experiment);
        for (knob, value) in NUMBERS.iter().zip(self.numbers) {
            writer.number(knob.word, value, knob.usual);
        }
        for (knob, place) in CHOICES.iter().zip(self.choices) {
            writer.choice(knob.word, knob.words, place);
        }
        writer.finish()
    }

    /// The least and the greatest value of a number, as the rest is set.
    pub fn bounds(&self, place: usize) -> (u64, u64) {
        let knob = &NUMBERS[place];
        let most = match place {
            // Computing holds a thread.
            WORK_MS if self.is_computed() => JOB_CPU_MS_MAX,
            _ => knob.most,
        };
        (knob.least, most)
    }

    /// Does a choice leave the job's length within its bounds? Where it does not, the length is cut to them.
    pub fn choose(&mut self, place: usize, chosen: usize) {
        self.choices[place] = chosen;
        let (_, most) = self.bounds(WORK_MS);
        self.numbers[WORK_MS] = self.numbers[WORK_MS].min(most);
    }

    /// Is this number of any meaning, as the rest is set?
    pub fn has_number(&self, place: usize) -> bool {
        let is_held = self.choices[ANSWER] == HELD;
        NUMBERS[place].of.contains(&self.experiment) && (place != TIMEOUT_MS || is_held)
    }

    /// Is this choice of any meaning?
    pub fn has_choice(&self, place: usize) -> bool {
        CHOICES[place].of.contains(&self.experiment)
    }

    /// Is the answer held until the job is done?
    pub fn is_held(&self) -> bool {
        self.experiment == LEAVE || self.experiment == JOB && self.choices[ANSWER] == HELD
    }

    /// Is the job computed?
    fn is_computed(&self) -> bool {
        self.choices[WORK] == 1 && self.has_choice(WORK)
    }

    /// Is the connection cut?
    pub fn is_cut(&self) -> bool {
        self.choices[FAULT] == 1 && self.has_choice(FAULT)
    }

    /// The faults to ask for.
    pub fn faults(&self) -> String {
        let after_ms = match self.experiment {
            LEAVE => self.numbers[LEAVE_MS],
            _ => CUT_AFTER_MS,
        };
        ["cut_after=", &after_ms.to_string(), "ms"].concat()
    }

    /// The order of a job: the body of its request.
    pub fn order(&self) -> String {
        let work = if self.is_computed() { "cpu" } else { "wait" };
        let work_ms = self.numbers[WORK_MS].to_string();
        ["{\"work_ms\":", &work_ms, ",\"work\":\"", work, "\"}"].concat()
    }

    /// Where a job is ordered: path and query.
    pub fn order_target(&self) -> String {
        let mut query = Writer::new();
        if self.is_held() {
            query.set("answer", "wait");
            if self.experiment == JOB {
                query.number("timeout_ms", self.numbers[TIMEOUT_MS], 0);
            } else {
                query.choice("on_disconnect", CHOICES[THEN].words, self.choices[THEN]);
            }
            if self.is_cut() {
                query.set("faults", &self.faults());
            }
        }
        [JOBS_PATH, &query.finish()].concat()
    }

    /// The query of whatever follows a job or a topic, with the cut that is asked for.
    pub fn follow_query(&self) -> Writer {
        let mut query = Writer::new();
        if self.is_cut() {
            query.set("faults", &self.faults());
        }
        query
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(query: &str) -> (Knobs, usize) {
        let mut reader = Reader::new(query);
        let knobs = Knobs::read(&mut reader);
        (knobs, reader.into_complaints().len())
    }

    #[test]
    fn bounds_hold_at_the_limit_and_one_past_it() {
        assert_eq!(read(""), (Knobs::default(), 0));
        for (place, knob) in NUMBERS.iter().enumerate() {
            let at = |value: u64| read(&format!("{}={value}", knob.word));
            assert_eq!(at(knob.most).1, 0, "{}", knob.word);
            let (past, complaints) = at(knob.most + 1);
            assert_eq!((past.numbers[place], complaints), (knob.most, 1));
            if knob.least > 0 {
                assert_eq!(at(knob.least - 1).0.numbers[place], knob.least);
            }
            assert!(
                (knob.least..=knob.most).contains(&knob.usual),
                "{}",
                knob.word
            );
        }
        assert_eq!(read("experiment=job&work=cpu&work_ms=30000").1, 0);
        let (cut, complaints) = read("experiment=job&work=cpu&work_ms=30001");
        assert_eq!((cut.numbers[WORK_MS], complaints), (JOB_CPU_MS_MAX, 1));
    }

    #[test]
    fn computing_shortens_a_job_that_is_too_long_for_it() {
        let (mut knobs, _) = read("experiment=job&work_ms=300000");
        knobs.choose(WORK, 1);
        assert_eq!(knobs.numbers[WORK_MS], JOB_CPU_MS_MAX);
    }

    #[test]
    fn a_job_is_ordered_as_the_controls_say() {
        let target = |query: &str| read(query).0.order_target();
        assert_eq!(
            target("experiment=job"),
            "/api/jobs?answer=wait&timeout_ms=2000"
        );
        assert_eq!(
            target("experiment=job&timeout_ms=0"),
            "/api/jobs?answer=wait"
        );
        assert_eq!(target("experiment=job&answer=poll&fault=cut"), "/api/jobs");
        assert_eq!(
            target("experiment=leave&then=cancel&fault=cut&leave_ms=300"),
            "/api/jobs?answer=wait&on_disconnect=cancel&faults=cut_after%3D300ms"
        );
        let (knobs, _) = read("experiment=job&work=cpu&work_ms=250");
        assert_eq!(knobs.order(), r#"{"work_ms":250,"work":"cpu"}"#);
    }

    proptest! {
        #[test]
        fn a_link_reproduces_the_experiment(
            experiment in 0..EXPERIMENTS.len(), share in 0_u64..=100, picked in 0_usize..12,
        ) {
            let mut knobs = Knobs { experiment, ..Knobs::default() };
            for (place, knob) in CHOICES.iter().enumerate() {
                knobs.choices[place] = picked % knob.words.len();
            }
            for place in 0..NUMBERS.len() {
                let (least, most) = knobs.bounds(place);
                knobs.numbers[place] = least + (most - least) * share / 100;
            }
            prop_assert_eq!(read(&knobs.write()), (knobs, 0));
        }
    }
}

//! A job of minutes, waited for or looked after; and a client that leaves while the server works for it.

use wire::{
    jobs::JOBS_PATH,
    json::Json,
    trace::{Kind, Lane},
};

use super::{
    experiment::{Ask, Ear, Experiment, Part, Turn},
    knobs::{ANSWER, LEAVE, LEAVE_MS, LONG_POLL, PRESS, STREAM},
};
use crate::{
    browser::spawn,
    components::query::Writer,
    dom::{El, State, derived, el},
    transport::{
        ids,
        reply::{NoReply, Reply},
        sleep,
        stream::Brought,
    },
};

/// How long the page waits before it asks again where a question was cut off, in milliseconds.
const PAUSE_MS: u32 = 300;
const KNOWN: &str = "The job is over, and the page knows.";
const CUT_OFF: &str = "A question was cut off.";
const LEFT: &str = "The client has left. What the server does, its own lane shows.";
const CUT: &str = "The connection is cut. What the server does, its own lane shows.";

/// A job as the page knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Known {
    id: String,
    state: String,
    progress: u64,
}

impl Known {
    fn read(reply: &Json) -> Option<Known> {
        Some(Known {
            id: reply.get("id")?.as_str()?.to_owned(),
            state: reply.get("state")?.as_str()?.to_owned(),
            progress: reply.get("progress")?.as_u64()?,
        })
    }

    fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "done" | "cancelled")
    }

    fn path(&self) -> String {
        [JOBS_PATH, "/", &self.id].concat()
    }
}

/// The jobs of the present run.
#[derive(Clone, Copy)]
pub(super) struct Jobs(State<Vec<Known>>);

impl Jobs {
    pub(super) fn none() -> Jobs {
        Jobs(State::new(Vec::new()))
    }

    /// Notes how a job stands; true where it is new.
    fn note(self, turn: Turn, known: Known) -> bool {
        if !turn.is_on() {
            return false;
        }
        let (is_new, count) = self.0.update(|jobs| {
            let found = jobs.iter().position(|job| job.id == known.id);
            match found {
                Some(place) => jobs[place] = known,
                None => jobs.push(known),
            }
            (found.is_none(), jobs.len())
        });
        turn.it.asked.update(|asked| asked.jobs = count);
        is_new
    }

    /// Runs the experiment.
    pub(super) fn run(self, it: Experiment) {
        self.0.set(Vec::new());
        let knobs = it.knobs.now();
        let leaves = knobs.experiment == LEAVE;
        let is_twice = knobs.choices[PRESS] > 0 && !leaves;
        let key = (knobs.choices[PRESS] == 2).then(|| ids::span().to_string());
        let turn = it.begin(1 + u32::from(is_twice));
        turn.says(match knobs.is_held() {
            true => "The page waits for the answer, and knows nothing of the job until then.",
            false => "Ordered.",
        });
        if is_twice {
            spawn(self.press(turn, key.clone()));
        }
        spawn(self.press(turn, key));
        // A cut comes from the other side.
        if leaves && !knobs.is_cut() {
            spawn(async move {
                sleep(knobs.numbers[LEAVE_MS] as u32).await;
                turn.leave();
            });
        }
    }

    async fn press(self, turn: Turn, key: Option<String>) {
        match turn.order(key, turn.signal()).await {
            Ok(reply) if reply.is_success() => {
                let known = reply.json().as_ref().and_then(Known::read);
                if let Some(known) = known {
                    let job = known.clone();
                    if self.note(turn, known) && !job.is_over() {
                        return self.follow(turn, job, retry_after_ms(&reply)).await;
                    }
                    if job.state == "done" {
                        turn.says("The answer is here: the job is done.");
                    }
                }
            }
            Ok(reply) => turn.refused(&reply),
            Err(NoReply::Aborted) => turn.says(LEFT),
            Err(NoReply::Network) if turn.it.ran.peek(|knobs| knobs.experiment == LEAVE) => {
                turn.says(CUT);
            }
            Err(NoReply::Network) => turn.trouble(
                "The connection broke before the answer came.",
                "Whether the job is done, nobody can tell: the answer would have been the only word of it.",
                "Let it be answered with 202, and the page can look again.",
            ),
        }
        turn.part_is_over();
    }

    async fn follow(self, turn: Turn, job: Known, again_ms: u32) {
        let (how, query) =
            (turn.it.ran).peek(|knobs| (knobs.choices[ANSWER], knobs.follow_query()));
        turn.says(match how {
            STREAM => "Accepted. The page listens to the job's events.",
            LONG_POLL => "Accepted. The page asks once, and the question is held.",
            _ => "Accepted. The page looks again when Retry-After says.",
        });
        if how == STREAM {
            return self.listen(turn, &job, query);
        }
        let target = [&job.path(), query.finish().as_str()].concat();
        let mut again_ms = again_ms;
        while turn.is_on() {
            let prefer = [("prefer", "wait=30".to_owned())];
            let headers = if how == LONG_POLL { &prefer[..] } else { &[] };
            if headers.is_empty() {
                sleep(again_ms).await;
                if !turn.is_on() {
                    return;
                }
            }
            let ask = Ask {
                headers,
                ..Ask::get(Part::Look, &target)
            };
            match turn.send(ask, turn.signal()).await {
                Ok((_, reply)) if reply.is_success() => {
                    turn.fine(CUT_OFF);
                    again_ms = retry_after_ms(&reply);
                    if let Some(known) = reply.json().as_ref().and_then(Known::read) {
                        let is_over = known.is_over();
                        self.note(turn, known);
                        if is_over {
                            turn.says(KNOWN);
                            break;
                        }
                    }
                }
                Ok((_, reply)) => {
                    turn.refused(&reply);
                    break;
                }
                Err(NoReply::Aborted) => break,
                Err(NoReply::Network) => {
                    turn.trouble(
                        CUT_OFF,
                        "The job does not care: it has an address.",
                        "The page asks again.",
                    );
                    sleep(PAUSE_MS).await;
                }
            }
        }
        turn.part_is_over();
    }

    /// Listens to the job's events.
    fn listen(self, turn: Turn, job: &Known, query: Writer) {
        let path = [&job.path(), "/events"].concat();
        let take = move |ear: Ear, brought| {
            let Brought::Message(_, data) = brought else {
                return;
            };
            ear.saw(Kind::ResponseData, |seen| seen.bytes(data.len() as u64));
            if let Some(known) = Json::parse(&data).ok().as_ref().and_then(Known::read) {
                let is_over = known.is_over();
                self.note(turn, known);
                if is_over {
                    turn.says(KNOWN);
                    ear.close();
                }
            }
        };
        turn.listen(Lane::BROWSER, &path, query, Box::new(take));
    }

    /// Cancels what is not over; the answer to whoever looks after it tells.
    pub(super) fn cancel(self, it: Experiment) {
        let turn = it.turn();
        let open: Vec<Known> = self.0.peek(|jobs| {
            let open = jobs.iter().filter(|job| !job.is_over());
            open.cloned().collect()
        });
        if open.is_empty() {
            it.stop();
        }
        for job in open {
            spawn(async move {
                let target = job.path();
                let ask = Ask {
                    method: "DELETE",
                    ..Ask::get(Part::Look, &target)
                };
                if let Ok((_, reply)) = turn.send(ask, None).await {
                    match reply.json().as_ref().and_then(Known::read) {
                        Some(known) => {
                            self.note(turn, known);
                            turn.says("The job is cancelled.");
                            if it.ran.peek(|knobs| knobs.choices[ANSWER] < LONG_POLL) {
                                turn.part_is_over();
                            }
                        }
                        None => turn.refused(&reply),
                    }
                }
            });
        }
    }

    /// The jobs, each with its bar.
    pub(super) fn view(self) -> El {
        let count = derived(move || self.0.with(Vec::len));
        let jobs = self.0;
        let row = move |place: usize| {
            let of = move |read: fn(&Known) -> String| {
                jobs.with(|jobs| jobs.get(place).map(read).unwrap_or_default())
            };
            el("li")
                .add(
                    el("code")
                        .shows(move || of(|job| job.id.get(..8).unwrap_or_default().to_owned())),
                )
                .add(
                    el("progress")
                        .attrs(&[("max", "100"), ("aria-label", "Progress of the job")])
                        .attr_of("value", move || Some(of(|job| job.progress.to_string()))),
                )
                .add(el("span").shows(move || {
                    of(|job| [&job.state, ", ", &job.progress.to_string(), " %"].concat())
                }))
        };
        let none = el("p.hint")
            .text("The page knows of no job.")
            .flag_of("hidden", move || count.get() > 0);
        el("div.job-list").add(none).add(
            el("ul")
                .attr("role", "list")
                .holds(move || (0..count.get()).map(row).collect()),
        )
    }
}

fn retry_after_ms(reply: &Reply) -> u32 {
    let seconds = reply
        .header("retry-after")
        .and_then(|text| text.parse::<u64>().ok());
    (seconds.unwrap_or(1) as u32).saturating_mul(1_000)
}

//! A job of minutes, waited for or looked after; and a client that leaves while the server works for it.

use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;
use wire::{
    jobs::JOBS_PATH,
    json::Json,
    trace::{Kind, Lane, SpanId},
};

use super::{
    experiment::{Ask, Experiment, Part, Turn},
    knobs::{ANSWER, LEAVE, LEAVE_MS, LONG_POLL, PRESS, STREAM},
};
use crate::{
    dom::{El, State, derived, el},
    transport::{
        clock::now_ns,
        ids,
        link::Seen,
        reply::{NoReply, Reply},
        sleep,
        stream::{Brought, Stream},
    },
};

/// How long the page waits before it asks again where a question was cut off, in milliseconds.
const PAUSE_MS: u32 = 300;

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
        if knobs.experiment == LEAVE {
            spawn_local(leave(it.begin(1), knobs.numbers[LEAVE_MS], knobs.is_cut()));
            return;
        }
        let key = (knobs.choices[PRESS] == 2).then(|| ids::span().to_string());
        let presses = if knobs.choices[PRESS] == 0 { 1 } else { 2 };
        let turn = it.begin(presses);
        turn.says(match knobs.is_held() {
            true => "The page waits for the answer, and knows nothing of the job until then.",
            false => "Ordered.",
        });
        for _ in 0..presses {
            spawn_local(self.press(turn, key.clone()));
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
            Err(NoReply::Aborted) => {}
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
            (turn.it.ran).peek(|knobs| (knobs.choices[ANSWER], knobs.follow_query().finish()));
        turn.says(match how {
            STREAM => "Accepted. The page listens to the job's events.",
            LONG_POLL => "Accepted. The page asks once, and the question is held.",
            _ => "Accepted. The page looks again when Retry-After says.",
        });
        if how == STREAM {
            return self.listen(turn, &job, &query);
        }
        let target = [&job.path(), query.as_str()].concat();
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
                    turn.fine();
                    again_ms = retry_after_ms(&reply);
                    if let Some(known) = reply.json().as_ref().and_then(Known::read) {
                        let is_over = known.is_over();
                        self.note(turn, known);
                        if is_over {
                            turn.says("The job is over, and the page knows.");
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
                        "A question was cut off.",
                        "The job does not care: it has an address.",
                        "The page asks again.",
                    );
                    sleep(PAUSE_MS).await;
                }
            }
        }
        turn.part_is_over();
    }

    /// Listens to the job's events. An `EventSource` opens itself again when its connection breaks.
    fn listen(self, turn: Turn, job: &Known, query: &str) {
        let traceparent = turn.it.session.exchange();
        let span = traceparent.exchange;
        turn.notes(Part::Look, span);
        let path = [&job.path(), "/events", query].concat();
        let sign = if query.is_empty() { '?' } else { '&' };
        let mut url = path.clone();
        url.push(sign);
        url.push_str("traceparent=");
        url.push_str(&traceparent.to_string());
        saw(turn, span, Kind::RequestSent, |seen| {
            seen.summary(["GET ", &path].concat())
        });
        let open: State<Option<Stream>> = State::new(None);
        let take = move |brought| match brought {
            Brought::Open => {
                saw(turn, span, Kind::StreamOpened, |seen| seen);
                turn.fine();
            }
            Brought::Message(_, data) => {
                saw(turn, span, Kind::ResponseData, |seen| {
                    seen.bytes(data.len() as u64)
                });
                let known = Json::parse(&data).ok().as_ref().and_then(Known::read);
                let is_over = known.as_ref().is_some_and(Known::is_over);
                if let Some(known) = known {
                    self.note(turn, known);
                }
                if is_over || !turn.is_on() {
                    close(turn, span, open);
                }
            }
            Brought::Gap(_) => {}
            Brought::Broke { for_good } => {
                saw(turn, span, Kind::StreamClosed, |seen| seen.why("it broke"));
                turn.trouble(
                    "The stream broke.",
                    "The job goes on.",
                    if for_good {
                        ""
                    } else {
                        "The browser opens it again by itself."
                    },
                );
                if for_good {
                    close(turn, span, open);
                }
            }
        };
        match Stream::open(&url, Rc::new(take)) {
            Ok(stream) => open.set(Some(stream)),
            Err(_) => turn.part_is_over(),
        }
        // Stop closes it as well.
        if let Some(signal) = turn.signal() {
            crate::dom::listen(&signal, "abort", move |_| close(turn, span, open));
        }
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
            spawn_local(async move {
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

fn saw(turn: Turn, span: SpanId, kind: Kind, fill: impl FnOnce(Seen) -> Seen) {
    let seen = fill(Seen::new(Lane::BROWSER, kind, now_ns()));
    turn.it.session.feed().saw_of(span, seen);
}

fn close(turn: Turn, span: SpanId, open: State<Option<Stream>>) {
    if let Some(stream) = open.update(Option::take) {
        saw(turn, span, Kind::StreamClosed, |seen| {
            seen.why("the page closed it")
        });
        turn.says("The job is over, and the page knows.");
        turn.part_is_over();
        // It is being called just now.
        spawn_local(async move { drop(stream) });
    }
}

fn retry_after_ms(reply: &Reply) -> u32 {
    let seconds = reply
        .header("retry-after")
        .and_then(|text| text.parse().ok());
    seconds.unwrap_or(1_u32).saturating_mul(1_000)
}

/// Orders a job and leaves before the answer.
async fn leave(turn: Turn, leave_ms: u64, is_cut: bool) {
    let abort = AbortController::new().ok();
    if let (Some(abort), false) = (abort.clone(), is_cut) {
        spawn_local(async move {
            sleep(leave_ms as u32).await;
            abort.abort();
        });
    }
    if let (Some(stop), Some(abort)) = (turn.signal(), abort.clone()) {
        crate::dom::listen(&stop, "abort", move |_| abort.abort());
    }
    turn.says("The page waits for the answer.");
    match turn.order(None, abort.map(|abort| abort.signal())).await {
        Ok(reply) if reply.is_success() => turn.says("The answer came before the client left."),
        Ok(reply) => turn.refused(&reply),
        Err(NoReply::Aborted) => {
            turn.says("The client has left. What the server does, its own lane shows.")
        }
        Err(NoReply::Network) => {
            turn.says("The connection is cut. What the server does, its own lane shows.")
        }
    }
    turn.part_is_over();
}

//! More long responses at once than the browser has connections for.

use web_sys::AbortController;
use wire::time::duration;

use super::{
    came_to::{Place, places},
    experiment::{Ask, Experiment, Part, Turn},
    knobs::REQUESTS,
};
use crate::{
    browser::spawn,
    components::controls::button,
    dom::{El, State, derived, el},
    transport::reply::NoReply,
};

/// The requests of the present run, each with what gives it up.
#[derive(Clone, Copy)]
pub(super) struct Connections(State<Vec<AbortController>>);

impl Connections {
    pub(super) fn none() -> Connections {
        Connections(State::new(Vec::new()))
    }

    /// Orders a job, and opens as many streams of it as are asked for.
    pub(super) fn run(self, it: Experiment) {
        self.0.set(Vec::new());
        let count = it.knobs.peek(|knobs| knobs.numbers[REQUESTS]);
        let turn = it.begin(count as u32);
        spawn(async move {
            let job = match turn.order(None, turn.signal()).await {
                Ok(reply) if reply.is_success() => reply.header("location").map(str::to_owned),
                Ok(reply) => {
                    turn.refused(&reply);
                    None
                }
                Err(_) => {
                    turn.trouble(
                        "The job was not ordered.",
                        "The server cannot be reached, or it closed the connection.",
                        "See whether it runs, then run again.",
                    );
                    None
                }
            };
            for number in 1..=count {
                let abort = AbortController::new().ok();
                match (&job, abort) {
                    (Some(job), Some(abort)) if turn.is_on() => {
                        self.0.update(|all| all.push(abort.clone()));
                        let number = number.to_string();
                        let target = [job, "/events?request=", &number].concat();
                        spawn(open(turn, target, abort));
                    }
                    _ => turn.part_is_over(),
                }
            }
            turn.says("Close one, and the next in line goes at once.");
        });
    }

    /// Gives all of them up.
    pub(super) fn stop(self) {
        self.0
            .peek(|all| all.iter().for_each(AbortController::abort));
    }

    /// The requests, each with how it stands, and the page's feed beside them.
    pub(super) fn view(self, it: Experiment) -> El {
        let count = derived(move || self.0.with(Vec::len));
        let stand = State::new(Vec::<Place>::new());
        crate::dom::follow(move || {
            let spans = it.asked.with(|asked| asked.looks.clone());
            stand.change_to(it.session.store.with_shown(|run| places(run, &spans)));
        });
        let row = move |place: usize| {
            let at = move || stand.with(|all| all.get(place).copied().unwrap_or(Place::InLine));
            let abort = self.0.peek(|all| all.get(place).cloned());
            let close = button("Close", move || {
                if let Some(abort) = &abort {
                    abort.abort();
                }
            });
            let number = (place + 1).to_string();
            el("li")
                .attr_of("data-place", move || {
                    let word = match at() {
                        Place::InLine => "line",
                        Place::Open(_) => "open",
                        Place::Over(_) | Place::GivenUp => "over",
                    };
                    Some(word.to_owned())
                })
                .add(el("b").text(&number))
                .add(el("span").shows(move || match at() {
                    Place::InLine => "in line in the browser".to_owned(),
                    Place::Open(ns) => ["open, at the server after ", &duration(ns)].concat(),
                    Place::GivenUp => "given up in line".to_owned(),
                    Place::Over(ns) => ["over, at the server after ", &duration(ns)].concat(),
                }))
                .add(
                    close
                        .attr("aria-label", &["Close request ", &number].concat())
                        .flag_of("disabled", move || {
                            matches!(at(), Place::Over(_) | Place::GivenUp)
                        }),
                )
        };
        let feed =
            el("p.hint").text("The page's feed is a WebSocket, which Chromium counts apart.");
        el("div.line-list")
            .add(
                el("ol")
                    .attr("role", "list")
                    .holds(move || (0..count.get()).map(row).collect()),
            )
            .add(feed)
    }
}

async fn open(turn: Turn, target: String, abort: AbortController) {
    let ask = Ask::get(Part::Look, &target);
    match turn.send(ask, Some(abort.signal())).await {
        Ok((_, reply)) if !reply.is_success() => turn.refused(&reply),
        Err(NoReply::Network) => turn.trouble(
            "A stream broke.",
            "The server cannot be reached, or the connection was cut.",
            "",
        ),
        _ => {}
    }
    turn.part_is_over();
}

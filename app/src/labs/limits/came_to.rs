//! What a run of an experiment came to, in a sentence and in figures, computed from its events.

use wire::{
    time::duration,
    trace::{Kind, SpanId, TraceEvent},
};

use super::knobs::{ANSWER, CHAT, JOB, Knobs, LEAVE, LONG_POLL, STREAM, THEN, WORK_MS};
use crate::{
    components::topic::figures::Figures,
    run::{Exchange, Run, Steps},
};

/// What one press of Run has asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The requests that ordered a job; in the chat those of the one who asks.
    pub orders: Vec<SpanId>,
    /// Those that looked after it, or were open at once; in the chat the stream of the one who is told.
    pub looks: Vec<SpanId>,
    /// How many jobs came of it.
    pub jobs: usize,
}

/// What it came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CameTo {
    /// In a sentence or two; empty where nothing has happened yet.
    pub point: String,
    /// The figures.
    pub rows: Vec<(&'static str, String)>,
}

/// What stands where a figure is not there yet.
const NOT_YET: &str = "not measured";

impl CameTo {
    /// What a run with these controls came to, as far as the events tell.
    pub fn of(run: &Run, knobs: &Knobs, asked: &Asked) -> CameTo {
        match knobs.experiment {
            CHAT => chat(run, asked),
            JOB => job(run, knobs, asked),
            LEAVE => leave(run, knobs, asked),
            _ => six(run, asked),
        }
    }
}

/// How long a job was worked on.
#[derive(Debug, Default, PartialEq, Eq)]
struct Worked {
    ns: i64,
    /// Since nobody waited any more.
    for_nobody_ns: i64,
    /// When its last step so far was over.
    end_ns: Option<i64>,
    /// Is it over?
    is_over: bool,
    was_cancelled: bool,
}

impl Worked {
    /// The work that these requests ordered; since `given_up_ns` nobody waits for it.
    fn of(run: &Run, orders: &[SpanId], given_up_ns: Option<i64>) -> Worked {
        let mut worked = Worked::default();
        let exchanges = orders.iter().filter_map(|span| run.exchange(*span));
        for event in exchanges.flat_map(|exchange| exchange.events(run)) {
            let words = event.detail.summary.as_deref().unwrap_or_default();
            if event.kind != Kind::Process || !words.starts_with("step ") {
                continue;
            }
            let end_ns = event.end_ns();
            worked.ns += end_ns - event.at_ns;
            if let Some(given_up_ns) = given_up_ns {
                worked.for_nobody_ns += (end_ns - event.at_ns.max(given_up_ns)).max(0);
            }
            worked.end_ns = worked.end_ns.max(Some(end_ns));
            worked.was_cancelled |= words.ends_with(", cancelled");
            worked.is_over |= worked.was_cancelled || words.starts_with("step 20 ");
        }
        worked
    }
}

/// From one event to another, where both have happened.
fn between(from: Option<&TraceEvent>, to: Option<&TraceEvent>) -> Option<i64> {
    Some((to?.at_ns - from?.at_ns).max(0))
}

/// Words behind each other. Compiled once, whatever their number.
#[inline(never)]
fn say(parts: &[&str]) -> String {
    parts.concat()
}

fn none_or(ns: i64) -> String {
    match ns {
        0 => "none".to_owned(),
        ns => duration(ns),
    }
}

fn words(ns: Option<i64>) -> String {
    ns.map_or_else(|| NOT_YET.to_owned(), duration)
}

/// When nobody waited any more: the gateway gave up, the client left, or the connection broke.
fn given_up_ns(steps: &Steps<'_>) -> Option<i64> {
    let gateway = steps
        .respond
        .filter(|event| event.detail.status == Some(504));
    Some(gateway.or(steps.broken)?.at_ns)
}

fn job(run: &Run, knobs: &Knobs, asked: &Asked) -> CameTo {
    let first = asked.orders.first().and_then(|span| run.exchange(*span));
    let steps = first.map(|order| order.steps(run)).unwrap_or_default();
    let answered_ns = between(steps.sent, steps.head);
    let worked = Worked::of(run, &asked.orders, given_up_ns(&steps));
    let known_ns = match worked.end_ns {
        Some(end_ns) if worked.is_over => known_ns(run, asked, end_ns),
        _ => None,
    };
    let mut point = match (steps.status(), given_up_ns(&steps)) {
        (Some(504), Some(_)) | (None, Some(_)) => say(&[
            match steps.broken {
                Some(_) => "The connection was over after ",
                None => "The gateway gave up after ",
            },
            &words(between(steps.sent, steps.broken.or(steps.head))),
            "; the server worked ",
            &duration(worked.for_nobody_ns),
            " more, for nobody.",
        ]),
        (Some(202), _) => {
            let mut words = say(&["Accepted after ", &words(answered_ns), ". "]);
            words.push_str(&followed(run, knobs, asked, &worked, known_ns));
            words
        }
        (Some(200), _) => [
            "The response was held for ",
            &words(answered_ns),
            "; until then the page knew nothing of the job.",
        ]
        .concat(),
        _ => String::new(),
    };
    if asked.orders.len() > 1 && asked.jobs > 0 {
        point.push_str(match asked.jobs {
            1 => " Two presses made one job.",
            _ => " Two presses made two jobs.",
        });
    }
    CameTo {
        point,
        rows: vec![
            ("Answered after", words(answered_ns)),
            (
                "Requests",
                (asked.orders.len() + asked.looks.len()).to_string(),
            ),
            ("Worked", duration(worked.ns)),
            ("of it for nobody", none_or(worked.for_nobody_ns)),
            ("Known after the end", words(known_ns)),
        ],
    }
}

/// How long after the job's end the page knew of it.
fn known_ns(run: &Run, asked: &Asked, end_ns: i64) -> Option<i64> {
    let spans = asked.looks.iter().chain(&asked.orders);
    let events = spans.filter_map(|span| run.exchange(*span));
    let known = events
        .flat_map(|exchange| exchange.events(run))
        .filter(|event| matches!(event.kind, Kind::ResponseEnd | Kind::ResponseData))
        // Two clocks may disagree by as much as their error.
        .filter(|event| event.at_ns + event.error_ns as i64 >= end_ns)
        .map(|event| event.at_ns)
        .min()?;
    Some((known - end_ns).max(0))
}

/// What it took to learn of an accepted job.
fn followed(
    run: &Run,
    knobs: &Knobs,
    asked: &Asked,
    worked: &Worked,
    known_ns: Option<i64>,
) -> String {
    if worked.was_cancelled {
        let spared_ns = knobs.numbers[WORK_MS] as i64 * 1_000_000 - worked.ns;
        return [
            "Cancelled when ",
            &duration(worked.ns),
            " were worked; ",
            &duration(spared_ns.max(0)),
            " were spared.",
        ]
        .concat();
    }
    let Some(known_ns) = known_ns else {
        return "The job goes on, and no connection has to wait for it.".to_owned();
    };
    let (what, count) = match knobs.choices[ANSWER] {
        STREAM => ("Events", pieces(run, &asked.looks)),
        LONG_POLL => ("Held questions", asked.looks.len()),
        _ => ("Looks", asked.looks.len()),
    };
    say(&[
        what,
        ": ",
        &count.to_string(),
        "; the last told ",
        &duration(known_ns),
        " after the job was done.",
    ])
}

/// How many pieces of a response came by these requests.
fn pieces(run: &Run, spans: &[SpanId]) -> usize {
    let exchanges = spans.iter().filter_map(|span| run.exchange(*span));
    let events = exchanges.flat_map(|exchange| exchange.events(run));
    events
        .filter(|event| event.kind == Kind::ResponseData)
        .count()
}

fn leave(run: &Run, knobs: &Knobs, asked: &Asked) -> CameTo {
    let order = asked.orders.first().and_then(|span| run.exchange(*span));
    let steps = order.map(|order| order.steps(run)).unwrap_or_default();
    let noticed = order.and_then(|order| noticed(order, run));
    let worked = Worked::of(run, &asked.orders, given_up_ns(&steps));
    let left_ns = between(steps.sent, steps.broken);
    let late_ns = between(steps.broken, noticed);
    let spared_ns = knobs.numbers[WORK_MS] as i64 * 1_000_000 - worked.ns;
    let cancels = knobs.choices[THEN] == 1;
    let point = match (steps.broken, noticed) {
        (Some(_), Some(_)) => [
            "The client left after ",
            &words(left_ns),
            "; the server noticed ",
            &words(late_ns),
            " later and ",
            if cancels { "stopped" } else { "went on" },
            ": ",
            &duration(worked.for_nobody_ns),
            " of work for nobody",
            &match cancels {
                true => say(&[", ", &duration(spared_ns.max(0)), " spared."]),
                false if worked.is_over => ".".to_owned(),
                false => " so far.".to_owned(),
            },
        ]
        .concat(),
        (Some(_), None) => "The client has left, and the server does not know.".to_owned(),
        _ if steps.end.is_some() => "The answer came before the client left.".to_owned(),
        _ => String::new(),
    };
    CameTo {
        point,
        rows: vec![
            ("Left after", words(left_ns)),
            ("Noticed after", words(late_ns)),
            ("Worked", duration(worked.ns)),
            ("of it for nobody", none_or(worked.for_nobody_ns)),
        ],
    }
}

fn noticed<'a>(exchange: &'a Exchange, run: &'a Run) -> Option<&'a TraceEvent> {
    exchange
        .events(run)
        .find(|event| event.kind == Kind::Noticed)
}

/// How one of several requests stands that are open at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The browser has sent nothing of it yet.
    InLine,
    /// The server has it, so long after the page asked.
    Open(i64),
    /// It is over; so long it had waited before.
    Over(i64),
    /// It was given up before the server had anything of it.
    GivenUp,
}

/// How these requests stand, in their order.
pub fn places(run: &Run, spans: &[SpanId]) -> Vec<Place> {
    let place = |span: &SpanId| {
        let steps = run.exchange(*span)?.steps(run);
        // The clocks may differ by more than a quick request takes.
        let waited_ns = steps
            .first_read
            .map(|_| between(steps.sent, steps.first_read).unwrap_or(0));
        Some(match (waited_ns, steps.end.or(steps.broken)) {
            (None, None) => Place::InLine,
            (None, Some(_)) => Place::GivenUp,
            (Some(ns), None) => Place::Open(ns),
            (Some(ns), Some(_)) => Place::Over(ns),
        })
    };
    let places = spans
        .iter()
        .map(|span| place(span).unwrap_or(Place::InLine));
    places.collect()
}

/// Several times, of which the longest is told.
#[derive(Debug, Default)]
struct Several {
    count: u64,
    most_ns: i64,
}

impl Several {
    fn take(&mut self, ns: i64) {
        self.count += 1;
        self.most_ns = self.most_ns.max(ns);
    }

    fn words(&self) -> String {
        match self.count {
            0 => NOT_YET.to_owned(),
            _ => say(&["at most ", &duration(self.most_ns)]),
        }
    }
}

fn six(run: &Run, asked: &Asked) -> CameTo {
    let exchanges = || asked.looks.iter().filter_map(|span| run.exchange(*span));
    let steps: Vec<Steps<'_>> = exchanges().map(|exchange| exchange.steps(run)).collect();
    let ends = steps.iter().filter_map(|steps| steps.end.or(steps.broken));
    // Before the first of them ended, no connection became free.
    let first_end_ns = ends.map(|event| event.at_ns).min().unwrap_or(i64::MAX);
    let (mut at_once, mut waited) = (Several::default(), Several::default());
    let mut in_line = 0_u64;
    for steps in &steps {
        match (steps.first_read, between(steps.sent, steps.first_read)) {
            (Some(read), Some(ns)) if read.at_ns < first_end_ns => at_once.take(ns),
            (Some(_), Some(ns)) => waited.take(ns),
            _ if steps.broken.is_none() => in_line += 1,
            _ => {}
        }
    }
    let all = asked.looks.len().to_string();
    let (quick, slow) = (at_once.count.to_string(), waited.count.to_string());
    let mut point = String::new();
    if at_once.count > 0 {
        let rest = match (in_line, waited.count) {
            (0, 0) => ".".to_owned(),
            (0, _) => say(&[
                "; ",
                &slow,
                " waited in the browser until a connection was free, up to ",
                &duration(waited.most_ns),
                ".",
            ]),
            (count, _) => say(&[
                "; ",
                &count.to_string(),
                " in line in the browser: the server has not heard of ",
                if count == 1 { "it." } else { "them." },
            ]),
        };
        point = say(&[
            &quick,
            " of ",
            &all,
            " requests reached the server at once",
            &rest,
        ]);
    }
    CameTo {
        point,
        rows: vec![
            ("At the server at once", quick),
            ("after", at_once.words()),
            ("In line before", slow),
            ("for", waited.words()),
        ],
    }
}

/// How long after the topic took it a message came by one of these requests.
pub fn seen_after(run: &Run, spans: &[SpanId], message: &str) -> Option<i64> {
    let exchanges = spans.iter().filter_map(|span| run.exchange(*span));
    exchanges
        .flat_map(|exchange| {
            let is_it = |event: &&TraceEvent| event.detail.message.as_deref() == Some(message);
            let of = |kind| {
                exchange
                    .events(run)
                    .find(|event| event.kind == kind && is_it(event))
            };
            let published_ns = of(Kind::Delivered)?
                .detail
                .more
                .get("published_at_ns")?
                .as_i64()?;
            Some((of(Kind::Received)?.at_ns - published_ns).max(0))
        })
        .next()
}

fn chat(run: &Run, asked: &Asked) -> CameTo {
    let asks = Figures::of(run, &asked.orders);
    let told = Figures::of(run, &asked.looks);
    let point = match (asks.ways.count, told.ways.count) {
        (0, _) | (_, 0) => String::new(),
        _ => [
            "By asking, a message was seen ",
            &duration(asks.ways.mean_ns()),
            " after it was taken, with ",
            &asks.requests.to_string(),
            " requests, ",
            &asks.empty.to_string(),
            " of them for nothing; by push ",
            &duration(told.ways.mean_ns()),
            " after, on ",
            &match told.requests {
                1 => "one request.".to_owned(),
                many => say(&[&many.to_string(), " requests."]),
            },
        ]
        .concat(),
    };
    CameTo {
        point,
        rows: vec![
            ("By asking seen after", asks.way_words()),
            ("its requests", asks.request_words()),
            ("By push seen after", told.way_words()),
            ("its requests", told.request_words()),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::trace::Lane;

    /// A run's events, in milliseconds.
    #[derive(Default)]
    struct Script {
        run: Run,
        seq: u64,
    }

    impl Script {
        fn event(
            &mut self,
            exchange: u64,
            (lane, kind): (Lane, Kind),
            at_ms: i64,
            fill: impl FnOnce(&mut TraceEvent),
        ) {
            self.seq += 1;
            let mut event = TraceEvent::new(lane, kind, at_ms * 1_000_000, 40);
            event.seq = self.seq;
            event.detail.exchange = SpanId::new(exchange);
            fill(&mut event);
            self.run.apply(event);
        }

        fn browser(&mut self, exchange: u64, kind: Kind, at_ms: i64) {
            self.event(exchange, (Lane::BROWSER, kind), at_ms, |_| {});
        }

        fn status(&mut self, exchange: u64, at_ms: i64, status: u16) {
            let fill = |event: &mut TraceEvent| event.detail.status = Some(status);
            self.event(exchange, (Lane::HANDLER, Kind::Respond), at_ms, fill);
            self.event(exchange, (Lane::BROWSER, Kind::ResponseHead), at_ms, fill);
        }

        /// Steps of 150 ms, up to this one.
        fn steps(&mut self, exchange: u64, last: i64, end: &str) {
            for number in 1..=last {
                let at_ms = (number - 1) * 150;
                let end = if number == last { end } else { "" };
                self.event(exchange, (Lane::HANDLER, Kind::Process), at_ms, |event| {
                    event.duration_ns = Some(150_000_000);
                    event.detail.summary = Some(format!("step {number} of 20{end}"));
                });
            }
        }

        fn came_to(&self, query: &str, asked: &Asked) -> String {
            let mut reader = crate::components::query::Reader::new(query);
            let knobs = Knobs::read(&mut reader);
            CameTo::of(&self.run, &knobs, asked).point
        }
    }

    fn asked(orders: &[u64], looks: &[u64]) -> Asked {
        let spans = |ids: &[u64]| ids.iter().filter_map(|id| SpanId::new(*id)).collect();
        Asked {
            orders: spans(orders),
            looks: spans(looks),
            jobs: orders.len(),
        }
    }

    #[test]
    fn what_is_worked_behind_a_504_is_for_nobody() {
        let mut script = Script::default();
        script.browser(1, Kind::RequestSent, 0);
        script.status(1, 2_000, 504);
        script.steps(1, 20, "");
        assert_eq!(
            script.came_to("experiment=job", &asked(&[1], &[])),
            "The gateway gave up after 2 s; the server worked 1 s more, for nobody."
        );
    }

    #[test]
    fn an_accepted_job_is_known_when_the_last_look_tells() {
        let mut script = Script::default();
        script.browser(1, Kind::RequestSent, 0);
        script.status(1, 4, 202);
        assert_eq!(
            script.came_to("experiment=job&answer=poll", &asked(&[1], &[])),
            "Accepted after 4 ms. The job goes on, and no connection has to wait for it."
        );
        script.steps(1, 20, "");
        script.browser(2, Kind::ResponseEnd, 1_000);
        script.browser(3, Kind::ResponseEnd, 3_500);
        assert_eq!(
            script.came_to("experiment=job&answer=poll", &asked(&[1], &[2, 3])),
            "Accepted after 4 ms. Looks: 2; the last told 500 ms after the job was done."
        );
        let mut pressed = asked(&[1, 4], &[2]);
        pressed.jobs = 1;
        let words = script.came_to("experiment=job&answer=long-poll", &pressed);
        assert!(words.ends_with(" Two presses made one job."), "{words}");
    }

    #[test]
    fn cancelling_spares_the_rest() {
        let mut script = Script::default();
        script.browser(1, Kind::RequestSent, 0);
        script.status(1, 4, 202);
        script.steps(1, 4, ", cancelled");
        assert_eq!(
            script.came_to("experiment=job&answer=stream", &asked(&[1], &[2])),
            "Accepted after 4 ms. Cancelled when 600 ms were worked; 2.4 s were spared."
        );
    }

    #[test]
    fn a_client_that_left_is_noticed_and_the_work_since_is_counted() {
        let mut script = Script::default();
        script.browser(1, Kind::RequestSent, 0);
        script.browser(1, Kind::Aborted, 1_000);
        assert_eq!(
            script.came_to("experiment=leave", &asked(&[1], &[])),
            "The client has left, and the server does not know."
        );
        script.event(1, (Lane::HANDLER, Kind::Noticed), 1_002, |_| {});
        script.steps(1, 20, "");
        assert_eq!(
            script.came_to("experiment=leave", &asked(&[1], &[])),
            "The client left after 1 s; the server noticed 2 ms later and went on: 2 s of work for nobody."
        );
        let mut script = Script::default();
        script.browser(1, Kind::RequestSent, 0);
        script.browser(1, Kind::Aborted, 1_000);
        script.event(1, (Lane::HANDLER, Kind::Noticed), 1_002, |_| {});
        script.steps(1, 7, ", cancelled");
        assert_eq!(
            script.came_to("experiment=leave&then=cancel", &asked(&[1], &[])),
            "The client left after 1 s; the server noticed 2 ms later and stopped: 50 ms of work for nobody, 1.95 s spared."
        );
    }

    #[test]
    fn the_seventh_waits_until_one_of_six_is_over() {
        let mut script = Script::default();
        for request in 1..=7 {
            script.browser(request, Kind::RequestSent, 0);
            if request < 7 {
                script.event(request, (Lane::SOCKET, Kind::Read), 2, |_| {});
            }
        }
        let asked = asked(&[], &[1, 2, 3, 4, 5, 6, 7]);
        let words = script.came_to("experiment=six", &asked);
        assert!(
            words.starts_with(
                "6 of 7 requests reached the server at once; 1 in line in the browser:"
            ),
            "{words}"
        );
        assert_eq!(
            places(&script.run, &asked.looks)[5..],
            [Place::Open(2_000_000), Place::InLine]
        );
        script.browser(1, Kind::Aborted, 900);
        script.event(7, (Lane::SOCKET, Kind::Read), 903, |_| {});
        assert_eq!(
            script.came_to("experiment=six", &asked),
            "6 of 7 requests reached the server at once; 1 waited in the browser until a connection was free, up to 903 ms."
        );
        let places = places(&script.run, &asked.looks);
        assert_eq!(
            (places[0], places[6]),
            (Place::Over(2_000_000), Place::Open(903_000_000))
        );
    }

    #[test]
    fn a_request_that_was_quick_is_not_given_up() {
        let mut script = Script::default();
        for request in 1..=2 {
            script.browser(request, Kind::RequestSent, 5);
        }
        // By the other clock, it was there before it was sent.
        script.event(1, (Lane::SOCKET, Kind::Read), 4, |_| {});
        for request in 1..=2 {
            script.browser(request, Kind::Aborted, 9);
        }
        let asked = asked(&[], &[1, 2]);
        assert_eq!(
            places(&script.run, &asked.looks),
            [Place::Over(0), Place::GivenUp]
        );
    }
}

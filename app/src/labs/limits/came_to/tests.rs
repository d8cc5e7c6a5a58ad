//! Runs as they could have been, and what is said of them.

use wire::trace::{Kind, Lane};

use super::*;

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
        words.starts_with("6 of 7 requests reached the server at once; 1 in line in the browser:"),
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

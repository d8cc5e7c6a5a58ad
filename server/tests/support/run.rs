//! The trace of a run, as its reader gets it.

use reqwest::{Client, RequestBuilder};
use server::testing::TestServer;
use wire::trace::{Kind, Lane, Run, TraceEvent};

/// Lets a request join the run of this number as the exchange of that one.
pub(crate) fn joining(request: RequestBuilder, run: u128, exchange: u64) -> RequestBuilder {
    request.header("traceparent", format!("00-{run:032x}-{exchange:016x}-01"))
}

/// The run's events, as soon as they are what is waited for: the recorder takes them in behind the handlers' backs.
pub(crate) async fn events(
    server: &TestServer,
    run: u128,
    complete: impl Fn(&[TraceEvent]) -> bool,
) -> Vec<TraceEvent> {
    loop {
        let answer = Client::new()
            .get(server.url(&format!("/api/runs/{run:032x}")))
            .send()
            .await
            .expect("an answer");
        if answer.status().is_success() {
            let run: Run = answer.json().await.expect("a run");
            if complete(&run.events) {
                return run.events;
            }
        }
    }
}

/// Is there an event of this kind in the lane?
pub(crate) fn has(events: &[TraceEvent], lane: Lane, kind: Kind) -> bool {
    find(events, lane, kind).next().is_some()
}

/// The events of this kind in the lane.
pub(crate) fn find(
    events: &[TraceEvent],
    lane: Lane,
    kind: Kind,
) -> impl Iterator<Item = &TraceEvent> {
    events
        .iter()
        .filter(move |event| event.lane == lane && event.kind == kind)
}

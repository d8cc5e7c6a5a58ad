//! Jobs over the wire: accepted and held, looked at, waited for, streamed, cancelled; and clients that leave.

#[path = "support/problem.rs"]
mod problem;
#[path = "support/run.rs"]
mod run;
#[path = "support/stream.rs"]
mod stream;

use std::time::{Duration, Instant};

use problem::Problem;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use run::{events, find, has, joining};
use serde_json::{Value, json};
use server::testing::{TestServer, serve, serve_with};
use stream::RawStream;
use tokio::{io::AsyncWriteExt, net::TcpStream};
use wire::{
    jobs::JOB_STEPS,
    limits::{JOB_CPU_MS_MAX, JOB_TIMEOUT_MS_MAX, JOB_WAIT_S_MAX, JOB_WORK_MS_MAX},
    trace::{Kind, Lane, LaneKind, TraceEvent},
};

const RUN: u128 = 0x10b5;
const MINUTE: u64 = 60_000;

fn ordering(server: &TestServer, query: &str, order: &Value) -> RequestBuilder {
    Client::new()
        .post(server.url(&format!("/api/jobs{query}")))
        .json(order)
}

async fn order(server: &TestServer, query: &str, order: Value) -> Response {
    let sent = ordering(server, query, &order).send().await;
    sent.expect("an answer")
}

/// Orders a job and returns its path.
async fn ordered(server: &TestServer, work_ms: u64) -> String {
    let response = order(server, "", json!({ "work_ms": work_ms })).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    field(&response, "location").expect("a location").to_owned()
}

async fn get(server: &TestServer, path: &str) -> Response {
    reqwest::get(server.url(path)).await.expect("an answer")
}

async fn delete(server: &TestServer, path: &str) -> Response {
    let sent = Client::new().delete(server.url(path)).send().await;
    sent.expect("an answer")
}

async fn json_of(response: Response) -> Value {
    response.json().await.expect("JSON")
}

fn field<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// Looks at a job until it is in this state.
async fn until(server: &TestServer, path: &str, state: &str) -> Value {
    loop {
        let job = json_of(get(server, path).await).await;
        if job["state"] == state {
            return job;
        }
    }
}

#[tokio::test]
async fn an_order_is_accepted_at_once_and_says_where_to_look() {
    let server = serve().await;
    let response = order(&server, "", json!({ "work_ms": MINUTE })).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(field(&response, "retry-after"), Some("10"));
    assert_eq!(field(&response, "cache-control"), Some("no-store"));
    let location = field(&response, "location").expect("a location").to_owned();
    let job = json_of(response).await;
    assert_eq!(
        location,
        format!("/api/jobs/{}", job["id"].as_str().expect("an id"))
    );
    assert_eq!(
        (&job["work_ms"], &job["work"]),
        (&json!(MINUTE), &json!("wait"))
    );

    let running = until(&server, &location, "running").await;
    assert_eq!(running["progress"], 0);
    let again = get(&server, &location).await;
    assert_eq!(field(&again, "retry-after"), Some("10"));
}

#[tokio::test]
async fn a_job_that_is_over_is_not_looked_at_again() {
    let server = serve().await;
    for work in ["wait", "cpu"] {
        let accepted = order(&server, "", json!({ "work_ms": 40, "work": work })).await;
        let path = field(&accepted, "location").expect("a location").to_owned();
        let done = get(&server, &format!("{path}?wait=60")).await;
        assert_eq!(done.status(), StatusCode::OK);
        assert_eq!(field(&done, "retry-after"), None);
        assert_eq!(field(&done, "preference-applied"), None);
        let job = json_of(done).await;
        assert_eq!(
            (&job["state"], &job["progress"]),
            (&json!("done"), &json!(100))
        );
        assert!(job["worked_ms"].as_u64() >= Some(40), "{job}");
    }
}

#[tokio::test]
async fn a_preference_holds_the_question_until_the_job_is_over() {
    let server = serve().await;
    let path = ordered(&server, 300).await;
    let asked = Client::new().get(server.url(&path));
    let asked = asked
        .header("prefer", "respond-async, wait=60")
        .send()
        .await;
    let response = asked.expect("an answer");
    assert_eq!(field(&response, "preference-applied"), Some("wait=60"));
    assert_eq!(json_of(response).await["state"], "done");

    // The time may be over first: the answer says how far the job is.
    let path = ordered(&server, MINUTE).await;
    let began = Instant::now();
    let response = get(&server, &format!("{path}?wait=1")).await;
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(field(&response, "retry-after"), Some("10"));
    assert_eq!(json_of(response).await["state"], "running");
}

#[tokio::test]
async fn a_stream_of_progress_ends_with_the_job_and_does_not_begin_again() {
    let server = serve().await;
    let path = ordered(&server, 400).await;
    let target = format!("{path}/events");
    let mut stream = RawStream::get(server.addr, &target, &[]).await;
    let head = stream.head().await;
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: text/event-stream\r\n"));
    assert!(head.contains("\r\nx-accel-buffering: no\r\n"));
    let mut blocks = Vec::new();
    loop {
        let block = stream.chunk().await;
        if block.is_empty() {
            break;
        }
        blocks.push(block);
    }
    assert!(blocks[0].starts_with("retry: 1000\nid: "), "{blocks:?}");
    let ids: Vec<&str> = blocks
        .iter()
        .map(|block| block.split("id: ").nth(1).expect("an id"))
        .map(|rest| rest.split('\n').next().expect("a line"))
        .collect();
    let (last, steps) = ids.split_last().expect("events");
    assert_eq!(*last, "over");
    let steps: Vec<u64> = steps.iter().map(|id| id.parse().expect("a step")).collect();
    assert!(
        steps.is_sorted() && steps.last() <= Some(&JOB_STEPS),
        "{steps:?}"
    );
    let data = blocks.last().and_then(|block| block.split_once("data: "));
    let job: Value = serde_json::from_str(data.expect("data").1.trim_end()).expect("JSON");
    assert_eq!(job["state"], "done");

    let again = Client::new().get(server.url(&target));
    let again = again.header("last-event-id", "over").send().await;
    assert_eq!(again.expect("an answer").status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn cancelling_ends_the_job_within_its_step() {
    let server = serve().await;
    let path = ordered(&server, JOB_WORK_MS_MAX).await;
    until(&server, &path, "running").await;
    for _ in 0..2 {
        let response = delete(&server, &path).await;
        assert_eq!(response.status(), StatusCode::OK);
        let job = json_of(response).await;
        assert_eq!(
            (&job["state"], &job["progress"]),
            (&json!("cancelled"), &json!(0))
        );
    }
    let done = ordered(&server, 0).await;
    until(&server, &done, "done").await;
    let refused = delete(&server, &done).await;
    assert_eq!(
        Problem::of(refused).await,
        Problem::new(409, "conflict", None)
    );
}

#[tokio::test]
async fn two_presses_with_one_key_make_one_job() {
    let server = serve().await;
    let press = |work_ms: u64| {
        let request = ordering(&server, "", &json!({ "work_ms": work_ms }));
        request.header("idempotency-key", "\"press\"").send()
    };
    let first = press(MINUTE).await.expect("an answer");
    let second = press(MINUTE).await.expect("an answer");
    assert_eq!(second.status(), StatusCode::ACCEPTED);
    assert_eq!(field(&first, "location"), field(&second, "location"));
    assert_eq!(field(&first, "idempotency-replayed"), None);
    assert_eq!(field(&second, "idempotency-replayed"), Some("true"));
    let other = press(MINUTE + 1).await.expect("an answer");
    assert_eq!(
        Problem::of(other).await,
        Problem::new(422, "unprocessable", None)
    );
    let [one, two] = [ordered(&server, 0).await, ordered(&server, 0).await];
    assert_ne!(one, two, "without a key each press is a job");
}

#[tokio::test]
async fn a_held_response_comes_when_the_job_is_done() {
    let server = serve().await;
    let response = order(&server, "?answer=wait", json!({ "work_ms": 50 })).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(field(&response, "location"), None);
    assert_eq!(json_of(response).await["state"], "done");
}

#[tokio::test]
async fn a_gateway_gives_up_and_the_job_goes_on() {
    let server = serve().await;
    let request = ordering(
        &server,
        "?answer=wait&timeout_ms=20",
        &json!({ "work_ms": 400 }),
    );
    let response = joining(request, RUN, 1).send().await.expect("an answer");
    assert_eq!(
        Problem::of(response).await,
        Problem::new(504, "gateway-timeout", None)
    );
    let events = events(&server, RUN, |events| {
        steps(events).len() as u64 == JOB_STEPS
    })
    .await;
    let gave_up = find(&events, Lane::HANDLER, Kind::Respond)
        .next()
        .expect("a response");
    assert_eq!(gave_up.detail.status, Some(504));
    let after = steps(&events)
        .into_iter()
        .filter(|step| step.at_ns > gave_up.at_ns);
    assert!(after.count() >= 15, "{events:?}");
}

#[tokio::test]
async fn a_held_job_that_is_cancelled_is_a_conflict() {
    let server = serve().await;
    let key = |request: RequestBuilder| request.header("idempotency-key", "held");
    let body = json!({ "work_ms": MINUTE });
    let accepted = key(ordering(&server, "", &body))
        .send()
        .await
        .expect("an answer");
    let path = field(&accepted, "location").expect("a location").to_owned();
    let held = key(ordering(&server, "?answer=wait", &body)).send();
    let (held, _) = tokio::join!(held, delete(&server, &path));
    let held = held.expect("an answer");
    assert_eq!(field(&held, "idempotency-replayed"), None);
    assert_eq!(Problem::of(held).await, Problem::new(409, "conflict", None));
}

/// The steps that a job of this run has made.
fn steps(events: &[TraceEvent]) -> Vec<&TraceEvent> {
    find(events, Lane::HANDLER, Kind::Process).collect()
}

/// Orders a job, waits for its answer, and closes the connection when the job has begun.
async fn leave(server: &TestServer, query: &str, work_ms: u64) {
    let body = json!({ "work_ms": work_ms }).to_string();
    let request = format!(
        "POST /api/jobs?answer=wait{query} HTTP/1.1\r\nHost: localhost\r\n\
         traceparent: 00-{RUN:032x}-{:016x}-01\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        1,
        body.len()
    );
    let mut socket = TcpStream::connect(server.addr).await.expect("connects");
    socket.write_all(request.as_bytes()).await.expect("sends");
    events(server, RUN, |events| !steps(events).is_empty()).await;
}

/// Where and what, repeated steps told once.
fn told(events: &[TraceEvent]) -> Vec<(LaneKind, Kind)> {
    let measured = events
        .iter()
        .filter(|event| event.lane.kind != LaneKind::Terminal);
    let mut told: Vec<_> = measured
        .map(|event| (event.lane.kind, event.kind))
        .collect();
    told.dedup();
    told
}

#[tokio::test]
async fn a_client_that_leaves_is_noticed_and_the_job_ends_within_a_step() {
    let server = serve().await;
    leave(&server, "&on_disconnect=cancel", 8_000).await;
    let cancelled = |step: &TraceEvent| {
        let words = step.detail.summary.as_deref();
        words.is_some_and(|words| words.ends_with(", cancelled"))
    };
    let events = events(&server, RUN, |events| {
        steps(events).into_iter().any(cancelled) && has(events, Lane::SOCKET, Kind::Closed)
    })
    .await;
    let noticed = find(&events, Lane::HANDLER, Kind::Noticed)
        .next()
        .expect("noticed");
    let words = noticed.detail.summary.as_deref();
    assert_eq!(words, Some("the client is gone; the job is cancelled"));
    let last = *steps(&events).last().expect("steps");
    assert!(
        cancelled(last) && last.end_ns() >= noticed.at_ns,
        "{events:?}"
    );
    assert!(
        last.duration_ns < Some(8_000_000_000 / JOB_STEPS),
        "{last:?}"
    );
    assert!((steps(&events).len() as u64) < JOB_STEPS);
    assert!(
        !has(&events, Lane::HANDLER, Kind::Respond),
        "nobody was answered"
    );
    let kinds = told(&events);
    assert_eq!(
        kinds[..4],
        [
            (LaneKind::Socket, Kind::Accepted),
            (LaneKind::Socket, Kind::Read),
            (LaneKind::Handler, Kind::Parse),
            (LaneKind::Handler, Kind::Process),
        ],
    );
    assert!(
        kinds[4..].contains(&(LaneKind::Socket, Kind::Closed)),
        "{kinds:?}"
    );
}

#[tokio::test]
async fn a_client_that_leaves_and_is_ignored_is_worked_for_to_the_end() {
    let server = serve().await;
    leave(&server, "", 400).await;
    let events = events(&server, RUN, |events| {
        steps(events).len() as u64 == JOB_STEPS
    })
    .await;
    let noticed = find(&events, Lane::HANDLER, Kind::Noticed)
        .next()
        .expect("noticed");
    let words = noticed.detail.summary.as_deref();
    assert_eq!(words, Some("the client is gone; the job goes on"));
    let wasted = steps(&events)
        .into_iter()
        .filter(|step| step.at_ns > noticed.at_ns);
    assert!(wasted.count() > 0, "{events:?}");
}

#[tokio::test]
async fn a_connection_that_is_cut_is_noticed_like_one_that_is_closed() {
    let server = serve().await;
    let query = "?answer=wait&on_disconnect=cancel&faults=cut_after=200ms";
    let request = ordering(&server, query, &json!({ "work_ms": MINUTE }));
    assert!(
        joining(request, RUN, 1).send().await.is_err(),
        "the connection is reset"
    );
    let events = events(&server, RUN, |events| {
        has(events, Lane::HANDLER, Kind::Noticed) && !steps(events).is_empty()
    })
    .await;
    let cut = find(&events, Lane::SOCKET, Kind::Fault)
        .next()
        .expect("a fault");
    let noticed = find(&events, Lane::HANDLER, Kind::Noticed)
        .next()
        .expect("noticed");
    assert!(noticed.at_ns >= cut.at_ns, "{events:?}");
}

#[tokio::test]
async fn every_bound_holds_at_the_limit_and_one_past_it() {
    let server = serve().await;
    for (work, most) in [("wait", JOB_WORK_MS_MAX), ("cpu", JOB_CPU_MS_MAX)] {
        let at = order(&server, "", json!({ "work_ms": most, "work": work })).await;
        assert_eq!(at.status(), StatusCode::ACCEPTED, "{work}");
        let path = field(&at, "location").expect("a location").to_owned();
        delete(&server, &path).await;
        let past = order(&server, "", json!({ "work_ms": most + 1, "work": work })).await;
        assert_eq!(
            Problem::of(past).await,
            Problem::new(400, "out-of-bounds", Some(most))
        );
    }
    for (timeout_ms, status) in [(JOB_TIMEOUT_MS_MAX, 200), (JOB_TIMEOUT_MS_MAX + 1, 400)] {
        let query = format!("?answer=wait&timeout_ms={timeout_ms}");
        let response = order(&server, &query, json!({ "work_ms": 0 })).await;
        assert_eq!(response.status(), status);
    }
    let path = ordered(&server, 0).await;
    until(&server, &path, "done").await;
    for (wait, status) in [(JOB_WAIT_S_MAX, 200), (JOB_WAIT_S_MAX + 1, 400)] {
        let response = get(&server, &format!("{path}?wait={wait}")).await;
        assert_eq!(response.status(), status);
    }
}

#[tokio::test]
async fn unfinished_jobs_are_bounded_in_all_and_from_one_address() {
    let server = serve_with(|config| {
        config.limits.limit_loopback = true;
        config.jobs.unfinished = 3;
        config.jobs.unfinished_per_address = 2;
    })
    .await;
    let first = ordered(&server, MINUTE).await;
    ordered(&server, MINUTE).await;
    let refused = order(&server, "", json!({ "work_ms": MINUTE })).await;
    assert_eq!(
        Problem::of(refused).await,
        Problem::new(429, "too-many", Some(2))
    );
    delete(&server, &first).await;
    // The place is free as soon as the worker has gone.
    while order(&server, "", json!({ "work_ms": MINUTE }))
        .await
        .status()
        != 202
    {}

    let server = serve_with(|config| config.jobs.unfinished = 1).await;
    ordered(&server, MINUTE).await;
    let refused = order(&server, "", json!({ "work_ms": MINUTE })).await;
    assert_eq!(
        Problem::of(refused).await,
        Problem::new(429, "too-many", Some(1))
    );
}

#[tokio::test]
async fn a_job_is_forgotten_after_its_time() {
    let server = serve_with(|config| config.jobs.kept = Duration::ZERO).await;
    let path = ordered(&server, 0).await;
    while get(&server, &path).await.status() == 200 {}
    for response in [
        get(&server, &path).await,
        get(&server, &format!("{path}/events")).await,
        delete(&server, &path).await,
        get(&server, "/api/jobs/none").await,
    ] {
        assert_eq!(
            Problem::of(response).await,
            Problem::new(404, "not-found", None)
        );
    }
}

#[tokio::test]
async fn what_is_no_order_is_refused() {
    let server = serve().await;
    for order_ in [
        json!([20]),
        json!({}),
        json!({"work_ms": -1}),
        json!({"work_ms": 1, "work": "play"}),
    ] {
        let refused = order(&server, "", order_.clone()).await;
        assert_eq!(
            Problem::of(refused).await,
            Problem::new(400, "bad-request", None),
            "{order_}"
        );
    }
    let plain = Client::new()
        .post(server.url("/api/jobs"))
        .body("{\"work_ms\":1}");
    let refused = plain.send().await.expect("an answer");
    assert_eq!(
        Problem::of(refused).await,
        Problem::new(415, "unsupported-media-type", None)
    );
    let refused = order(&server, "?answer=never", json!({ "work_ms": 1 })).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_stopping_server_ends_jobs_and_their_streams() {
    let mut server = serve().await;
    let path = ordered(&server, MINUTE).await;
    let mut stream = RawStream::get(server.addr, &format!("{path}/events"), &[]).await;
    stream.head().await;
    stream.chunk().await;
    server.stop();
    let mut last = String::new();
    loop {
        let chunk = stream.chunk().await;
        if chunk.is_empty() {
            break;
        }
        last = chunk;
    }
    assert!(last.starts_with("id: over\n"), "{last}");
}

//! The race's swarm over real sockets: what it sees, its limits, and the command that is the same from a terminal.

#[path = "support/problem.rs"]
mod problem;

use std::process::Stdio;

use problem::Problem;
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use server::testing::{TestServer, serve};
use tokio::process::Command;
use wire::race::{SwarmState, Way};

async fn order(server: &TestServer, order: Value) -> Response {
    let request = Client::new().post(server.url("/api/race/swarm"));
    request.json(&order).send().await.expect("an answer")
}

async fn publish(server: &TestServer, topic: &str, payload: &str) {
    let request = Client::new().post(server.url(&format!("/api/topics/{topic}/messages")));
    let answer = request.body(payload.to_owned()).send().await;
    assert_eq!(answer.expect("an answer").status(), StatusCode::CREATED);
}

/// Asks until the swarm is as wanted.
async fn until(
    server: &TestServer,
    place: &str,
    is_wanted: impl Fn(&SwarmState) -> bool,
) -> SwarmState {
    loop {
        let answer = reqwest::get(server.url(place)).await.expect("an answer");
        let state: SwarmState = answer.json().await.expect("a swarm's state");
        if is_wanted(&state) {
            return state;
        }
        tokio::task::yield_now().await;
    }
}

fn place(answer: &Response) -> String {
    let place = answer.headers()["location"].to_str().expect("text");
    place.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_of_every_way_see_every_message_once() {
    let server = serve().await;
    publish(&server, "t", "before").await;
    let answer = order(&server, json!({"topic": "t", "subscribers": 10})).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let place = place(&answer);
    let begun: SwarmState = answer.json().await.expect("a swarm's state");
    assert!(begun.running && begun.topic == "t" && begun.seconds_left <= 60);
    assert_eq!(place, format!("/api/race/swarm/{}", begun.id));
    let ways: Vec<(Way, u64)> = begun
        .transports
        .iter()
        .map(|figures| (figures.transport, figures.subscribers))
        .collect();
    assert_eq!(ways, Way::ALL.map(|way| (way, 2)));

    let connected = |state: &SwarmState| state.transports.iter().all(|f| f.connected == 2);
    until(&server, &place, connected).await;
    for payload in ["one", "two", "three"] {
        publish(&server, "t", payload).await;
    }
    let seen = until(&server, &place, |state| {
        let measured = |f: &wire::race::SwarmFigures| f.messages == 6 && f.p99_us.is_some();
        state.published == 3 && state.transports.iter().all(measured)
    })
    .await;
    for figures in &seen.transports {
        let wrong = (figures.gaps, figures.lost, figures.duplicates);
        assert_eq!((wrong, figures.waiting), ((0, 0, 0), 0), "{figures:?}");
        assert!(figures.median_us <= figures.p99_us, "{figures:?}");
        assert_eq!(figures.broken, 0, "{figures:?}");
        assert!(figures.requests >= 2, "{figures:?}");
    }
    // The subscribers are real: the topic counts them, short polls and long polls between two requests left out.
    let state = server.state.topics().state("t").await.expect("the topic");
    assert_eq!(state.presence.sse, 2);
    assert_eq!(state.presence.websocket, 2);

    let ended = Client::new().delete(server.url(&place)).send().await;
    let ended: SwarmState = ended.expect("an answer").json().await.expect("a state");
    let told = (ended.published, ended.running, ended.seconds_left);
    assert_eq!(told, (3, false, 0));
    let gone = reqwest::get(server.url(&place)).await.expect("an answer");
    assert_eq!(
        Problem::of(gone).await,
        Problem::new(404, "not-found", None)
    );
    // And they leave.
    while server
        .state
        .topics()
        .state("t")
        .await
        .is_some_and(|state| state.subscribers > 0)
    {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_the_topic_is_a_gap_for_each_and_no_message_is_lost() {
    let server = serve().await;
    publish(&server, "t", "before").await;
    let ways = json!({"topic": "t", "subscribers": 5, "seconds": 60});
    let place = place(&order(&server, ways).await);
    until(&server, &place, |state| {
        state.transports.iter().all(|f| f.connected == 1)
    })
    .await;
    publish(&server, "t", "one").await;
    until(&server, &place, |state| {
        state.transports.iter().all(|f| f.messages == 1)
    })
    .await;
    let restart = Client::new().post(server.url("/api/topics/t/restart"));
    assert!(
        restart
            .send()
            .await
            .expect("an answer")
            .status()
            .is_success()
    );
    publish(&server, "t", "two").await;
    let seen = until(&server, &place, |state| {
        state.transports.iter().all(|f| f.messages == 2)
    })
    .await;
    for figures in &seen.transports {
        let counts = (figures.gaps, figures.lost, figures.duplicates);
        assert_eq!(counts, (1, 0, 0), "{figures:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_leaves_when_its_time_is_over() {
    let server = serve().await;
    let sockets =
        json!({"topic": "t", "subscribers": 2, "seconds": 1, "transports": ["websocket"]});
    let place = place(&order(&server, sockets).await);
    let over = until(&server, &place, |state| !state.running).await;
    assert_eq!(over.seconds_left, 0);
    assert_eq!(over.transports[0].subscribers, 2);
    assert_eq!(over.transports[0].connected, 0);
}

#[tokio::test]
async fn what_is_within_the_bounds_is_taken_and_one_past_them_is_not() {
    let server = serve().await;
    let accepted = [
        json!({"topic": "t", "subscribers": 1, "seconds": 1}),
        json!({"topic": "x".repeat(128), "subscribers": 1.0, "seconds": 300, "transports": ["sse", "sse"]}),
    ];
    for wanted in accepted {
        let answer = order(&server, wanted.clone()).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED, "{wanted}");
    }
    let bad_request = || Problem::new(400, "bad-request", None);
    let bounded = |limit| Problem::new(400, "out-of-bounds", Some(limit));
    let refused = [
        (json!({"topic": "t", "subscribers": 0}), bounded(1)),
        (json!({"topic": "t", "subscribers": 1001}), bounded(1_000)),
        (
            json!({"topic": "t", "subscribers": 1, "seconds": 0}),
            bounded(1),
        ),
        (
            json!({"topic": "t", "subscribers": 1, "seconds": 301}),
            bounded(300),
        ),
        (json!({"topic": ".t", "subscribers": 1}), bad_request()),
        (
            json!({"topic": "x".repeat(129), "subscribers": 1}),
            bad_request(),
        ),
        (json!({"topic": "t"}), bad_request()),
        (
            json!({"topic": "t", "subscribers": 1, "transports": ["pigeon"]}),
            bad_request(),
        ),
        (json!(["t", 1]), bad_request()),
    ];
    for (wanted, problem) in refused {
        assert_eq!(
            Problem::of(order(&server, wanted.clone()).await).await,
            problem,
            "{wanted}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_swarms_together_have_their_limit_and_what_has_left_makes_room() {
    let server = serve().await;
    // The quietest way: nobody publishes, and nobody asks again and again.
    let thousand = json!({"topic": "t", "subscribers": 1_000, "transports": ["stream"]});
    let first = order(&server, thousand.clone()).await;
    assert_eq!(first.status(), StatusCode::ACCEPTED);
    for _ in 0..3 {
        let answer = order(&server, thousand.clone()).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }
    let one = json!({"topic": "t", "subscribers": 1});
    let refused = Problem::of(order(&server, one.clone()).await).await;
    assert_eq!(refused, Problem::new(429, "too-many", Some(4_000)));
    let ended = Client::new()
        .delete(server.url(&place(&first)))
        .send()
        .await;
    assert!(ended.expect("an answer").status().is_success());
    while order(&server, one.clone()).await.status() != StatusCode::ACCEPTED {
        tokio::task::yield_now().await;
    }
}

/// The program as a swarm, against a server.
async fn swarm(server: &TestServer, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_roundtrip"))
        .args(["swarm", &server.url("/")])
        .args(args)
        .stderr(Stdio::inherit())
        .output()
        .await
        .expect("runs");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_publishes_listens_and_says_what_came_of_it() {
    let server = serve().await;
    let args = [
        "--topic",
        "t",
        "--subscribers",
        "10",
        "--seconds",
        "2",
        "--publish",
        "20",
    ];
    let (code, said) = swarm(&server, &args).await;
    assert_eq!(code, Some(0), "{said}");
    let topic = server.state.topics().state("t").await.expect("the topic");
    let published = topic.last.offset;
    assert!(published > 10, "{published}");
    assert!(
        said.contains(&format!("The topic got {published} messages")),
        "{said}"
    );
    for way in [
        "short-polling",
        "long-polling",
        "sse",
        "stream",
        "websocket",
    ] {
        let row = said.lines().rev().find(|line| line.starts_with(way));
        let figures: Vec<&str> = row.expect(way).split_whitespace().collect();
        // Two subscribers, each message for both; no gap, nothing missed, lost, doubled or on its way.
        let messages = (2 * published).to_string();
        assert_eq!(
            figures[1..8],
            ["2", &messages, "0", "0", "0", "0", "0"],
            "{said}"
        );
        assert!(
            figures.last().is_some_and(|p99| p99.ends_with('s')),
            "{said}"
        );
    }
}

#[tokio::test]
async fn the_command_says_why_it_cannot() {
    let server = serve().await;
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = nobody.local_addr().expect("bound");
    drop(nobody);
    for url in [format!("http://{address}/"), server.url("/labs/race")] {
        let output = Command::new(env!("CARGO_BIN_EXE_roundtrip"))
            .args(["swarm", &url])
            .output()
            .await
            .expect("runs");
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.starts_with("roundtrip: "), "{said}");
    }
}

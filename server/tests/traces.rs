//! What the topic and the storage say in the runs of those who use them, and that a stopping server ends their streams.

#[path = "support/run.rs"]
mod run;
#[path = "support/stream.rs"]
mod stream;

use futures_util::StreamExt;
use reqwest::Client;
use run::{events, find, has, joining};
use serde_json::Value;
use server::testing::{TestServer, serve, serve_with};
use stream::RawStream;
use wire::trace::{Kind, Lane, TraceEvent, Truth};

async fn publish(server: &TestServer, run: u128, payload: &'static str) -> String {
    let request = Client::new()
        .post(server.url("/api/topics/news/messages"))
        .body(payload);
    let answer = joining(request, run, 0x99).send().await.expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    answer["id"].as_str().expect("an id").to_owned()
}

fn kinds(events: &[TraceEvent], lane: Lane) -> Vec<Kind> {
    let in_lane = events.iter().filter(|event| event.lane == lane);
    in_lane.map(|event| event.kind).collect()
}

#[tokio::test]
async fn a_message_is_published_in_one_run_and_delivered_in_another() {
    let server = serve().await;
    let path = "/api/topics/news/events?traceparent=00-0000000000000000000000000000000a-0000000000000007-01";
    let mut stream = RawStream::get(server.addr, path, &[]).await;
    stream.head().await;
    let id = publish(&server, 0xb, "hello").await;
    stream.chunk().await;
    drop(stream);

    let publisher = events(&server, 0xb, |events| {
        has(events, Lane::TOPIC, Kind::Published) && has(events, Lane::HANDLER, Kind::Respond)
    })
    .await;
    let published = find(&publisher, Lane::TOPIC, Kind::Published)
        .next()
        .expect("there");
    assert_eq!(published.detail.message.as_deref(), Some(id.as_str()));
    assert_eq!(published.detail.topic.as_deref(), Some("news"));
    assert_eq!(published.detail.exchange.map(|id| id.get()), Some(0x99));
    assert_eq!(
        (published.bytes, published.truth),
        (Some(5), Truth::Measured)
    );

    let subscriber = events(&server, 0xa, |events| {
        has(events, Lane::TOPIC, Kind::Unsubscribed)
    })
    .await;
    assert_eq!(
        kinds(&subscriber, Lane::TOPIC),
        [Kind::Subscribed, Kind::Delivered, Kind::Unsubscribed]
    );
    let delivered = find(&subscriber, Lane::TOPIC, Kind::Delivered)
        .next()
        .expect("there");
    assert_eq!(delivered.detail.message.as_deref(), Some(id.as_str()));
    assert_eq!(delivered.detail.topic.as_deref(), Some("news"));
    assert_eq!(delivered.detail.exchange.map(|id| id.get()), Some(7));
    let published_at_ns = delivered.detail.more["published_at_ns"]
        .as_i64()
        .expect("a time");
    assert!(published_at_ns <= delivered.at_ns);
    assert!(
        published_at_ns
            > find(&subscriber, Lane::TOPIC, Kind::Subscribed)
                .next()
                .expect("there")
                .at_ns
    );
}

#[tokio::test]
async fn every_transport_tells_of_joining_delivering_and_leaving() {
    let server = serve().await;
    let first = publish(&server, 0xb, "0").await;
    publish(&server, 0xb, "1").await;
    for (run, path, transport) in [
        (0xa1, "messages?wait=60&", "long_polling"),
        (0xa2, "events?", "sse"),
        (0xa3, "stream?", "stream"),
    ] {
        let url = server.url(&format!("/api/topics/news/{path}after={first}"));
        let answer = joining(Client::new().get(url), run, 7).send().await;
        let body = answer.expect("an answer").bytes_stream().next().await;
        assert!(body.is_some_and(|piece| piece.is_ok()), "{transport}");
        let events = events(&server, run, |events| {
            has(events, Lane::TOPIC, Kind::Unsubscribed)
        })
        .await;
        assert_eq!(
            kinds(&events, Lane::TOPIC),
            [Kind::Subscribed, Kind::Delivered, Kind::Unsubscribed],
            "{transport}"
        );
        for kind in [Kind::Subscribed, Kind::Unsubscribed] {
            let event = find(&events, Lane::TOPIC, kind).next().expect("there");
            assert_eq!(event.detail.more["transport"], transport);
        }
    }
}

#[tokio::test]
async fn a_gap_is_in_the_run_with_its_reason() {
    let server = serve_with(|config| config.topics.history.count = 1).await;
    let first = publish(&server, 0xb, "1").await;
    publish(&server, 0xb, "2").await;
    publish(&server, 0xb, "3").await;
    let request =
        Client::new().get(server.url(&format!("/api/topics/news/messages?after={first}")));
    joining(request, 0xa, 7).send().await.expect("an answer");
    let events = events(&server, 0xa, |events| {
        has(events, Lane::TOPIC, Kind::Delivered)
    })
    .await;
    assert_eq!(kinds(&events, Lane::TOPIC), [Kind::Gap, Kind::Delivered]);
    let gap = find(&events, Lane::TOPIC, Kind::Gap).next().expect("there");
    assert_eq!(gap.detail.more["missed"].as_u64(), Some(1));
    assert!(
        gap.detail
            .why
            .as_deref()
            .is_some_and(|why| why.contains("history"))
    );
}

#[tokio::test]
async fn an_upload_tells_what_the_storage_did() {
    let server = serve().await;
    let tus = |method: &str, path: &str| {
        let method = method.parse().expect("a method");
        Client::new()
            .request(method, server.url(path))
            .header("tus-resumable", "1.0.0")
    };
    let create = tus("POST", "/files").header("upload-length", "600000");
    let created = joining(create, 0xc, 1).send().await.expect("an answer");
    let path = created.headers()["location"]
        .to_str()
        .expect("text")
        .to_owned();
    let mut sha256 = None;
    for (offset, exchange) in [(0, 2), (300_000, 3)] {
        let piece = tus("PATCH", &path)
            .header("content-type", "application/offset+octet-stream")
            .header("upload-offset", offset)
            .body(vec![7; 300_000]);
        let answer = joining(piece, 0xc, exchange)
            .send()
            .await
            .expect("an answer");
        let timing = answer.headers()["server-timing"].to_str().expect("text");
        assert!(timing.contains("synced;dur="), "{timing}");
    }
    let image = path.replace("/files/", "/api/images/");
    let image = joining(Client::new().get(server.url(&image)), 0xc, 4);
    let image: Value = image
        .send()
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    joining(tus("DELETE", &path), 0xc, 5)
        .send()
        .await
        .expect("an answer");

    let events = events(&server, 0xc, |events| {
        has(events, Lane::STORAGE, Kind::Removed)
    })
    .await;
    let id = path.strip_prefix("/files/");
    let mut at = 0;
    for event in events.iter().filter(|event| event.lane == Lane::STORAGE) {
        assert_eq!(event.detail.upload.as_deref(), id);
        assert_eq!(event.truth, Truth::Measured);
        if event.kind == Kind::Stored {
            assert_eq!(event.detail.offset, Some(at));
            assert!(event.duration_ns.is_some());
            at += event.bytes.expect("it says how many");
        }
        if event.kind == Kind::Finished {
            sha256 = event.detail.sha256.clone();
        }
    }
    assert_eq!(at, 600_000);
    assert_eq!(sha256.as_deref(), image["sha256"].as_str());
    let mut kinds = kinds(&events, Lane::STORAGE);
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            Kind::Created,
            Kind::Stored,
            Kind::Synced,
            Kind::Stored,
            Kind::Synced,
            Kind::Hashed,
            Kind::Finished,
            Kind::Previewed,
            Kind::Removed,
        ]
    );
    let bodies = find(&events, Lane::HANDLER, Kind::Body);
    assert_eq!(bodies.filter(|body| body.duration_ns.is_some()).count(), 2);
}

#[tokio::test]
async fn a_stopping_server_ends_its_streams() {
    let mut server = serve().await;
    let response = reqwest::get(server.url("/api/topics/news/events")).await;
    let mut body = response.expect("an answer").bytes_stream();
    server.stop();
    let place = body.next().await.expect("its place").expect("bytes");
    assert!(place.starts_with("\u{feff}id: ".as_bytes()));
    assert!(body.next().await.is_none(), "the end, and no error");
}

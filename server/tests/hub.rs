//! One suite over the whole hub, through every transport and over real sockets: recovery from any id, order, once, gaps,
//! slow readers, restart and end. It asks nothing of the hub but what clients may rely on, so it holds for any.

#[path = "support/subscribers.rs"]
mod subscribers;

use std::collections::HashMap;

use futures_util::future::join_all;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use server::testing::{TestServer, serve, serve_with};
use subscribers::{Seen, Subscriber, Way};
use wire::topics::{Gap, GapReason, MessageId};

async fn publish(server: &TestServer, topic: &str, payload: &str) -> MessageId {
    let response = Client::new()
        .post(server.url(&format!("/api/topics/{topic}/messages")))
        .header("content-type", "text/plain")
        .body(payload.to_owned())
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::CREATED);
    let answer: Value = response.json().await.expect("JSON");
    id(&answer["id"])
}

fn id(value: &Value) -> MessageId {
    value.as_str().expect("text").parse().expect("an id")
}

/// Does something to a topic, and says its last id where the answer does.
async fn topic(server: &TestServer, method: Method, path: &str, body: Option<Value>) -> MessageId {
    let mut request = Client::new().request(method, server.url(&format!("/api/topics/{path}")));
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.expect("an answer");
    assert!(
        response.status().is_success(),
        "{path}: {}",
        response.status()
    );
    let state: Value = response.json().await.unwrap_or_default();
    state.get("last").map_or(
        MessageId {
            epoch: 0,
            offset: 0,
        },
        id,
    )
}

/// Makes a topic, and says the place before its first message.
async fn begin(server: &TestServer, name: &str, settings: Value) -> MessageId {
    topic(server, Method::PUT, name, Some(settings)).await
}

fn at(begin: MessageId, offset: u64) -> MessageId {
    MessageId { offset, ..begin }
}

async fn open(server: &TestServer, way: Way, topic: &str, place: MessageId) -> Subscriber {
    Subscriber::open(server.addr, way, topic, place).await
}

/// The streams of the topic have begun: the hub counts this many subscribers.
async fn present(server: &TestServer, topic: &str, count: u64) {
    loop {
        let state = server.state.topics().state(topic).await;
        if state.is_some_and(|state| state.subscribers == count) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn recovery_from_any_id_is_everything_since_once_and_in_order() {
    for ack in ["memory", "disk"] {
        let server = serve().await;
        let begin = begin(&server, "t", json!({"ack": ack})).await;
        for payload in 1..=5 {
            publish(&server, "t", &payload.to_string()).await;
        }
        let mut subscribers = Vec::new();
        for way in Way::ALL {
            for after in 0..=5 {
                let mut subscriber = open(&server, way, "t", at(begin, after)).await;
                for offset in after + 1..=5 {
                    let expected = Seen::Message(at(begin, offset), offset.to_string());
                    assert_eq!(subscriber.next().await, expected, "{way:?} after {after}");
                }
                subscribers.push(subscriber);
            }
        }
        // And what comes then, live.
        publish(&server, "t", "6").await;
        for mut subscriber in subscribers {
            let live = Seen::Message(at(begin, 6), "6".into());
            assert_eq!(subscriber.next().await, live);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_publish_every_subscriber_sees_the_same_order_once() {
    const PUBLISHERS: u64 = 4;
    const EACH: u64 = 50;
    for ack in ["memory", "disk"] {
        let server = serve().await;
        let begin = begin(&server, "t", json!({"ack": ack})).await;
        let subscribers = Way::ALL.into_iter().chain(Way::ALL).map(async |way| {
            let mut subscriber = open(&server, way, "t", begin).await;
            let mut seen = Vec::new();
            for offset in 1..=PUBLISHERS * EACH {
                match subscriber.next().await {
                    Seen::Message(id, payload) => {
                        assert_eq!(id, at(begin, offset), "{way:?}");
                        seen.push(payload);
                    }
                    other => panic!("{way:?}: {other:?}"),
                }
            }
            seen
        });
        let publishers = (0..PUBLISHERS).map(async |publisher| {
            let mut ids = HashMap::new();
            for number in 0..EACH {
                let payload = format!("{publisher}.{number}");
                let id = publish(&server, "t", &payload).await;
                ids.insert(id.offset, payload);
            }
            ids
        });
        let (all_seen, acknowledged) = tokio::join!(join_all(subscribers), join_all(publishers));
        let acknowledged: HashMap<u64, String> = acknowledged.into_iter().flatten().collect();
        let expected: Vec<String> = (1..=PUBLISHERS * EACH)
            .map(|offset| acknowledged[&offset].clone())
            .collect();
        for seen in all_seen {
            assert_eq!(seen, expected);
        }
    }
}

#[tokio::test]
async fn what_the_history_lost_is_a_gap_that_says_how_much() {
    let server = serve().await;
    let begin = begin(&server, "t", json!({"history": {"count": 2}})).await;
    for payload in 1..=5 {
        publish(&server, "t", &payload.to_string()).await;
    }
    for way in Way::ALL {
        let mut subscriber = open(&server, way, "t", at(begin, 1)).await;
        let gap = Gap {
            after: at(begin, 1).to_string(),
            next: at(begin, 4),
            missed: Some(2),
            reason: GapReason::Evicted,
        };
        assert_eq!(subscriber.next().await, Seen::Gap(gap), "{way:?}");
        for offset in 4..=5 {
            let expected = Seen::Message(at(begin, offset), offset.to_string());
            assert_eq!(subscriber.next().await, expected, "{way:?}");
        }
        // Who comes back from behind the gap is not told again.
        let mut again = open(&server, way, "t", at(begin, 3)).await;
        let expected = Seen::Message(at(begin, 4), "4".into());
        assert_eq!(again.next().await, expected, "{way:?}");
    }
}

#[tokio::test]
async fn after_a_restart_or_an_end_a_topic_in_memory_is_another_life_and_says_so() {
    // A restart knows of the life before that this reader has all of it.
    for (method, path, code, missed) in [
        (Method::POST, "t/restart", 1001, Some(0)),
        (Method::DELETE, "t", 1000, None),
    ] {
        for way in Way::ALL {
            let server = serve().await;
            let begin = begin(&server, "t", json!({})).await;
            let mut subscriber = open(&server, way, "t", begin).await;
            let first = publish(&server, "t", "1").await;
            let expected = Seen::Message(first, "1".into());
            assert_eq!(subscriber.next().await, expected, "{way:?}");
            topic(&server, method.clone(), path, None).await;
            if way.is_stream() {
                let code = (way == Way::WebSocket).then_some(code);
                assert_eq!(subscriber.next().await, Seen::End(code), "{way:?}");
                subscriber = open(&server, way, "t", subscriber.place).await;
            }
            let second = publish(&server, "t", "2").await;
            assert_ne!(second.epoch, first.epoch);
            let gap = Gap {
                after: first.to_string(),
                next: second,
                missed,
                reason: GapReason::Epoch,
            };
            assert_eq!(subscriber.next().await, Seen::Gap(gap), "{way:?}");
            let expected = Seen::Message(second, "2".into());
            assert_eq!(subscriber.next().await, expected, "{way:?}");
        }
    }
}

#[tokio::test]
async fn after_a_restart_a_topic_on_disk_goes_on() {
    for way in Way::ALL {
        let server = serve().await;
        let begin = begin(&server, "t", json!({"ack": "disk"})).await;
        let mut subscriber = open(&server, way, "t", begin).await;
        let first = publish(&server, "t", "1").await;
        let expected = Seen::Message(first, "1".into());
        assert_eq!(subscriber.next().await, expected, "{way:?}");
        topic(&server, Method::POST, "t/restart", None).await;
        let second = publish(&server, "t", "2").await;
        assert_eq!(second, at(begin, 2));
        if way.is_stream() {
            let code = (way == Way::WebSocket).then_some(1001);
            assert_eq!(subscriber.next().await, Seen::End(code), "{way:?}");
            subscriber = open(&server, way, "t", subscriber.place).await;
        }
        let expected = Seen::Message(second, "2".into());
        assert_eq!(subscriber.next().await, expected, "{way:?}");
    }
}

/// Who comes without a place, and loses the connection before anything was published, comes back with the place that it
/// was told at once: nothing is missing.
#[tokio::test]
async fn a_stream_tells_its_place_before_the_first_message() {
    for way in [Way::ServerSentEvents, Way::Lines, Way::WebSocket] {
        let server = serve().await;
        let last = publish(&server, "t", "before").await;
        let (told, stream) = Subscriber::open_anywhere(server.addr, way, "t").await;
        assert_eq!(told, last, "{way:?}");
        drop(stream);
        let missed = publish(&server, "t", "missed").await;
        let mut back = open(&server, way, "t", told).await;
        let expected = Seen::Message(missed, "missed".into());
        assert_eq!(back.next().await, expected, "{way:?}");
    }
}

/// More than the kernel holds for a reader that does not read: what the history let go of meanwhile is in gaps.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_gets_everything_or_is_told_what_it_missed() {
    const MESSAGES: u64 = 500;
    let server = serve().await;
    let begin = begin(&server, "t", json!({"history": {"count": 10}})).await;
    let mut subscribers = Vec::new();
    for way in Way::ALL {
        subscribers.push((way, open(&server, way, "t", begin).await));
    }
    // Polls that wait are not open yet; the three streams are.
    present(&server, "t", 3).await;
    let payload = "x".repeat(64 * 1024);
    for _ in 0..MESSAGES {
        publish(&server, "t", &payload).await;
    }
    for (way, mut subscriber) in subscribers {
        let (mut place, mut gaps) = (0, 0);
        while place < MESSAGES {
            match subscriber.next().await {
                Seen::Message(id, seen) => {
                    place += 1;
                    assert_eq!(
                        (id, seen.len()),
                        (at(begin, place), payload.len()),
                        "{way:?}"
                    );
                }
                Seen::Gap(gap) => {
                    assert_eq!(gap.after, at(begin, place).to_string(), "{way:?}");
                    assert_eq!(gap.missed, Some(gap.next.offset - 1 - place), "{way:?}");
                    let reason = if way.is_stream() {
                        GapReason::Slow
                    } else {
                        GapReason::Evicted
                    };
                    assert_eq!(gap.reason, reason, "{way:?}");
                    place = gap.next.offset - 1;
                    gaps += 1;
                }
                Seen::End(_) => panic!("{way:?} ended"),
            }
        }
        assert!(gaps > 0, "{way:?} was not slow enough");
    }
}

#[tokio::test]
async fn who_is_there_is_counted_by_transport_and_capped_over_all() {
    let server = serve_with(|config| config.topics.subscribers = 4).await;
    let begin = begin(&server, "t", json!({})).await;
    let mut streams = Vec::new();
    for way in [Way::ServerSentEvents, Way::Lines, Way::WebSocket] {
        streams.push(open(&server, way, "t", begin).await);
    }
    let waiting = server.url("/api/topics/t/messages?wait=60");
    let waiting = tokio::spawn(async move { reqwest::get(waiting).await });
    present(&server, "t", 4).await;
    let state = reqwest::get(server.url("/api/topics/t")).await;
    let state: Value = state.expect("an answer").json().await.expect("JSON");
    assert_eq!(
        state["presence"],
        json!({"long_polling": 1, "sse": 1, "stream": 1, "websocket": 1})
    );
    for path in ["events", "stream", "messages?wait=1"] {
        let url = server.url(&format!("/api/topics/t/{path}"));
        let refused = reqwest::get(url).await.expect("an answer");
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS, "{path}");
        let problem: Value = refused.json().await.expect("a problem");
        assert_eq!(problem["limit"], 4, "{path}");
    }
    let url = server.ws_url("/api/topics/t/socket");
    match tokio_tungstenite::connect_async(url).await {
        Err(tokio_tungstenite::tungstenite::Error::Http(refused)) => {
            assert_eq!(refused.status().as_u16(), 429);
        }
        other => panic!("{other:?}"),
    }
    // Asking without waiting is no subscription.
    let asked = reqwest::get(server.url("/api/topics/t/messages")).await;
    assert_eq!(asked.expect("an answer").status(), StatusCode::OK);
    drop(streams);
    waiting.abort();
    present(&server, "t", 0).await;
}

#[tokio::test]
async fn a_stopping_server_says_goodbye_on_every_stream() {
    let mut server = serve().await;
    let begin = begin(&server, "t", json!({})).await;
    let mut streams = Vec::new();
    for way in [Way::ServerSentEvents, Way::Lines, Way::WebSocket] {
        streams.push((way, open(&server, way, "t", begin).await));
    }
    let id = publish(&server, "t", "1").await;
    server.stop();
    for (way, mut subscriber) in streams {
        // What was published before is delivered before.
        let last = Seen::Message(id, "1".into());
        assert_eq!(subscriber.next().await, last, "{way:?}");
        let code = (way == Way::WebSocket).then_some(1001);
        assert_eq!(subscriber.next().await, Seen::End(code), "{way:?}");
    }
}

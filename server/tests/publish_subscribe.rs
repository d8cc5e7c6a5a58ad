//! Topics over the wire: the exact frames, recovery, gaps, and every limit at its value and one past it.

#[path = "support/problem.rs"]
mod problem;
#[path = "support/stream.rs"]
mod stream;

use problem::Problem;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use server::testing::{TestServer, serve, serve_with};
use stream::RawStream;

async fn publish(server: &TestServer, topic: &str, payload: &str) -> String {
    let response = send(server, topic, "text/plain", payload.to_owned().into()).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let answer: Value = response.json().await.expect("JSON");
    answer["id"].as_str().expect("an id").to_owned()
}

async fn send(server: &TestServer, topic: &str, content_type: &str, payload: Vec<u8>) -> Response {
    Client::new()
        .post(server.url(&format!("/api/topics/{topic}/messages")))
        .header("content-type", content_type)
        .body(payload)
        .send()
        .await
        .expect("an answer")
}

async fn get(server: &TestServer, path: &str) -> Response {
    reqwest::get(server.url(path)).await.expect("an answer")
}

async fn page(server: &TestServer, path: &str) -> Value {
    let response = get(server, path).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.json().await.expect("JSON")
}

fn data(page: &Value) -> Vec<&str> {
    page["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .map(|message| message["data"].as_str().expect("text"))
        .collect()
}

#[tokio::test]
async fn the_first_block_says_when_to_reconnect_and_all_that_is_ready_is_one_chunk() {
    let server = serve().await;
    let first = publish(&server, "news", "zero").await;
    let one = publish(&server, "news", "one").await;
    let two = publish(&server, "news", "line 1\nline 2").await;

    let mut stream = RawStream::get(
        server.addr,
        &format!("/api/topics/news/events?after={first}"),
        &[],
    )
    .await;
    let head = stream.head().await;
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: text/event-stream\r\n"));
    assert!(head.contains("\r\ncache-control: no-store\r\n"));
    assert!(!head.contains("content-encoding"));
    assert_eq!(
        stream.chunk().await,
        format!("retry: 1000\nid: {one}\ndata: one\n\nid: {two}\ndata: line 1\ndata: line 2\n\n")
    );

    let three = publish(&server, "news", "three").await;
    assert_eq!(
        stream.chunk().await,
        format!("id: {three}\ndata: three\n\n")
    );
}

#[tokio::test]
async fn a_subscriber_sees_what_comes_after_it_joined_and_then_the_end() {
    let server = serve().await;
    let before = publish(&server, "news", "before").await;
    let mut stream = RawStream::get(server.addr, "/api/topics/news/events", &[]).await;
    let head = stream.head().await;
    assert!(head.contains(&format!("\r\nlast-event-id: {before}\r\n")));
    assert_eq!(stream.chunk().await, format!("\u{feff}id: {before}\n\n"));
    let id = publish(&server, "news", "after").await;
    assert_eq!(
        stream.chunk().await,
        format!("retry: 1000\nid: {id}\ndata: after\n\n")
    );
    let ended = Client::new()
        .delete(server.url("/api/topics/news"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    assert_eq!(stream.chunk().await, "", "the last chunk is empty");
}

#[tokio::test]
async fn last_event_id_brings_what_was_missed_and_goes_before_after() {
    let server = serve().await;
    let first = publish(&server, "news", "one").await;
    let second = publish(&server, "news", "two").await;
    let third = publish(&server, "news", "three").await;
    let mut stream = RawStream::get(
        server.addr,
        &format!("/api/topics/news/events?after={first}"),
        &[("Last-Event-ID", &second)],
    )
    .await;
    stream.head().await;
    assert_eq!(
        stream.chunk().await,
        format!("retry: 1000\nid: {third}\ndata: three\n\n")
    );
}

#[tokio::test]
async fn what_the_history_lost_is_named_in_a_gap() {
    let server = serve_with(|config| config.topics.history.count = 2).await;
    let first = publish(&server, "news", "1").await;
    for payload in ["2", "3", "4", "5"] {
        publish(&server, "news", payload).await;
    }
    let epoch = first.split('-').next().expect("an epoch");
    let mut stream = RawStream::get(
        server.addr,
        "/api/topics/news/events",
        &[("Last-Event-ID", &first)],
    )
    .await;
    stream.head().await;
    assert_eq!(
        stream.chunk().await,
        format!(
            "retry: 1000\nid: {epoch}-3\nevent: gap\n\
             data: {{\"gap\":{{\"after\":\"{first}\",\"next\":\"{epoch}-4\",\"missed\":2,\"reason\":\"evicted\"}}}}\n\n\
             id: {epoch}-4\ndata: 4\n\nid: {epoch}-5\ndata: 5\n\n"
        )
    );
    // Who comes back from behind the gap is not told of it again.
    let mut again = RawStream::get(
        server.addr,
        "/api/topics/news/events",
        &[("Last-Event-ID", &format!("{epoch}-3"))],
    )
    .await;
    again.head().await;
    assert_eq!(
        again.chunk().await,
        format!("retry: 1000\nid: {epoch}-4\ndata: 4\n\nid: {epoch}-5\ndata: 5\n\n")
    );
}

#[tokio::test]
async fn an_id_of_another_life_is_a_gap_of_unknown_length() {
    let server = serve().await;
    let id = publish(&server, "news", "new").await;
    let page = page(&server, "/api/topics/news/messages?after=00000000-7").await;
    assert_eq!(
        page["gap"],
        json!({"after": "00000000-7", "next": id, "missed": null, "reason": "epoch"})
    );
    assert_eq!(data(&page), ["new"]);
    assert_eq!(page["next"], json!(id));
}

#[tokio::test]
async fn bytes_and_a_bare_cr_go_as_the_envelope() {
    let server = serve().await;
    let mut stream = RawStream::get(server.addr, "/api/topics/news/events", &[]).await;
    stream.head().await;
    // The place where it begins.
    stream.chunk().await;
    for (content_type, payload, field, value) in [
        (
            "application/octet-stream",
            &b"\x00\xff"[..],
            "data_base64",
            "AP8=",
        ),
        ("text/plain", b"a\rb", "data", "a\rb"),
    ] {
        let sent = send(&server, "news", content_type, payload.to_vec()).await;
        assert_eq!(sent.status(), StatusCode::CREATED);
        let chunk = stream.chunk().await;
        let json = chunk
            .lines()
            .find_map(|line| line.strip_prefix("data: "))
            .expect("data");
        let envelope: Value = serde_json::from_str(json).expect("an envelope");
        assert_eq!(envelope[field], json!(value));
        assert_eq!(envelope["content_type"], json!(content_type));
    }
}

#[tokio::test]
async fn messages_answers_pages_that_join_up() {
    let server = serve().await;
    for payload in ["1", "2", "3", "4", "5"] {
        publish(&server, "news", payload).await;
    }
    let newest = page(&server, "/api/topics/news/messages?limit=2").await;
    assert_eq!(data(&newest), ["4", "5"]);
    let last = newest["next"].as_str().expect("an id");
    let epoch = last.split('-').next().expect("an epoch");
    let mut after = format!("{epoch}-0");
    let mut read = Vec::new();
    for expected in [2, 2, 1, 0] {
        let page = page(
            &server,
            &format!("/api/topics/news/messages?after={after}&limit=2"),
        )
        .await;
        assert_eq!(data(&page).len(), expected);
        assert_eq!(page.get("gap"), None);
        read.extend(data(&page).into_iter().map(str::to_owned));
        after = page["next"].as_str().expect("an id").to_owned();
    }
    assert_eq!(read, ["1", "2", "3", "4", "5"]);
    assert_eq!(after, last);
}

#[tokio::test]
async fn without_wait_an_unchanged_topic_is_304() {
    let server = serve().await;
    let id = publish(&server, "news", "1").await;
    let path = "/api/topics/news/messages";
    let first = get(&server, path).await;
    let tag = first.headers()["etag"].to_str().expect("text").to_owned();
    assert_eq!(tag, format!("\"{id}\""));
    let ask = |tag: String| {
        Client::new()
            .get(server.url(path))
            .header("if-none-match", tag)
            .send()
    };
    for known in [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"x\", {tag}"),
        "*".into(),
    ] {
        let again = ask(known).await.expect("an answer");
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(again.headers()["etag"], tag.as_str());
    }
    publish(&server, "news", "2").await;
    let changed = ask(tag).await.expect("an answer");
    assert_eq!(changed.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_304_hides_nothing_that_is_still_to_be_told() {
    let server = serve_with(|config| config.topics.history.count = 3).await;
    let mut ids = Vec::new();
    for payload in ["1", "2", "3"] {
        ids.push(publish(&server, "news", payload).await);
    }
    let ask = async |query: &str, tag: &str| {
        Client::new()
            .get(server.url(&format!("/api/topics/news/messages{query}")))
            .header("if-none-match", tag)
            .send()
            .await
            .expect("an answer")
    };
    // The first page of two says the topic's last id; with it the second page must come all the same.
    let first = ask(&format!("?after={}&limit=1", ids[0]), "\"x\"").await;
    let tag = first.headers()["etag"].to_str().expect("text").to_owned();
    assert_eq!(tag, format!("\"{}\"", ids[2]));
    let second = ask(&format!("?after={}", ids[1]), &tag).await;
    assert_eq!(second.status(), StatusCode::OK);
    assert_eq!(data(&second.json().await.expect("JSON")), ["3"]);
    // Behind everything there is nothing to tell.
    let nothing = ask(&format!("?after={}", ids[2]), &tag).await;
    assert_eq!(nothing.status(), StatusCode::NOT_MODIFIED);
    // What was evicted is told of, although the topic's last id has stayed what it was.
    let put = Client::new()
        .put(server.url("/api/topics/news"))
        .json(&json!({"history": {"count": 1}}))
        .send()
        .await
        .expect("an answer");
    assert_eq!(put.status(), StatusCode::OK);
    let lost = ask(&format!("?after={}", ids[0]), &tag).await;
    assert_eq!(lost.status(), StatusCode::OK);
    let lost: Value = lost.json().await.expect("JSON");
    assert_eq!(lost["gap"]["missed"], json!(1));
    assert_eq!(data(&lost), ["3"]);
}

#[tokio::test]
async fn a_wait_is_over_when_a_message_comes() {
    let server = serve().await;
    publish(&server, "news", "before").await;
    let waiting = tokio::spawn({
        let request = Client::new()
            .get(server.url("/api/topics/news/messages"))
            .header("prefer", "respond-async, wait=60");
        async move { request.send().await.expect("an answer") }
    });
    // Published over and over, because only the server knows when the wait has begun.
    while !waiting.is_finished() {
        publish(&server, "news", "after").await;
    }
    let response = waiting.await.expect("no panic");
    assert_eq!(response.headers()["preference-applied"], "wait=60");
    assert_eq!(response.headers().get("etag"), None);
    let page: Value = response.json().await.expect("JSON");
    assert!(data(&page).iter().all(|data| *data == "after"));
    assert!(!data(&page).is_empty());
}

#[tokio::test]
async fn the_query_wins_over_prefer_and_a_wait_that_ends_is_an_empty_page() {
    let server = serve().await;
    let id = publish(&server, "news", "1").await;
    let response = Client::new()
        .get(server.url(&format!("/api/topics/news/messages?after={id}&wait=1")))
        .header("prefer", "wait=60")
        .send()
        .await
        .expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers().get("preference-applied"), None);
    let page: Value = response.json().await.expect("JSON");
    assert_eq!(page, json!({"messages": [], "next": id}));
}

#[tokio::test]
async fn limits_hold_at_their_value_and_one_past_it() {
    let server = serve_with(|config| {
        config.topics.topics = 3;
        config.topics.subscribers = 1;
    })
    .await;
    let largest = vec![b'x'; 64 * 1024];
    let sent = send(&server, "news", "text/plain", largest.clone()).await;
    assert_eq!(sent.status(), StatusCode::CREATED);
    let mut larger = largest;
    larger.push(b'x');
    let refused = send(&server, "news", "text/plain", larger.clone()).await;
    assert_eq!(
        Problem::of(refused).await,
        Problem::new(413, "too-large", Some(65_536))
    );

    // The same without a Content-Length: the bytes are counted as they come.
    let chunks = larger
        .chunks(1_000)
        .map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()));
    let refused = Client::new()
        .post(server.url("/api/topics/news/messages"))
        .body(reqwest::Body::wrap_stream(futures_util::stream::iter(
            chunks.collect::<Vec<_>>(),
        )))
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        Problem::of(refused).await,
        Problem::new(413, "too-large", Some(65_536))
    );

    let mut stream = RawStream::get(server.addr, "/api/topics/news/events", &[]).await;
    assert!(stream.head().await.starts_with("http/1.1 200"));
    let refused = get(&server, "/api/topics/news/events").await;
    assert_eq!(
        Problem::of(refused).await,
        Problem::new(429, "too-many", Some(1))
    );

    publish(&server, &"t".repeat(128), "x").await;
    publish(&server, "third", "x").await;
    let refused = send(&server, "fourth", "text/plain", b"x".to_vec()).await;
    assert_eq!(
        Problem::of(refused).await,
        Problem::new(429, "too-many", Some(3))
    );
}

#[tokio::test]
async fn other_sites_pages_change_nothing() {
    let server = serve().await;
    publish(&server, "news", "kept").await;
    let topic = server.url("/api/topics/news");
    for (method, url) in [
        (Method::POST, format!("{topic}/messages")),
        (Method::PUT, topic.clone()),
        (Method::DELETE, topic.clone()),
        (Method::POST, format!("{topic}/restart")),
    ] {
        for (field, value) in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
        ] {
            let request = Client::new().request(method.clone(), &url);
            let request = request.header(field, value).body("{}");
            let refused = request.send().await.expect("an answer");
            assert_eq!(
                Problem::of(refused).await,
                Problem::new(403, "forbidden", None),
                "{method} {url} {field}: {value}"
            );
        }
    }
    let page = page(&server, "/api/topics/news/messages").await;
    assert_eq!(data(&page), ["kept"]);
}

#[tokio::test]
async fn names_are_looked_at_once_they_are_decoded() {
    let server = serve().await;
    for name in [
        "%0A",
        "a%0Db",
        "a%00",
        ".hidden",
        "a%2Fb",
        "%E2%80%A8",
        "a%20b",
    ] {
        for path in ["messages", "events", "stream", "socket"] {
            let refused = get(&server, &format!("/api/topics/{name}/{path}")).await;
            assert_eq!(
                Problem::of(refused).await,
                Problem::new(400, "bad-request", None),
                "{name} {path}"
            );
        }
    }
}

#[tokio::test]
async fn parameters_hold_at_their_bounds_and_one_past_them() {
    let server = serve().await;
    for (path, status) in [
        ("/api/topics/news/messages?limit=1000", 200),
        ("/api/topics/news/messages?limit=1001", 400),
        ("/api/topics/news/messages?limit=0", 400),
        ("/api/topics/news/messages?wait=61", 400),
        ("/api/topics/news/messages?after=x", 400),
        ("/api/topics/news/events?after=0000000a-01", 400),
        ("/api/topics/.news/events", 400),
        ("/api/topics/a%0Db/messages", 400),
        ("/api/topics/a%00b", 400),
        ("/api/topics/a%2Fb", 400),
        ("/api/topics/nobody", 404),
    ] {
        let response = get(&server, path).await;
        assert_eq!(response.status().as_u16(), status, "{path}");
    }
    let long = format!("/api/topics/{}", "t".repeat(129));
    assert_eq!(get(&server, &long).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_bad_last_event_id_is_a_problem() {
    let server = serve().await;
    let response = Client::new()
        .get(server.url("/api/topics/news/events"))
        .header("last-event-id", "yesterday")
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        Problem::of(response).await,
        Problem::new(400, "bad-request", None)
    );
}

#[tokio::test]
async fn an_idempotency_key_publishes_once() {
    let server = serve().await;
    let send = |key: &'static str, payload: &'static str| {
        Client::new()
            .post(server.url("/api/topics/news/messages"))
            .header("idempotency-key", key)
            .body(payload)
            .send()
    };
    let first = send("\"k-1\"", "x").await.expect("an answer");
    assert_eq!(first.status(), StatusCode::CREATED);
    assert_eq!(first.headers().get("idempotency-replayed"), None);
    let first: Value = first.json().await.expect("JSON");
    let again = send("k-1", "x").await.expect("an answer");
    assert_eq!(again.status(), StatusCode::CREATED);
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!(again.json::<Value>().await.expect("JSON"), first);
    let other = send("k-1", "y").await.expect("an answer");
    assert_eq!(
        Problem::of(other).await,
        Problem::new(422, "unprocessable", None)
    );
    let empty = send("\"\"", "y").await.expect("an answer");
    assert_eq!(
        Problem::of(empty).await,
        Problem::new(400, "bad-request", None)
    );
    let state = page(&server, "/api/topics/news").await;
    assert_eq!(state["messages"], json!(1));
}

#[tokio::test]
async fn a_number_without_a_fraction_is_an_integer() {
    let server = serve().await;
    let changed = Client::new()
        .put(server.url("/api/topics/news"))
        .header("content-type", "application/json")
        .body(r#"{"history":{"count":4.0,"bytes":1e5}}"#)
        .send()
        .await
        .expect("an answer");
    assert_eq!(changed.status(), StatusCode::OK);
    let state: Value = changed.json().await.expect("JSON");
    assert_eq!(state["history"]["count"], json!(4));
    assert_eq!(state["history"]["bytes"], json!(100_000));
}

#[tokio::test]
async fn the_history_is_set_within_bounds() {
    let server = serve().await;
    let put = |settings: Value| {
        Client::new()
            .put(server.url("/api/topics/news"))
            .json(&settings)
            .send()
    };
    let changed =
        put(json!({"history": {"count": 1_000_000, "bytes": 268_435_456u64, "age_s": 604_800}}))
            .await
            .expect("an answer");
    assert_eq!(changed.status(), StatusCode::OK);
    let state: Value = changed.json().await.expect("JSON");
    assert_eq!(
        state["history"],
        json!({"count": 1_000_000, "bytes": 268_435_456u64, "age_s": 604_800})
    );
    let changed = put(json!({"ack": "memory", "history": {"count": 1}}))
        .await
        .expect("an answer");
    assert_eq!(changed.status(), StatusCode::OK);
    publish(&server, "news", "1").await;
    publish(&server, "news", "2").await;
    let state = page(&server, "/api/topics/news").await;
    assert_eq!(state["messages"], json!(1));
    assert_eq!(state["history"]["bytes"], json!(268_435_456u64));

    for wrong in [
        json!({"history": {"count": 0}}),
        json!({"history": {"count": 1_000_001}}),
        json!({"history": {"bytes": 65_535}}),
        json!({"history": {"bytes": 268_435_457u64}}),
        json!({"history": {"age_s": 604_801}}),
        json!({"history": {"age_s": -1}}),
        json!({"history": {"age_s": -1.0}}),
        json!({"history": {"count": 4.5}}),
        json!({"history": {"count": 1e300}}),
        json!({"ack": "never"}),
        json!([]),
        json!({"history": [1, null]}),
    ] {
        let refused = put(wrong.clone()).await.expect("an answer");
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{wrong}");
        assert_eq!(
            Problem::of(refused).await,
            Problem::new(400, "bad-request", None)
        );
    }
}

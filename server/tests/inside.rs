//! A look into a topic, over real sockets: where its subscribers stand, who has left, once and all the time.

#[path = "support/problem.rs"]
mod problem;
#[path = "support/stream.rs"]
mod stream;

use std::time::Duration;

use futures_util::StreamExt;
use problem::Problem;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use server::testing::{TestServer, serve, serve_with};
use stream::RawStream;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error::Http, Message},
};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn ask(server: &TestServer, method: Method, path: &str, body: String) -> Response {
    let request = Client::new().request(method, server.url(path));
    let request = request
        .header("content-type", "application/json")
        .body(body);
    request.send().await.expect("an answer")
}

async fn publish(server: &TestServer, text: String) {
    let answer = ask(server, Method::POST, "/api/topics/t/messages", text).await;
    assert_eq!(answer.status(), 201);
}

/// Looks until what is inside is as expected.
async fn look(server: &TestServer, query: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    loop {
        let answer = reqwest::get(server.url(&format!("/api/topics/t/inside{query}"))).await;
        let inside: Value = answer.expect("an answer").json().await.expect("JSON");
        if is_so(&inside) {
            return inside;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_slow_line_lags_until_what_it_wants_is_evicted() {
    let server = serve().await;
    let history = json!({"history": {"count": 4}}).to_string();
    ask(&server, Method::PUT, "/api/topics/t", history).await;
    let slow = "00-0000000000000000000000000000fa17-00000000000000aa-01";
    let path = "/api/topics/t/events?faults=rate=1kbit";
    let mut slow = RawStream::get(server.addr, path, &[("traceparent", slow)]).await;
    slow.head().await;
    let (mut quick, _) = connect_async(server.ws_url("/api/topics/t/socket"))
        .await
        .expect("opens");
    for _ in 0..20 {
        publish(&server, "x".repeat(60_000)).await;
    }
    // A line holds so much, and a connection so much before it: the rest stays in the log, as long as that keeps it.
    let inside = look(&server, "?mine=00000000000000aa", |inside| {
        inside["places"]
            .as_array()
            .is_some_and(|places| places.last() == Some(&json!([20, 1])))
    })
    .await;
    assert_eq!(inside["first"], 17);
    assert_eq!(
        (&inside["messages"], &inside["bytes"]),
        (&json!(4), &json!(240_000))
    );
    assert_eq!(
        (&inside["subscribers"], &inside["more"]),
        (&json!(2), &json!(0))
    );
    let behind = &inside["cursors"][0];
    assert_eq!(behind["exchange"], "00000000000000aa");
    assert_eq!(behind["transport"], "sse");
    let after = behind["after"].as_u64().expect("an offset");
    assert!((1..16).contains(&after), "{behind}");
    assert_eq!(behind["lag"], 20 - after);
    let other = &inside["cursors"][1];
    assert_eq!(
        (&other["transport"], &other["lag"]),
        (&json!("websocket"), &json!(0))
    );
    assert_eq!(other.get("exchange"), None);

    // Who is gone is no subscriber any more.
    let Some(Ok(_)) = quick.next().await else {
        panic!("it was connected");
    };
    drop((slow, quick));
    let inside = look(&server, "", |inside| inside["subscribers"] == 0).await;
    let gone: Vec<&Value> = inside["gone"].as_array().expect("a list").iter().collect();
    assert_eq!(gone.len(), 2);
    assert!(
        gone.iter().any(|gone| gone["cursor"]["lag"] == 20 - after),
        "{gone:?}"
    );
}

#[tokio::test]
async fn what_cannot_be_looked_into_is_said() {
    let server = serve().await;
    let problem =
        async |path: &str| Problem::of(ask(&server, Method::GET, path, String::new()).await).await;
    let missing = Problem::new(404, "not-found", None);
    assert_eq!(problem("/api/topics/t/inside").await, missing);
    let bad = Problem::new(400, "bad-request", None);
    assert_eq!(problem("/api/topics/.t/inside").await, bad);
    assert_eq!(problem("/api/topics/t/inside?mine=7").await, bad);
    let mine = |count| ["00000000000000aa"].repeat(count).join(",");
    let path = |count| format!("/api/topics/t/inside?mine={}", mine(count));
    assert_eq!(problem(&path(16)).await, missing);
    assert_eq!(problem(&path(17)).await, bad);
    let upgrade = Problem::new(426, "upgrade-required", None);
    assert_eq!(problem("/api/topics/t/inside/live").await, upgrade);
}

async fn watch(server: &TestServer) -> Result<Socket, Value> {
    match connect_async(server.ws_url("/api/topics/t/inside/live")).await {
        Ok((socket, _)) => Ok(socket),
        Err(Http(refusal)) => {
            let body = refusal.into_body().expect("a body");
            Err(serde_json::from_slice(&body).expect("a problem"))
        }
        Err(other) => panic!("neither opened nor refused: {other}"),
    }
}

async fn told(socket: &mut Socket, is_so: impl Fn(&Value) -> bool) -> Value {
    loop {
        let frame = socket
            .next()
            .await
            .expect("a frame")
            .expect("a whole frame");
        let Message::Text(text) = frame else {
            panic!("{frame:?}");
        };
        let inside = serde_json::from_str(&text).expect("JSON");
        if is_so(&inside) {
            return inside;
        }
    }
}

#[tokio::test]
async fn whoever_watches_is_told_of_each_change() {
    let mut server = serve().await;
    let mut socket = watch(&server).await.expect("opens");
    assert_eq!(told(&mut socket, |_| true).await, Value::Null);
    publish(&server, "one".into()).await;
    let inside = told(&mut socket, |inside| inside["messages"] == 1).await;
    assert_eq!(
        (&inside["topic"], &inside["first"]),
        (&json!("t"), &json!(1))
    );
    let mut stream = RawStream::get(server.addr, "/api/topics/t/stream", &[]).await;
    stream.head().await;
    let inside = told(&mut socket, |inside| inside["subscribers"] == 1).await;
    assert_eq!(inside["places"], json!([[1, 1]]));
    publish(&server, "two".into()).await;
    assert!(stream.chunk().await.contains("two"));
    let inside = told(&mut socket, |inside| inside["places"] == json!([[2, 1]])).await;
    assert_eq!(inside["cursors"][0]["lag"], 0);
    drop(stream);
    let inside = told(&mut socket, |inside| inside["subscribers"] == 0).await;
    assert_eq!(inside["gone"][0]["cursor"]["transport"], "stream");
    // A look is no subscriber.
    assert_eq!(inside["cursors"], json!([]));

    server.stop();
    let goodbye = loop {
        match socket
            .next()
            .await
            .expect("a frame")
            .expect("a whole frame")
        {
            Message::Close(frame) => break frame.expect("a reason"),
            _ => continue,
        }
    };
    assert_eq!(u16::from(goodbye.code), 1001);
}

#[tokio::test]
async fn one_address_may_have_so_many_looks() {
    let server = serve_with(|config| {
        config.limits.limit_loopback = true;
        config.limits.feeds_per_address = 1;
    })
    .await;
    let first = watch(&server).await.expect("at the limit");
    let problem = watch(&server).await.expect_err("one past it");
    assert_eq!(
        (&problem["status"], &problem["limit"]),
        (&json!(429), &json!(1))
    );
    drop(first);
    while watch(&server).await.is_err() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_takes_nothing_is_gone_and_the_reason_is_told() {
    let server = serve_with(|config| {
        config.limits.write_stall = Duration::from_secs(3);
    })
    .await;
    let mut events = RawStream::get(server.addr, "/api/topics/t/events", &[]).await;
    events.head().await;
    let mut lines = RawStream::get(server.addr, "/api/topics/t/stream", &[]).await;
    lines.head().await;
    let (_socket, _) = connect_async(server.ws_url("/api/topics/t/socket"))
        .await
        .expect("opens");
    look(&server, "", |inside| inside["subscribers"] == 3).await;
    // More than the kernel takes for a peer that does not read.
    for _ in 0..300 {
        publish(&server, "x".repeat(64_000)).await;
    }
    let inside = look(&server, "", |inside| inside["subscribers"] == 0).await;
    let mut gone: Vec<(&str, &str)> = inside["gone"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|gone| {
            let transport = gone["cursor"]["transport"].as_str().expect("text");
            (transport, gone["why"].as_str().unwrap_or("no reason"))
        })
        .collect();
    gone.sort_unstable();
    let nothing = "the peer took nothing for 3s";
    let slow = "slow: nothing of a write was taken within 1000 ms";
    assert_eq!(
        gone,
        [("sse", nothing), ("stream", nothing), ("websocket", slow)]
    );
}

//! WebSockets on the wire: a topic's socket and the echo, their frames, close codes and limits.

#[path = "support/run.rs"]
mod run;

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, StatusCode};
use run::{events, find, has, joining};
use serde_json::{Value, json};
use server::testing::{TestServer, serve, serve_with};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async, connect_async,
    tungstenite::{self, Bytes, Message, client::IntoClientRequest, protocol::Role},
};
use wire::{
    limits::{SOCKET_ECHO_BYTES_MAX, SOCKET_ECHO_MEMORY_PER_ADDRESS_MAX},
    trace::{Kind, Lane},
};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(server: &TestServer, path: &str) -> Socket {
    let (socket, response) = connect_async(server.ws_url(path)).await.expect("it opens");
    assert_eq!(response.status().as_u16(), 101);
    socket
}

/// A path whose socket joins the run of this number as the exchange of that one.
fn recorded(path: &str, run: u128, exchange: u64) -> String {
    let request = joining(Client::new().get("http://localhost"), run, exchange);
    let request = request.build().expect("a request");
    let traceparent = request.headers()["traceparent"].to_str().expect("text");
    format!("{path}?traceparent={traceparent}")
}

async fn send(socket: &mut Socket, value: Value) {
    let text = Message::text(value.to_string());
    socket.send(text).await.expect("sent");
}

/// The next frame that does not only say who is there.
async fn down(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await.expect("goes on").expect("a frame") {
            Message::Text(text) => {
                let value: Value = serde_json::from_str(&text).expect("JSON");
                if value.get("presence").is_none() {
                    return value;
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

/// The close code and reason that follow, whatever else comes before.
async fn closed(socket: &mut Socket) -> (u16, String) {
    loop {
        match socket.next().await.expect("it says goodbye") {
            Ok(Message::Close(Some(frame))) => {
                return (frame.code.into(), frame.reason.to_string());
            }
            Ok(_) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn publish(server: &TestServer, payload: String) -> String {
    let answer = Client::new()
        .post(server.url("/api/topics/news/messages"))
        .header("content-type", "text/plain")
        .body(payload)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), StatusCode::CREATED);
    let answer: Value = answer.json().await.expect("JSON");
    answer["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn who_is_there_comes_first_then_envelopes_and_answers() {
    let server = serve().await;
    let before = publish(&server, "before".into()).await;
    let id = publish(&server, "seen".into()).await;
    let mut socket = open(&server, &format!("/api/topics/news/socket?after={before}")).await;
    let first = socket.next().await.expect("goes on").expect("a frame");
    assert_eq!(
        first.to_text().expect("text"),
        r#"{"presence":{"long_polling":0,"sse":0,"stream":0,"websocket":1}}"#
    );
    let envelope = down(&mut socket).await;
    assert_eq!(envelope["id"], json!(id));
    assert_eq!(envelope["data"], "seen");
    assert_eq!(envelope["content_type"], "text/plain");
    assert!(
        envelope["time"]
            .as_str()
            .is_some_and(|time| time.ends_with('Z'))
    );

    send(&mut socket, json!({"publish": {"data": "up"}, "ref": "r1"})).await;
    let (mut published, mut delivered) = (Value::Null, Value::Null);
    for _ in 0..2 {
        let frame = down(&mut socket).await;
        if frame.get("published").is_some() {
            published = frame;
        } else {
            delivered = frame;
        }
    }
    assert_eq!(published["published"]["ref"], "r1");
    assert_eq!(published["published"]["id"], delivered["id"]);
    assert_eq!(delivered["data"], "up");
    assert_eq!(delivered["content_type"], "text/plain; charset=utf-8");
}

#[tokio::test]
async fn a_second_subscriber_is_told_to_the_first() {
    let server = serve().await;
    let mut socket = open(&server, "/api/topics/news/socket").await;
    socket.next().await;
    let events = reqwest::get(server.url("/api/topics/news/events")).await;
    let frame = socket.next().await.expect("goes on").expect("a frame");
    let frame: Value = serde_json::from_str(frame.to_text().expect("text")).expect("JSON");
    assert_eq!(frame["presence"]["sse"], 1);
    drop(events);
    let frame = socket.next().await.expect("goes on").expect("a frame");
    let frame: Value = serde_json::from_str(frame.to_text().expect("text")).expect("JSON");
    assert_eq!(frame["presence"]["sse"], 0);
}

#[tokio::test]
async fn what_cannot_be_published_is_a_problem_with_its_ref_and_the_socket_goes_on() {
    let server = serve().await;
    let mut socket = open(&server, "/api/topics/news/socket").await;
    let large = "x".repeat(64 * 1024 + 1);
    for (up, status, reference) in [
        (json!({"publish": {"data": large}, "ref": 1}), 413, json!(1)),
        (json!({"publish": {}, "ref": 2}), 400, json!(2)),
        (
            json!({"publish": {"data": "x", "data_base64": "eA=="}, "ref": 3}),
            400,
            json!(3),
        ),
        (
            json!({"publish": {"data_base64": "?"}, "ref": "4"}),
            400,
            json!("4"),
        ),
        (
            json!({"publish": {"data": "x", "content_type": "a\nb"}, "ref": 5}),
            400,
            json!(5),
        ),
        (
            json!({"publish": {"data": "x", "content_type": "a\u{0}b"}, "ref": 8}),
            400,
            json!(8),
        ),
        (
            json!({"publish": {"data": "x", "idempotency_key": ""}, "ref": 6}),
            400,
            json!(6),
        ),
        (json!({"subscribe": {}, "ref": 7}), 400, json!(7)),
        (
            json!({"publish": {"data": "x"}, "ref": "r".repeat(129)}),
            400,
            Value::Null,
        ),
        (json!([]), 400, Value::Null),
    ] {
        send(&mut socket, up.clone()).await;
        let answer = down(&mut socket).await;
        assert_eq!(answer["error"]["status"], status, "{answer}");
        assert_eq!(answer.get("ref").cloned().unwrap_or_default(), reference);
    }
    socket.send(Message::binary("{}")).await.expect("sent");
    assert_eq!(down(&mut socket).await["error"]["status"], 400);

    // The largest message, at its worst as JSON, and bytes.
    let worst = "\u{1}".repeat(64 * 1024);
    send(
        &mut socket,
        json!({"publish": {"data": worst, "idempotency_key": "k"}}),
    )
    .await;
    let frames = [down(&mut socket).await, down(&mut socket).await];
    let published = frames.iter().find(|frame| frame.get("published").is_some());
    let published = published.expect("it was published");
    assert_eq!(published["published"].get("ref"), None);
    send(
        &mut socket,
        json!({"publish": {"data": worst, "idempotency_key": "k"}}),
    )
    .await;
    assert_eq!(down(&mut socket).await, *published);
    send(&mut socket, json!({"publish": {"data_base64": "AP8="}})).await;
    let frames = [down(&mut socket).await, down(&mut socket).await];
    let envelope = frames.iter().find(|frame| frame.get("id").is_some());
    let envelope = envelope.expect("it was delivered");
    assert_eq!(envelope["data_base64"], "AP8=");
    assert_eq!(envelope["content_type"], "application/octet-stream");
}

#[tokio::test]
async fn publishes_of_one_socket_keep_their_order_and_so_do_the_answers() {
    let server = serve().await;
    for ack in ["memory", "disk"] {
        let settings = json!({"ack": ack});
        let put = Client::new()
            .put(server.url("/api/topics/news"))
            .json(&settings);
        assert!(put.send().await.expect("an answer").status().is_success());
        let mut socket = open(&server, "/api/topics/news/socket").await;
        for number in 0..200 {
            let up = json!({"publish": {"data": number.to_string()}, "ref": number});
            socket
                .feed(Message::text(up.to_string()))
                .await
                .expect("sent");
        }
        socket.flush().await.expect("sent");
        let (mut answered, mut delivered, mut last) = (0, 0, 0);
        while answered < 200 || delivered < 200 {
            let frame = down(&mut socket).await;
            if let Some(published) = frame.get("published") {
                assert_eq!(published["ref"], answered, "{ack}");
                let id = published["id"].as_str().expect("an id");
                let offset: u64 = id[9..].parse().expect("an offset");
                assert!(answered == 0 || offset == last + 1, "{ack}");
                (answered, last) = (answered + 1, offset);
            } else {
                assert_eq!(frame["data"], delivered.to_string(), "{ack}");
                delivered += 1;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publishes_of_one_socket_keep_their_order_over_a_restart_of_their_topic() {
    for ack in ["memory", "disk"] {
        let server = serve().await;
        let put = Client::new()
            .put(server.url("/api/topics/news"))
            .json(&json!({"ack": ack}));
        assert!(put.send().await.expect("an answer").status().is_success());
        let mut socket = open(&server, "/api/topics/news/socket").await;
        let mut restarting = None;
        let mut answers: Vec<(u64, String)> = Vec::new();
        let mut sent = 0;
        // As many as may be under way, and again as soon as they are answered.
        while let Some(Ok(frame)) = {
            while sent < answers.len() as u64 + 50 && sent < 500 {
                let up = json!({"publish": {"data": sent.to_string()}, "ref": sent});
                let _ = socket.send(Message::text(up.to_string())).await;
                sent += 1;
            }
            if answers.len() > 100 && restarting.is_none() {
                let restart = Client::new().post(server.url("/api/topics/news/restart"));
                restarting = Some(tokio::spawn(restart.send()));
            }
            socket.next().await
        } {
            let Message::Text(text) = frame else { continue };
            let frame: Value = serde_json::from_str(&text).expect("JSON");
            if let Some(published) = frame.get("published") {
                let id = published["id"].as_str().expect("an id").to_owned();
                answers.push((published["ref"].as_u64().expect("a number"), id));
            }
        }
        let restarted = restarting
            .expect("it was restarted")
            .await
            .expect("no panic");
        assert_eq!(restarted.expect("an answer").status(), StatusCode::OK);
        let refs: Vec<u64> = answers.iter().map(|(reference, _)| *reference).collect();
        assert!(refs.iter().copied().eq(0..refs.len() as u64), "{ack}");
        let place = |id: &str| {
            let (epoch, offset) = id.split_once('-').expect("two parts");
            (epoch.to_owned(), offset.parse::<u64>().expect("an offset"))
        };
        // Within a life by rising offsets; another life once at most.
        let places: Vec<_> = answers.iter().map(|(_, id)| place(id)).collect();
        let lives = places.chunk_by(|(one, _), (other, _)| one == other);
        assert!(lives.clone().count() <= if ack == "disk" { 1 } else { 2 });
        for life in lives {
            assert!(
                life.is_sorted_by(|(_, one), (_, other)| one < other),
                "{ack}"
            );
        }
    }
}

#[tokio::test]
async fn a_gap_closes_the_socket_of_who_asked_for_that() {
    let server = serve_with(|config| config.topics.history.count = 1).await;
    let first = publish(&server, "1".into()).await;
    publish(&server, "2".into()).await;
    let last = publish(&server, "3".into()).await;
    let path = format!("/api/topics/news/socket?after={first}&gaps=close");
    let mut socket = open(&server, &path).await;
    assert_eq!(
        down(&mut socket).await,
        json!({"gap": {"after": first, "next": last, "missed": 1, "reason": "evicted"}})
    );
    assert_eq!(closed(&mut socket).await.0, 3010);
    let wrong = "/api/topics/news/messages?after=x";
    let refused = reqwest::get(server.url(wrong)).await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
}

/// A socket that sends these bytes as they are.
async fn raw(server: &TestServer, path: &str, bytes: &[u8]) -> Socket {
    let mut stream = upgraded(server, path, b"").await;
    stream.write_all(bytes).await.expect("sent");
    WebSocketStream::from_raw_socket(MaybeTlsStream::Plain(stream), Role::Client, None).await
}

/// A connection that is a WebSocket by now; `behind` came with the request.
async fn upgraded(server: &TestServer, path: &str, behind: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.addr).await.expect("connects");
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.addr
    );
    let request = [head.as_bytes(), behind].concat();
    stream.write_all(&request).await.expect("sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.expect("an answer"));
    }
    let answer = String::from_utf8(answer).expect("text").to_lowercase();
    assert!(answer.starts_with("http/1.1 101"), "{answer}");
    // The example of RFC 6455 §1.3.
    assert!(answer.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"));
    stream
}

#[tokio::test]
async fn who_says_nothing_is_pinged_and_in_the_end_given_up() {
    let server = serve().await;
    for path in ["/api/topics/news/socket", "/api/socket/echo"] {
        let mut stream = upgraded(&server, path, b"").await;
        // Time passes as soon as nobody has anything to do.
        tokio::time::pause();
        let mut frames = Vec::new();
        loop {
            let opcode = stream.read_u8().await.expect("a frame");
            let length = stream.read_u8().await.expect("its length");
            let mut payload = vec![0; length.into()];
            stream.read_exact(&mut payload).await.expect("all of it");
            if opcode != 0x81 {
                frames.push((opcode, payload));
            }
            if opcode == 0x88 {
                break;
            }
        }
        tokio::time::resume();
        let [(0x89, first), (0x89, second), (0x88, goodbye)] = frames.as_slice() else {
            panic!("{frames:?}");
        };
        assert!(first.is_empty() && second.is_empty());
        assert_eq!(goodbye[..2], 3008_u16.to_be_bytes());
        assert!(goodbye[2..].starts_with(b"silent: "), "{goodbye:?}");
    }
}

#[tokio::test]
async fn who_breaks_the_protocol_is_told_by_the_close_code() {
    let server = serve().await;
    let masked = |opcode: u8, payload: &[u8]| {
        let mut frame = vec![0x80 | opcode, 0x80 | payload.len() as u8, 0, 0, 0, 0];
        frame.extend_from_slice(payload);
        frame
    };
    for path in ["/api/topics/news/socket", "/api/socket/echo"] {
        for (bytes, code) in [
            (masked(1, b"\xff"), 1007),
            (masked(3, b""), 1002),
            (vec![0x81, 1, b'x'], 1002),
            // A frame of 2^40 bytes.
            (vec![0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1009),
        ] {
            let mut socket = raw(&server, path, &bytes).await;
            assert_eq!(closed(&mut socket).await.0, code, "{path} {bytes:?}");
        }
    }
}

#[tokio::test]
async fn frames_hold_at_their_bound_and_one_past_it() {
    let server = serve().await;
    let mut socket = open(&server, "/api/topics/news/socket").await;
    let largest = wire::limits::SOCKET_FRAME_BYTES_MAX;
    socket
        .send(Message::text(" ".repeat(largest)))
        .await
        .expect("sent");
    assert_eq!(down(&mut socket).await["error"]["status"], 400);
    socket
        .send(Message::text(" ".repeat(largest + 1)))
        .await
        .expect("sent");
    assert_eq!(closed(&mut socket).await.0, 1009);

    let mut echo = open(&server, "/api/socket/echo").await;
    let largest = Bytes::from(vec![7; 16 * 1024 * 1024]);
    echo.send(Message::Binary(largest.clone()))
        .await
        .expect("sent");
    let back = echo.next().await.expect("goes on").expect("a frame");
    assert_eq!(back.into_data(), largest);
    let mut larger = largest.to_vec();
    larger.push(7);
    let _ = echo.send(Message::binary(larger)).await;
    assert_eq!(closed(&mut echo).await.0, 1009);
}

#[tokio::test]
async fn the_echo_gives_back_text_bytes_and_pings() {
    let mut server = serve().await;
    let mut socket = open(&server, "/api/socket/echo").await;
    for message in [
        Message::text("päng"),
        Message::binary(vec![0, 255]),
        Message::text(""),
        Message::binary(vec![1; 70_000]),
    ] {
        socket.send(message.clone()).await.expect("sent");
        assert_eq!(
            socket.next().await.expect("goes on").expect("a frame"),
            message
        );
    }
    socket.send(Message::Ping("p".into())).await.expect("sent");
    let pong = socket.next().await.expect("goes on").expect("a frame");
    assert_eq!(pong, Message::Pong("p".into()));
    server.stop();
    assert_eq!(closed(&mut socket).await, (1001, "the server stops".into()));
}

#[tokio::test]
async fn a_server_that_stops_ends_its_frame_before_it_says_goodbye() {
    let mut server = serve().await;
    let mut socket = open(&server, "/api/socket/echo").await;
    // More than the kernel takes for a peer that does not read.
    let largest = Bytes::from(vec![7; SOCKET_ECHO_BYTES_MAX]);
    socket
        .send(Message::Binary(largest.clone()))
        .await
        .expect("sent");
    let MaybeTlsStream::Plain(stream) = socket.get_ref() else {
        panic!("there is no TLS");
    };
    stream.readable().await.expect("the echo has begun");
    server.stop();
    let back = socket.next().await.expect("goes on").expect("a frame");
    assert_eq!(back.into_data(), largest);
    assert_eq!(closed(&mut socket).await, (1001, "the server stops".into()));
}

#[tokio::test]
async fn an_echo_that_is_back_holds_nothing_any_more() {
    let server = serve_with(|config| config.limits.limit_loopback = true).await;
    let largest = Bytes::from(vec![7; SOCKET_ECHO_BYTES_MAX]);
    let mut silent = Vec::new();
    // One more than those from one address may hold at once.
    for _ in 0..=SOCKET_ECHO_MEMORY_PER_ADDRESS_MAX / SOCKET_ECHO_BYTES_MAX {
        let mut socket = open(&server, "/api/socket/echo").await;
        socket
            .send(Message::Binary(largest.clone()))
            .await
            .expect("sent");
        let back = socket.next().await.expect("goes on").expect("a frame");
        assert_eq!(back.into_data(), largest);
        silent.push(socket);
    }
}

#[tokio::test]
async fn other_sites_pages_and_other_protocols_do_not_get_in() {
    let server = serve().await;
    for path in ["/api/topics/news/socket", "/api/socket/echo"] {
        let mut request = server
            .ws_url(path)
            .into_client_request()
            .expect("a request");
        let evil = "http://evil.example".parse().expect("a value");
        request.headers_mut().insert("origin", evil);
        let stream = TcpStream::connect(server.addr).await.expect("connects");
        match client_async(request, stream).await {
            Err(tungstenite::Error::Http(refused)) => assert_eq!(refused.status().as_u16(), 403),
            other => panic!("{:?}", other.map(|(_, response)| response)),
        }
        let plain = reqwest::get(server.url(path)).await.expect("an answer");
        assert_eq!(plain.status(), StatusCode::UPGRADE_REQUIRED);
        assert_eq!(plain.headers()["upgrade"], "websocket");
        let problem: Value = plain.json().await.expect("a problem");
        assert_eq!(problem["type"], "/problems/upgrade-required");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_cut_off_with_3008_and_the_run_says_why() {
    let server = serve_with(|config| config.limits.write_stall = Duration::from_secs(3)).await;
    let mut socket = open(&server, &recorded("/api/topics/news/socket", 0x51, 1)).await;
    // More than the kernel takes for a peer that does not read.
    for _ in 0..400 {
        publish(&server, "x".repeat(64 * 1024)).await;
    }
    let all = events(&server, 0x51, |events| {
        has(events, Lane::TOPIC, Kind::Unsubscribed)
    })
    .await;
    let left = find(&all, Lane::TOPIC, Kind::Unsubscribed).next();
    let left = left.expect("it is there");
    assert!(
        left.detail
            .why
            .as_deref()
            .is_some_and(|why| why.starts_with("slow"))
    );
    assert_eq!(left.detail.more["transport"], "websocket");
    // It reads in time to be told.
    let (code, why) = closed(&mut socket).await;
    assert_eq!(code, 3008, "{why}");
}

#[tokio::test]
async fn a_sockets_run_has_what_came_down_and_what_went_up() {
    let server = serve().await;
    let settings = json!({"ack": "disk"});
    let put = Client::new()
        .put(server.url("/api/topics/news"))
        .json(&settings);
    assert!(put.send().await.expect("an answer").status().is_success());
    let mut socket = open(&server, &recorded("/api/topics/news/socket", 0x52, 9)).await;
    send(&mut socket, json!({"publish": {"data": "up"}})).await;
    down(&mut socket).await;
    down(&mut socket).await;
    socket.close(None).await.expect("closed");
    let all = events(&server, 0x52, |events| {
        has(events, Lane::TOPIC, Kind::Unsubscribed)
    })
    .await;
    let mut kinds: Vec<Kind> = all
        .iter()
        .filter(|event| event.lane == Lane::TOPIC)
        .map(|event| event.kind)
        .collect();
    kinds.sort_by_key(|kind| *kind as u8);
    let mut expected = [
        Kind::Subscribed,
        Kind::Published,
        Kind::Delivered,
        Kind::Unsubscribed,
    ];
    expected.sort_by_key(|kind| *kind as u8);
    assert_eq!(kinds, expected);
    let synced = find(&all, Lane::STORAGE, Kind::Synced)
        .next()
        .expect("there");
    assert!(synced.duration_ns.is_some());
    assert_eq!(synced.detail.more["messages"].as_u64(), Some(1));
    let delivered = find(&all, Lane::TOPIC, Kind::Delivered)
        .next()
        .expect("there");
    assert!(
        delivered.at_ns >= synced.end_ns(),
        "not before the disk has it"
    );
    assert_eq!(delivered.detail.exchange.map(|id| id.get()), Some(9));
}

/// A masked frame (the mask is all zeros) with a short payload.
fn masked(first: u8, payload: &str) -> Vec<u8> {
    let mut frame = vec![first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(payload.as_bytes());
    frame
}

#[tokio::test]
async fn what_comes_in_pieces_between_messages_is_understood() {
    const TEXT: u8 = 0x81;
    let publish_up = |data: &str| format!(r#"{{"publish":{{"data":"{data}"}}}}"#);
    let server = serve().await;
    // Its first frame comes with the request, the first half of the next one, too.
    let (first, second) = (
        masked(TEXT, &publish_up("1")),
        masked(TEXT, &publish_up("2")),
    );
    let (begin, end) = second.split_at(9);
    let behind = [&first, begin].concat();
    let mut stream = upgraded(&server, "/api/topics/news/socket", &behind).await;
    stream.write_all(end).await.expect("sends");
    let mut socket =
        WebSocketStream::from_raw_socket(MaybeTlsStream::Plain(stream), Role::Client, None).await;
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let value = down(&mut socket).await;
        seen.push(value.get("data").cloned().unwrap_or(json!("answer")));
    }
    assert_eq!(seen.iter().filter(|seen| **seen == "answer").count(), 2);
    seen.retain(|seen| seen != "answer");
    assert_eq!(seen, ["1", "2"]);

    // A message in two frames, a message of the topic in between.
    let whole = publish_up("3");
    let (begin, end) = whole.split_at(5);
    let MaybeTlsStream::Plain(stream) = socket.get_mut() else {
        panic!("it is plain");
    };
    stream.write_all(&masked(0x01, begin)).await.expect("sends");
    publish(&server, "between".into()).await;
    assert_eq!(down(&mut socket).await["data"], "between");
    let MaybeTlsStream::Plain(stream) = socket.get_mut() else {
        panic!("it is plain");
    };
    stream.write_all(&masked(0x80, end)).await.expect("sends");
    let both = [down(&mut socket).await, down(&mut socket).await];
    assert!(both.iter().any(|value| value["data"] == "3"), "{both:?}");
    // And it is heard of whatever comes then.
    publish(&server, "last".into()).await;
    assert_eq!(down(&mut socket).await["data"], "last");
}

#[tokio::test]
async fn one_that_only_listens_is_told_who_is_there_and_answers_pings() {
    let server = serve().await;
    let mut quiet = open(&server, "/api/topics/news/socket").await;
    publish(&server, "1".into()).await;
    assert_eq!(down(&mut quiet).await["data"], "1");
    let other = open(&server, "/api/topics/news/socket").await;
    let presence = quiet.next().await.expect("goes on").expect("a frame");
    assert!(
        presence
            .to_text()
            .expect("text")
            .contains(r#""websocket":2"#)
    );
    drop(other);
    let presence = quiet.next().await.expect("goes on").expect("a frame");
    assert!(
        presence
            .to_text()
            .expect("text")
            .contains(r#""websocket":1"#)
    );
    for _ in 0..2 {
        let ping = Message::Ping(Bytes::from_static(b"there?"));
        quiet.send(ping).await.expect("sent");
        let pong = quiet.next().await.expect("goes on").expect("a frame");
        assert_eq!(pong, Message::Pong(Bytes::from_static(b"there?")));
        publish(&server, "2".into()).await;
        assert_eq!(down(&mut quiet).await["data"], "2");
    }
    quiet.close(None).await.expect("closed");
    while quiet.next().await.is_some() {}
    loop {
        let state = server.state.topics().state("news").await;
        if state.is_some_and(|state| state.subscribers == 0) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

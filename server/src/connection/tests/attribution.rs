//! Which run gets which bytes.

use wire::{
    http1::Answers,
    trace::{Kind, LaneKind, Truth},
};

use super::*;

const RUN: u128 = 0xa1;
const OTHER: u128 = 0xb2;

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")
}

#[tokio::test]
async fn one_request_is_told_from_its_first_byte_to_its_last() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let request = get("/hello?a=b", &traceparent(RUN, 1));
    let reply = client.ask(&request).await;
    assert_eq!((reply.status, reply.text().as_str()), (200, "hello"));
    drop(client);

    let events = events(&server, RUN, has(Kind::Closed)).await;
    let length = request.len();
    let head = reply.head.len();
    assert_eq!(
        shown(&events),
        format!(
            "socket Accepted 1\n\
             terminal RequestSent 1 \"GET /hello\"\n\
             socket Read 1 0+{length} Head head {length} \"GET /hello\"\n\
             handler Parse 1\n\
             handler Respond 1 \"200 OK\"\n\
             socket Write 1 0+{} HeadAndBody head {head} \"200 OK\"\n\
             terminal ResponseEnd 1\n\
             socket Closed 1\n",
            head + 5
        )
    );
    assert_eq!(data(&events[2]), request);
    assert_eq!(data(&events[5]), format!("{}hello", reply.head));
    assert!(events.is_sorted_by_key(|event| event.at_ns) || events[0].at_ns <= events[2].at_ns);
    let derived: Vec<_> = events
        .iter()
        .filter(|event| event.truth == Truth::Derived)
        .map(|event| (event.lane.kind, event.detail.formula.as_deref()))
        .collect();
    assert_eq!(
        derived,
        [
            (LaneKind::Terminal, Some("first read − tcpi_rtt / 2")),
            (LaneKind::Terminal, Some("last write + tcpi_rtt / 2"))
        ]
    );
}

#[tokio::test]
async fn a_run_that_nobody_named_is_not_recorded() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let unsampled = format!("traceparent: 00-{RUN:032x}-0000000000000001-00\r\n");
    assert_eq!(
        client.ask(get("/recorded", &unsampled)).await.text(),
        "false"
    );
    assert_eq!(client.ask(get("/recorded", "")).await.text(), "false");
    assert_eq!(
        client
            .ask(get("/recorded", "traceparent: 00-no\r\n"))
            .await
            .text(),
        "false"
    );
    let reply = client.ask(get(&format!("/api/runs/{RUN:032x}"), "")).await;
    assert_eq!(reply.status, 404);
}

#[tokio::test]
async fn the_query_names_a_run_too() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let path = format!("/recorded?x=1&traceparent=00-{RUN:032x}-0000000000000007-01");
    assert_eq!(client.ask(get(&path, "")).await.text(), "true");
    let events = events(&server, RUN, has(Kind::Write)).await;
    assert!(
        events
            .iter()
            .all(|event| event.detail.exchange.is_some_and(|id| id.get() == 7))
    );
}

#[tokio::test]
async fn looking_at_a_run_is_not_part_of_it() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    client.ask(get("/hello", &traceparent(RUN, 1))).await;
    client
        .ask(get(&format!("/api/runs/{RUN:032x}"), &traceparent(RUN, 2)))
        .await;
    client.ask(get("/hello", &traceparent(RUN, 3))).await;
    let events = events(&server, RUN, |events| count(events, Kind::Write) == 2).await;
    assert!(!shown(&events).contains("Read 2"), "{}", shown(&events));
}

#[tokio::test]
async fn one_connection_serves_two_runs_and_requests_without_a_run() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    client.ask(get("/hello", "")).await;
    client.ask(get("/hello", &traceparent(RUN, 1))).await;
    client.ask(get("/bytes/3", "")).await;
    client.ask(get("/hello", &traceparent(OTHER, 2))).await;
    client.ask(get("/hello", &traceparent(RUN, 3))).await;

    let first = events(&server, RUN, |events| count(events, Kind::Write) == 2).await;
    let second = events(&server, OTHER, has(Kind::Write)).await;
    assert_eq!(count(&first, Kind::Read), 2);
    assert_eq!(count(&first, Kind::Accepted), 1);
    assert_eq!(count(&second, Kind::Read), 1);
    // The connection was there already, and the run that recorded it first tells when it came.
    assert_eq!(count(&second, Kind::Accepted), 0);
    let numbers: Vec<_> = first
        .iter()
        .chain(&second)
        .filter_map(|event| event.detail.more.get("request_number")?.as_u64())
        .collect();
    assert_eq!(numbers, [2, 5, 4]);
}

#[tokio::test]
async fn pipelined_requests_are_told_apart() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let post = format!(
        "POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n{}\r\nhello world",
        traceparent(RUN, 1)
    );
    let plain = get("/hello", "");
    let last = get("/hello", &traceparent(OTHER, 2));
    // All in one write, and so in one read; the last one's end comes by itself.
    let (most, end) = last.split_at(last.len() - 4);
    client.send(format!("{post}{plain}{most}")).await;
    assert_eq!(client.reply().await.text(), "11");
    assert_eq!(client.reply().await.text(), "hello");
    client.send(end).await;
    assert_eq!(client.reply().await.text(), "hello");
    drop(client);

    let first = events(&server, RUN, has(Kind::Write)).await;
    let second = events(&server, OTHER, has(Kind::Closed)).await;
    let read = |events: &[TraceEvent]| -> String {
        let reads = events.iter().filter(|event| event.kind == Kind::Read);
        reads.map(data).collect()
    };
    assert_eq!(read(&first), post);
    assert_eq!(read(&second), last);
    assert_eq!(count(&second, Kind::Read), 2);
    assert_eq!(count(&first, Kind::Write), 1);
    assert!(
        data(&second[second.len() - 3]).ends_with("hello"),
        "{}",
        shown(&second)
    );
}

#[tokio::test]
async fn chunks_are_body_and_the_message_ends_with_the_last() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let head = format!(
        "POST /length HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n{}\r\n",
        traceparent(RUN, 1)
    );
    let body = "5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nDigest: x\r\n\r\n";
    let next = get("/hello", &traceparent(OTHER, 2));
    client.send(&head).await;
    client.send(format!("{body}{next}")).await;
    assert_eq!(client.reply().await.text(), "11");
    assert_eq!(client.reply().await.text(), "hello");

    let first = events(&server, RUN, has(Kind::Write)).await;
    let reads: Vec<_> = first
        .iter()
        .filter(|event| event.kind == Kind::Read)
        .collect();
    assert_eq!(
        reads.iter().map(|event| data(event)).collect::<String>(),
        format!("{head}{body}")
    );
    let sum: u64 = reads.iter().filter_map(|event| event.bytes).sum();
    assert_eq!(sum as usize, head.len() + body.len());
    assert_eq!(reads[0].detail.head_bytes, Some(head.len() as u64));
    let second = events(&server, OTHER, has(Kind::Write)).await;
    assert_eq!(count(&second, Kind::Read), 1);
}

#[tokio::test]
async fn a_head_that_came_in_pieces_is_told_in_pieces() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let request = get("/hello", &traceparent(RUN, 1));
    for piece in request.as_bytes().chunks(20) {
        client.send(piece).await;
        server.settle().await;
    }
    assert_eq!(client.reply().await.status, 200);
    let events = events(&server, RUN, has(Kind::Write)).await;
    let reads: Vec<_> = events
        .iter()
        .filter(|event| event.kind == Kind::Read)
        .collect();
    let offsets: Vec<_> = reads
        .iter()
        .filter_map(|event| event.detail.offset)
        .collect();
    let twenties: Vec<_> = (0..request.len() as u64).step_by(20).collect();
    assert_eq!(offsets, twenties);
    let (last, before) = reads.split_last().expect("reads");
    assert_eq!(last.detail.head_bytes, Some(request.len() as u64));
    assert!(before.iter().all(|event| event.detail.head_bytes.is_none()));
}

#[tokio::test]
async fn secrets_are_recorded_by_name_and_length_only() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let secret =
        "Cookie: id=12345; b=hunter2\r\nAuthorization: Bearer tokentoken\r\nX-API-Key: hunter2\r\n";
    client
        .ask(get(
            "/set-cookie",
            &format!("{}{secret}", traceparent(RUN, 1)),
        ))
        .await;
    let events = events(&server, RUN, has(Kind::Write)).await;
    let all: String = events.iter().map(data).collect();
    for hidden in ["hunter2", "12345", "token", "Bearer"] {
        assert!(!all.contains(hidden), "{all}");
    }
    assert!(all.contains("Cookie: *******************\r\n"), "{all}");
    assert!(all.contains("set-cookie: *****\r\n"), "{all}");
    let whole = serde_json::to_string(&events).expect("serializes");
    assert!(!whole.contains("hunter2"));
}

#[tokio::test]
async fn an_answer_to_head_has_no_body() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let head = get("/hello", &traceparent(RUN, 1)).replace("GET", "HEAD");
    client.send(head).await;
    let reply = client.reply_to(Answers::Head).await;
    assert_eq!(
        (reply.status, reply.field("content-length")),
        (200, Some("5"))
    );
    client.ask(get("/hello", &traceparent(OTHER, 2))).await;
    let events = events(&server, OTHER, has(Kind::Write)).await;
    let write = events
        .iter()
        .find(|event| event.kind == Kind::Write)
        .expect("a write");
    assert!(data(write).starts_with("HTTP/1.1 200"), "{}", data(write));
}

#[tokio::test]
async fn continue_is_the_beginning_of_the_answer() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let fields = format!(
        "Expect: 100-continue\r\nContent-Length: 5\r\n{}",
        traceparent(RUN, 1)
    );
    client
        .send(get("/length", &fields).replace("GET", "POST"))
        .await;
    client.read_until("100 Continue\r\n\r\n").await;
    client.send("hello").await;
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.text().as_str()), (200, "5"));

    let events = events(&server, RUN, |events| count(events, Kind::Write) == 2).await;
    let writes: Vec<_> = events
        .iter()
        .filter(|event| event.kind == Kind::Write)
        .collect();
    assert_eq!(writes[0].detail.summary.as_deref(), Some("100 Continue"));
    assert_eq!(
        (writes[0].detail.offset, writes[0].detail.head_bytes),
        (Some(0), None)
    );
    assert_eq!(writes[1].detail.summary.as_deref(), Some("200 OK"));
    assert_eq!(writes[1].detail.offset, writes[0].bytes);
    assert_eq!(writes[1].detail.head_bytes, Some(reply.head.len() as u64));
}

#[tokio::test]
async fn a_malformed_request_is_shown_in_the_run_that_it_names() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let request = get("/hello", &format!("{}bad name: x\r\n", traceparent(RUN, 1)));
    client.send(&request).await;
    let reply = client.reply().await;
    assert_eq!(reply.status, 400);
    assert!(
        reply
            .problem()
            .detail
            .is_some_and(|why| why.contains("space before the colon"))
    );
    assert_eq!(client.rest().await, b"");
    drop(client);
    let events = events(&server, RUN, has(Kind::Closed)).await;
    assert_eq!(
        shown(&events)
            .lines()
            .map(|line| line.split(" 1").next().unwrap_or(line))
            .collect::<Vec<_>>(),
        [
            "socket Accepted",
            "terminal RequestSent",
            "socket Read",
            "socket Write",
            "terminal ResponseEnd",
            "socket Closed"
        ]
    );
    let closed = events.last().expect("events");
    assert_eq!(closed.detail.why.as_deref(), Some("malformed request"));
}

#[tokio::test]
async fn of_a_long_body_every_byte_is_counted_and_the_first_are_kept() {
    let server = serve(|_| {}).await;
    let mut client = Client::connect(&server).await;
    let reply = client
        .ask(get("/bytes/3000000", &traceparent(RUN, 1)))
        .await;
    assert_eq!(reply.body.len(), 3_000_000);
    let whole = (reply.head.len() + 3_000_000) as u64;
    let written = |events: &[TraceEvent]| -> u64 {
        let writes = events.iter().filter(|event| event.kind == Kind::Write);
        writes.filter_map(|event| event.bytes).sum()
    };
    let events = events(&server, RUN, |events| written(events) == whole).await;
    let mut end = 0;
    for write in events.iter().filter(|event| event.kind == Kind::Write) {
        assert_eq!(write.detail.offset, Some(end));
        let bytes = write.bytes.expect("bytes");
        end += bytes;
        let kept = data(write).len() as u64;
        assert_eq!(bytes - kept, write.detail.data_left_out.unwrap_or(0));
        assert!(kept <= wire::limits::EVENT_DATA_BYTES_MAX as u64);
    }
}

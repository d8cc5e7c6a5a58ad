//! `/api/echo` and what lies below it, over real sockets.

use server::testing::{TestServer, raw, serve};
use wire::{
    Problem,
    echo::{EchoBody, EchoReply, Framing, Work},
    limits::{ECHO_BODY_MAX, ECHO_BYTES_MAX, ECHO_CPU_MS_MAX},
};

/// A response as it came, cut at its empty line.
struct Response {
    head: String,
    body: Vec<u8>,
}

impl Response {
    fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (field, value) = line.split_once(": ")?;
            field.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    fn reply(&self) -> EchoReply {
        serde_json::from_slice(&self.body).expect("a mirror")
    }

    fn problem(&self) -> Problem {
        assert_eq!(
            self.field("content-type"),
            Some("application/problem+json"),
            "{}",
            self.head
        );
        serde_json::from_slice(&self.body).expect("a problem document")
    }
}

/// Sends these bytes and reads to the connection's end.
async fn send(server: &TestServer, request: impl AsRef<[u8]>) -> Response {
    let all = raw(server, request.as_ref()).await;
    let end = all
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a head");
    Response {
        head: String::from_utf8(all[..end + 2].to_vec()).expect("text"),
        body: all[end + 4..].to_vec(),
    }
}

fn request(line: &str, fields: &str, body: &str) -> String {
    format!("{line}\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n{body}")
}

/// The chunks of a chunked body (RFC 9112 §7.1).
fn chunks(mut body: &[u8]) -> Vec<Vec<u8>> {
    let mut chunks = Vec::new();
    loop {
        let end = body
            .windows(2)
            .position(|two| two == b"\r\n")
            .expect("a chunk's size");
        let size = std::str::from_utf8(&body[..end]).expect("hex");
        let size = usize::from_str_radix(size, 16).expect("hex");
        let data = &body[end + 2..];
        if size == 0 {
            assert_eq!(data, b"\r\n");
            return chunks;
        }
        chunks.push(data[..size].to_vec());
        body = data[size..].strip_prefix(b"\r\n").expect("a chunk's end");
    }
}

#[tokio::test]
async fn a_request_comes_back_as_it_was_received() {
    let server = serve().await;
    let fields = "X-One: 1\r\nCookie: secret=42\r\nX-Bytes: a\u{e9}b\r\nContent-Length: 0\r\n";
    let response = send(
        &server,
        request(
            "PATCH /api/echo/a%2Fb/c?x=1&status=201 HTTP/1.1",
            fields,
            "",
        ),
    )
    .await;
    assert!(
        response.head.starts_with("HTTP/1.1 201 Created\r\n"),
        "{}",
        response.head
    );
    assert_eq!(response.field("content-type"), Some("application/json"));
    assert_eq!(response.field("cache-control"), Some("no-store"));
    assert_eq!(
        response.field("content-length"),
        Some(&*response.body.len().to_string())
    );
    let reply = response.reply();
    assert_eq!(
        (
            reply.method.as_str(),
            reply.target.as_str(),
            reply.version.as_str()
        ),
        ("PATCH", "/api/echo/a%2Fb/c?x=1&status=201", "HTTP/1.1")
    );
    let told: Vec<(&str, &str)> = reply
        .headers
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(
        told,
        [
            ("host", "localhost"),
            ("connection", "close"),
            ("x-one", "1"),
            ("cookie", "(9 bytes, not shown)"),
            ("x-bytes", "a\u{e9}b"),
            ("content-length", "0"),
        ]
    );
    assert_eq!((reply.body_bytes, reply.body), (0, EchoBody::Nothing));
    assert_eq!(reply.asked.status, 201);
}

fn names_and_values(reply: &EchoReply) -> String {
    let fields = reply.headers.iter();
    fields
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect()
}

#[tokio::test]
async fn fields_stand_in_the_order_received_even_of_one_name() {
    let server = serve().await;
    let fields = "X-A: 1\r\nX-B: 2\r\nx-a: 3\r\nX-C: 4\r\nX-B: 5\r\nX-A: 1\r\n";
    let mirrored = "x-a: 1\nx-b: 2\nx-a: 3\nx-c: 4\nx-b: 5\nx-a: 1\n";
    let run = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
    for recorded in ["", run] {
        let request = request(
            "POST /api/echo HTTP/1.1",
            &format!("{recorded}{fields}Content-Length: 4\r\n"),
            "A: 9",
        );
        let reply = send(&server, request).await.reply();
        let told = names_and_values(&reply);
        assert!(told.contains(mirrored), "{told}");
    }

    // The probe's requests belong to a run before their first byte has come; here they come in pieces.
    let inner = format!("GET /api/echo HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
    let answer = reqwest::Client::new()
        .post(server.url("/api/probe?pieces=5"))
        .header("traceparent", run.trim_ascii().replace("traceparent: ", ""))
        .body(inner)
        .send()
        .await
        .expect("an answer");
    assert!(answer.headers().contains_key("probe-exchange"));
    let raw = answer.text().await.expect("text");
    let (_, body) = raw.split_once("\r\n\r\n").expect("a head");
    let told = names_and_values(&serde_json::from_str(body).expect("a mirror"));
    assert!(told.ends_with(mirrored), "{told}");
}

#[tokio::test]
async fn a_body_is_parsed_as_it_promises() {
    let server = serve().await;
    let fields = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    let body = "4\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n";
    let reply = send(&server, request("POST /api/echo HTTP/1.1", fields, body))
        .await
        .reply();
    let value = serde_json::json!({"a": 1});
    assert_eq!(
        (reply.body_bytes, reply.body),
        (7, EchoBody::Json { value })
    );
    let fields = "Content-Type: application/json\r\nContent-Length: 1\r\n";
    let response = send(&server, request("PUT /api/echo HTTP/1.1", fields, "{")).await;
    assert!(
        response.head.starts_with("HTTP/1.1 200 "),
        "broken bytes are the lesson, not an error"
    );
    assert!(matches!(response.reply().body, EchoBody::Broken { .. }));
}

#[tokio::test]
async fn methods_of_every_kind_are_mirrored() {
    let server = serve().await;
    for method in ["GET", "DELETE", "OPTIONS", "TRACE", "PURGE"] {
        let response = send(
            &server,
            request(&format!("{method} /api/echo HTTP/1.1"), "", ""),
        )
        .await;
        assert!(
            response.head.starts_with("HTTP/1.1 200 "),
            "{method}: {}",
            response.head
        );
        assert_eq!(response.reply().method, method);
    }
    let get = send(
        &server,
        request("GET /api/echo?bytes=2000 HTTP/1.1", "", ""),
    )
    .await;
    let head = send(
        &server,
        request("HEAD /api/echo?bytes=2000 HTTP/1.1", "", ""),
    )
    .await;
    assert!(head.head.starts_with("HTTP/1.1 200 "));
    assert_eq!(head.field("content-length"), get.field("content-length"));
    assert_eq!(head.body, b"");
}

#[tokio::test]
async fn a_response_is_framed_as_asked() {
    let server = serve().await;
    let line = |framing: &str, version: &str| {
        request(
            &format!("GET /api/echo?bytes=200000&framing={framing} HTTP/{version}"),
            "",
            "",
        )
    };
    let by_length = send(&server, line("length", "1.1")).await;
    assert_eq!(by_length.field("content-length"), Some("200000"));
    assert_eq!(by_length.body.len(), 200_000);
    assert_eq!(by_length.reply().asked.framing, Framing::Length);

    let chunked = send(&server, line("chunked", "1.1")).await;
    assert_eq!(chunked.field("transfer-encoding"), Some("chunked"));
    assert_eq!(chunked.field("content-length"), None);
    let parts = chunks(&chunked.body);
    assert!(parts.len() > 4, "{}", parts.len());
    assert_eq!(parts.concat().len(), 200_000);

    for framing in ["close", "chunked"] {
        let old = send(&server, line(framing, "1.0")).await;
        assert_eq!(old.field("transfer-encoding"), None, "{}", old.head);
        assert_eq!(old.field("content-length"), None);
        assert_eq!(old.body.len(), 200_000);
        assert_eq!(old.reply().version, "HTTP/1.0");
    }

    let closing = "GET /api/echo?framing=close HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let closed = send(&server, closing).await;
    assert_eq!(closed.field("connection"), Some("close"));
    assert_eq!(closed.field("transfer-encoding"), Some("chunked"));
    assert!(chunks(&closed.body).len() > 1);
}

#[tokio::test]
async fn a_reply_is_as_long_as_its_head_says_however_little_filler_it_takes() {
    let server = serve().await;
    for framing in ["length", "chunked"] {
        let url =
            |bytes: usize| server.url(&format!("/api/echo?framing={framing}&bytes={bytes:04}"));
        let get = async |bytes: usize| {
            reqwest::get(url(bytes))
                .await
                .expect("an answer")
                .bytes()
                .await
        };
        let shortest = get(0).await.expect("whole").len();
        // The figures of how long each step took may be a digit longer or shorter.
        for bytes in shortest - 10..shortest + 40 {
            let body = get(bytes).await.expect("as long as its head says");
            assert!(body.len() >= bytes, "{} of {bytes}", body.len());
            serde_json::from_slice::<EchoReply>(&body).expect("a mirror");
        }
    }
}

#[tokio::test]
async fn a_status_without_a_body_has_none() {
    let server = serve().await;
    for status in ["204", "205", "304"] {
        for framing in ["length", "chunked", "close"] {
            let line =
                format!("GET /api/echo?status={status}&framing={framing}&bytes=100 HTTP/1.1");
            let response = send(&server, request(&line, "", "")).await;
            assert!(
                response.head.starts_with(&format!("HTTP/1.1 {status} ")),
                "{}",
                response.head
            );
            assert_eq!(
                response.field("transfer-encoding"),
                None,
                "{}",
                response.head
            );
            assert_eq!(response.body, b"", "{status} {framing}");
        }
    }
    for status in ["299", "404", "503", "599"] {
        let line = format!("GET /api/echo?status={status} HTTP/1.1");
        let response = send(&server, request(&line, "", "")).await;
        assert!(
            response.head.starts_with(&format!("HTTP/1.1 {status}")),
            "{}",
            response.head
        );
        assert_eq!(response.reply().asked.status.to_string(), status);
    }
}

#[tokio::test]
async fn what_is_beyond_a_bound_is_refused_and_the_bound_named() {
    let server = serve().await;
    let past = |query: &str| request(&format!("GET /api/echo?{query} HTTP/1.1"), "", "");
    let cpu = format!("work=cpu&delay_ms={}", ECHO_CPU_MS_MAX + 1);
    let large = format!("bytes={}", ECHO_BYTES_MAX + 1);
    for (query, limit) in [
        (cpu, ECHO_CPU_MS_MAX),
        (large, ECHO_BYTES_MAX),
        ("status=600".into(), 599),
    ] {
        let response = send(&server, past(&query)).await;
        let problem = response.problem();
        assert_eq!(
            (problem.kind.as_str(), problem.status),
            ("/problems/out-of-bounds", 400)
        );
        assert_eq!(problem.limit, Some(limit), "{query}");
    }
    for query in [
        "delay_ms=-1",
        "delay_ms=x",
        "work=dance",
        "framing=none",
        "status=",
        "bytes=1&bytes=2",
    ] {
        assert_eq!(
            send(&server, past(query)).await.problem().status,
            400,
            "{query}"
        );
    }
}

#[tokio::test]
async fn the_largest_body_is_mirrored_and_one_byte_more_is_not() {
    let server = serve().await;
    let client = reqwest::Client::new();
    let post = async |bytes: u64, chunked: bool| {
        let body = vec![b'a'; bytes as usize];
        let body = if chunked {
            let pieces: Vec<_> = body
                .chunks(65_536)
                .map(|piece| Ok::<_, std::io::Error>(piece.to_vec()))
                .collect();
            reqwest::Body::wrap_stream(futures_util::stream::iter(pieces))
        } else {
            body.into()
        };
        let request = client
            .post(server.url("/api/echo"))
            .header("content-type", "text/plain");
        request.body(body).send().await.expect("an answer")
    };
    for chunked in [false, true] {
        let most: EchoReply = post(ECHO_BODY_MAX, chunked)
            .await
            .json()
            .await
            .expect("a mirror");
        assert_eq!(most.body_bytes, ECHO_BODY_MAX);
    }
    // Announced, it is refused before it is sent.
    let fields = format!(
        "Expect: 100-continue\r\nContent-Length: {}\r\n",
        ECHO_BODY_MAX + 1
    );
    let refused = send(&server, request("POST /api/echo HTTP/1.1", &fields, "")).await;
    assert!(
        refused.head.starts_with("HTTP/1.1 413 "),
        "{}",
        refused.head
    );
    assert_eq!(refused.problem().limit, Some(ECHO_BODY_MAX));
    // Not announced, when it has come too far.
    let chunk = format!(
        "{:x}\r\n{}\r\n",
        ECHO_BODY_MAX + 1,
        "a".repeat(ECHO_BODY_MAX as usize + 1)
    );
    let fields = "Transfer-Encoding: chunked\r\n";
    let refused = send(&server, request("POST /api/echo HTTP/1.1", fields, &chunk)).await;
    assert!(
        refused.head.starts_with("HTTP/1.1 413 "),
        "{}",
        refused.head
    );
}

#[tokio::test]
async fn work_takes_as_long_as_asked() {
    let server = serve().await;
    for (query, work) in [
        ("delay_ms=30", Work::Wait),
        ("delay_ms=30&work=cpu", Work::Cpu),
    ] {
        let line = format!("GET /api/echo?{query} HTTP/1.1");
        let reply = send(&server, request(&line, "", "")).await.reply();
        assert_eq!(reply.asked.work, work);
        assert!(
            reply.took_us.process >= 30_000,
            "{query}: {} µs",
            reply.took_us.process
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_requests_compute_at_once() {
    let server = serve().await;
    let client = reqwest::Client::new();
    let url = server.url("/api/echo?work=cpu&delay_ms=5000");
    let mut answers = tokio::task::JoinSet::new();
    // More than there are processors, and the cap is the number of processors.
    let many = std::thread::available_parallelism().map_or(2, |count| count.get().max(2)) + 1;
    for _ in 0..many {
        let request = client.get(&url).send();
        answers.spawn(request);
    }
    let first = answers
        .join_next()
        .await
        .expect("sent")
        .expect("runs")
        .expect("an answer");
    assert_eq!(first.status(), 429);
    let problem: Problem = first.json().await.expect("a problem document");
    assert_eq!(problem.limit, Some(many as u64 - 1));
    // The clients leave, and their computations end with them.
    answers.shutdown().await;
    drop(client);
    let again = server.url("/api/echo?work=cpu&delay_ms=1");
    while reqwest::get(&again).await.expect("an answer").status() != 200 {
        tokio::task::yield_now().await;
    }
}

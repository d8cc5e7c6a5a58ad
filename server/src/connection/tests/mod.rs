//! Tests over raw sockets: what is on the wire, and what the trace says about it.

mod again;
mod attribution;
mod faults;
mod limits;
mod probe;
mod rules;
mod streams;
mod unended;

use std::{net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State, ws::WebSocketUpgrade},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
    time::{advance, timeout},
};
use wire::{
    http1::{Answers, Framer},
    trace::{Kind, Run, TraceEvent},
};

use super::{Exchange, accept::serve_routes, layers};
use crate::{AppState, Config, config::ConnectionLimits};

/// Nothing here takes this long: with the clock paused, longer than each default limit.
const PATIENCE: Duration = Duration::from_secs(300);
const MS: Duration = Duration::from_millis(1);

/// A server with routes made for tests.
struct TestServer {
    addr: SocketAddr,
    state: AppState,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<std::io::Result<()>>,
    _data: tempfile::TempDir,
}

async fn serve(change: impl FnOnce(&mut ConnectionLimits)) -> TestServer {
    serve_these(routes(), change).await
}

async fn serve_these(
    routes: Router<AppState>,
    change: impl FnOnce(&mut ConnectionLimits),
) -> TestServer {
    let data = tempfile::tempdir().expect("a temporary folder");
    let listener = TcpListener::bind(("127.0.0.1", 0))
        .await
        .expect("a free port");
    let addr = listener.local_addr().expect("bound");
    let mut config = Config {
        data_dir: data.path().to_owned(),
        ..Config::default()
    };
    change(&mut config.limits);
    let state = AppState::new(config).expect("storage opens");
    let (stop, stopped) = oneshot::channel::<()>();
    let router = layers(routes, &state).with_state(state.clone());
    let serving = tokio::spawn(serve_routes(listener, state.clone(), router, async {
        let _ = stopped.await;
    }));
    TestServer {
        addr,
        state,
        stop: Some(stop),
        serving,
        _data: data,
    }
}

impl TestServer {
    /// Lets the server do what it has to do: a round trip on another connection takes it longer than that.
    async fn settle(&self) {
        let mut other = Client::connect(self).await;
        let reply = other
            .ask("GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await;
        assert_eq!(reply.status, 200);
        other.rest().await;
    }

    /// Waits until this many connections are open.
    async fn holds(&self, connections: usize) {
        let held = async {
            while self.state.connections().open() != connections {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, held)
            .await
            .expect("that many connections");
    }
}

/// As long as this lives, only [`advance`] moves the paused clock. (Left alone it jumps to the next timer whenever all
/// tasks wait, for a socket too.)
fn held_clock() -> std::sync::mpsc::Sender<()> {
    let (hold, held) = std::sync::mpsc::channel();
    tokio::task::spawn_blocking(move || held.recv());
    hold
}

fn routes() -> Router<AppState> {
    let (runs, _) = crate::trace::router()
        .merge(super::router())
        .split_for_parts();
    runs.route("/hello", any(|| async { "hello" }))
        .route(
            "/length",
            post(|body: Bytes| async move { body.len().to_string() }),
        )
        .route("/taken", post(taken))
        .route("/ignore", post(|| async { StatusCode::PAYLOAD_TOO_LARGE }))
        .route("/never", any(std::future::pending::<()>))
        .route(
            "/set-cookie",
            get(|| async { ([("set-cookie", "id=42")], "set") }),
        )
        .route("/panic", any(panics))
        .route(
            "/bytes/{count}",
            get(|Path(count): Path<usize>| async move { vec![b'x'; count] }),
        )
        .route(
            "/words/{count}",
            get(|Path(count): Path<u32>| async move { words(count) }),
        )
        .route(
            "/recorded",
            get(|exchange: Exchange| async move { exchange.is_recorded().to_string() }),
        )
        .route("/echo-socket", any(echo_socket))
        .route("/last-word", any(last_word))
        .route("/stream", get(stream))
        .route("/stream-once", get(stream_once))
}

/// Takes the body as it comes, and says in the trace how much came, whether it came to its end or not.
async fn taken(exchange: Exchange, body: axum::body::Body) -> String {
    use futures_util::StreamExt;
    let since = std::time::Instant::now();
    let (mut bytes, mut stream) = (0, body.into_data_stream());
    while let Some(Ok(chunk)) = stream.next().await {
        bytes += chunk.len() as u64;
    }
    exchange.stretch_with(Kind::Body, since, |draft| draft.bytes(bytes));
    bytes.to_string()
}

/// Bytes of which each four say where they stand.
fn words(count: u32) -> Vec<u8> {
    (0..count).flat_map(u32::to_be_bytes).collect()
}

async fn panics() -> Response {
    panic!("as the test asked");
}

async fn echo_socket(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    })
}

async fn last_word(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move {
        // Whether it arrives is what the test asks.
        let _ = socket.send("bye".into()).await;
    })
}

/// A stream that says one word and goes on until the server stops.
async fn stream(State(state): State<AppState>) -> Response {
    use futures_util::{StreamExt, stream};
    let first = stream::once(async { Ok::<_, std::io::Error>("data: first\n\n") });
    let stopping = state.stopping().clone();
    let last = stream::once(async move {
        stopping.cancelled().await;
        Ok("data: last\n\n")
    });
    axum::body::Body::from_stream(first.chain(last)).into_response()
}

/// A body of no length that is known beforehand.
async fn stream_once() -> Response {
    let once = futures_util::stream::once(async { Ok::<_, std::io::Error>("once") });
    axum::body::Body::from_stream(once).into_response()
}

/// A client that says what it is told and nothing else.
struct Client {
    stream: TcpStream,
    responses: Framer,
    buffer: Vec<u8>,
}

/// A response, taken apart.
#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Reply {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    fn problem(&self) -> wire::Problem {
        assert_eq!(
            self.field("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        serde_json::from_slice(&self.body).expect("a problem document")
    }
}

impl Client {
    async fn connect(server: &TestServer) -> Client {
        let stream = TcpStream::connect(server.addr).await.expect("connects");
        stream.set_nodelay(true).expect("a socket option");
        Client {
            stream,
            responses: Framer::response(Answers::Other),
            buffer: Vec::new(),
        }
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream
            .write_all(bytes.as_ref())
            .await
            .expect("the server reads");
    }

    /// The next whole response; one without a body where it answers `HEAD`.
    async fn reply_to(&mut self, answers: Answers) -> Reply {
        self.responses.answering(answers);
        let (mut message, mut head_end) = (Vec::new(), 0);
        loop {
            let step = self.responses.advance(&self.buffer);
            message.extend(self.buffer.drain(..step.bytes));
            head_end = step.head_end.map_or(head_end, |end| end as usize);
            if step.ended || self.read().await == 0 {
                break;
            }
        }
        let head = String::from_utf8_lossy(&message[..head_end]).into_owned();
        Reply {
            status: head
                .lines()
                .rfind(|line| line.starts_with("HTTP/"))
                .and_then(|line| line.split(' ').nth(1)?.parse().ok())
                .unwrap_or(0),
            body: message.split_off(head_end),
            head,
        }
    }

    async fn reply(&mut self) -> Reply {
        self.reply_to(Answers::Other).await
    }

    /// Sends a request and takes its answer.
    async fn ask(&mut self, request: impl AsRef<[u8]>) -> Reply {
        self.send(request).await;
        self.reply().await
    }

    /// Reads until `mark` has come.
    async fn read_until(&mut self, mark: &str) {
        while !self
            .buffer
            .windows(mark.len())
            .any(|bytes| bytes == mark.as_bytes())
        {
            assert!(self.read().await > 0, "closed before {mark:?}");
        }
    }

    /// What still comes until the server closes.
    async fn rest(&mut self) -> Vec<u8> {
        while self.read().await > 0 {}
        std::mem::take(&mut self.buffer)
    }

    async fn read(&mut self) -> usize {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await;
        // A reset is an end too.
        read.expect("something comes, or the end").unwrap_or(0)
    }
}

fn traceparent(run: u128, exchange: u64) -> String {
    format!("traceparent: 00-{run:032x}-{exchange:016x}-01\r\n")
}

/// The events of a run, once they are as `wanted`. Events are recorded beside the answer, not before it.
async fn events(
    server: &TestServer,
    run: u128,
    wanted: impl Fn(&[TraceEvent]) -> bool,
) -> Vec<TraceEvent> {
    let mut seen = Vec::new();
    let waited = timeout(PATIENCE, async {
        let mut client = Client::connect(server).await;
        loop {
            let reply = client
                .ask(format!(
                    "GET /api/runs/{run:032x} HTTP/1.1\r\nHost: localhost\r\n\r\n"
                ))
                .await;
            if reply.status == 200 {
                let run: Run = serde_json::from_slice(&reply.body).expect("a run");
                seen = run.events;
                if wanted(&seen) {
                    return;
                }
            }
        }
    })
    .await;
    assert!(waited.is_ok(), "this is all that came: {}", shown(&seen));
    seen
}

/// Events as lines: lane, kind, exchange, bytes, offset, part, summary.
fn shown(events: &[TraceEvent]) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for event in events {
        let detail = &event.detail;
        let exchange = detail.exchange.map_or(0, |id| id.get());
        write!(out, "{} {:?} {exchange:x}", event.lane, event.kind).expect("a string");
        if let (Some(bytes), Some(offset)) = (event.bytes, detail.offset) {
            write!(out, " {offset}+{bytes} {:?}", detail.part.expect("a part")).expect("a string");
        }
        if let Some(head) = detail.head_bytes {
            write!(out, " head {head}").expect("a string");
        }
        if let Some(summary) = &detail.summary {
            write!(out, " {summary:?}").expect("a string");
        }
        out.push('\n');
    }
    out
}

fn data(event: &TraceEvent) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let data = event.detail.data_base64.as_deref().unwrap_or_default();
    String::from_utf8_lossy(&BASE64_STANDARD.decode(data).expect("base64")).into_owned()
}

fn has(kind: Kind) -> impl Fn(&[TraceEvent]) -> bool {
    move |events| events.iter().any(|event| event.kind == kind)
}

fn count(events: &[TraceEvent], kind: Kind) -> usize {
    events.iter().filter(|event| event.kind == kind).count()
}

//! Responses that do not end: taken over behind their heads, and left alone where somebody watches.

use std::sync::Arc;

use axum::body::Body;
use futures_util::stream;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use wire::topics::Presence;

use super::{
    super::streams::{Bell, Endless, Heartbeat, Next, Source},
    *,
};

const RUN: u128 = 0xc4;
const SILENCE: Duration = Duration::from_secs(15);
/// One timer serves many streams, and may be late by so much.
const COARSE: Duration = Duration::from_millis(101);

/// What the streams of one server have to say, and what becomes of them.
#[derive(Clone)]
struct Feed {
    /// All that was said, the end as none.
    said: Arc<Mutex<Vec<Option<Bytes>>>>,
    rings: watch::Sender<()>,
    murmurs: watch::Sender<Presence>,
    /// Counts the streams that have begun.
    begun: watch::Sender<usize>,
    fates: mpsc::UnboundedSender<Option<String>>,
}

impl Feed {
    fn say(&self, piece: impl Into<Bytes>) {
        self.ring(Some(piece.into()));
    }

    fn end(&self) {
        self.ring(None);
    }

    fn ring(&self, said: Option<Bytes>) {
        self.said.lock().push(said);
        self.rings.send_replace(());
    }

    /// A stream of what is said from now on.
    fn begin(&self) -> Fed {
        let at = self.said.lock().len();
        self.begun.send_modify(|begun| *begun += 1);
        Fed {
            feed: self.clone(),
            at,
            why: None,
        }
    }
}

/// One stream.
struct Fed {
    feed: Feed,
    at: usize,
    why: Option<String>,
}

impl Source for Fed {
    fn next(&mut self) -> Next {
        let said = self.feed.said.lock().get(self.at).cloned();
        self.at += 1;
        match said {
            Some(Some(bytes)) => Next::Bytes(bytes),
            Some(None) => Next::End,
            None => {
                self.at -= 1;
                Next::Nothing
            }
        }
    }

    fn bell(&self) -> Bell {
        Bell {
            number: 1,
            rings: self.feed.rings.subscribe(),
            murmurs: self.feed.murmurs.subscribe(),
        }
    }

    fn heartbeat(&self) -> Option<Heartbeat> {
        Some(Heartbeat {
            bytes: Bytes::from_static(b"hm\n"),
            silence: SILENCE,
        })
    }

    fn cut(mut self: Box<Self>, why: &str) {
        self.why = Some(why.to_owned());
    }

    fn into_body(self: Box<Self>) -> Body {
        let rings = self.feed.rings.subscribe();
        Body::from_stream(stream::unfold(
            (self, rings),
            |(mut fed, mut rings)| async {
                loop {
                    match fed.next() {
                        Next::Bytes(bytes) => {
                            return Some((std::io::Result::Ok(bytes), (fed, rings)));
                        }
                        Next::End => return None,
                        Next::Nothing => rings.changed().await.ok()?,
                    }
                }
            },
        ))
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        // A test that has seen enough does not listen any more.
        let _ = self.feed.fates.send(self.why.take());
    }
}

struct Serving {
    server: TestServer,
    feed: Feed,
    fates: mpsc::UnboundedReceiver<Option<String>>,
}

impl Serving {
    /// Waits until so many streams have begun.
    async fn begun(&self, count: usize) {
        let mut begun = self.feed.begun.subscribe();
        let begun = timeout(PATIENCE, begun.wait_for(|begun| *begun == count));
        begun.await.expect("it begins").expect("the sender is here");
    }

    /// What became of a stream: the server's reason, where it had one.
    async fn fate(&mut self) -> Option<String> {
        let fate = timeout(PATIENCE, self.fates.recv()).await;
        fate.expect("it is let go of").expect("a sender is here")
    }
}

async fn serve_feed(change: impl FnOnce(&mut ConnectionLimits)) -> Serving {
    let (sender, fates) = mpsc::unbounded_channel();
    let feed = Feed {
        said: Arc::default(),
        rings: watch::Sender::new(()),
        murmurs: watch::Sender::default(),
        begun: watch::Sender::new(0),
        fates: sender,
    };
    let of_route = feed.clone();
    let unended = move || {
        let fed = of_route.begin();
        async move { Endless::new(fed) }
    };
    let server = serve_these(routes().route("/unended", get(unended)), change).await;
    Serving {
        server,
        feed,
        fates,
    }
}

const ASK: &str = "GET /unended HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Opens a stream, and returns when its first piece has come.
async fn open(serving: &Serving) -> Client {
    let before = *serving.feed.begun.borrow();
    let mut client = Client::connect(&serving.server).await;
    client.send(ASK).await;
    serving.begun(before + 1).await;
    serving.feed.say("first");
    client.read_until("\r\n\r\n5\r\nfirst\r\n").await;
    client
}

#[tokio::test]
async fn each_piece_is_a_chunk_and_nothing_follows_the_response() {
    let mut serving = serve_feed(|_| {}).await;
    let mut client = open(&serving).await;
    let head = String::from_utf8_lossy(&client.buffer).to_lowercase();
    assert!(head.contains("\r\nconnection: close\r\n"), "{head}");
    assert!(
        head.contains("\r\ntransfer-encoding: chunked\r\n"),
        "{head}"
    );
    let seen = client.buffer.len();
    serving.feed.say("x".repeat(26));
    client.read_until("x\r\n").await;
    serving.feed.say("");
    serving.feed.say("last");
    serving.feed.end();
    let rest = client.rest().await.split_off(seen);
    let expected = format!("1a\r\n{}\r\n4\r\nlast\r\n0\r\n\r\n", "x".repeat(26));
    assert_eq!(String::from_utf8_lossy(&rest), expected);
    assert_eq!(serving.fate().await, None);
    // The server waits for the peer to close, and frees its place then.
    serving.server.holds(1).await;
    drop(client);
    serving.server.holds(0).await;
}

#[tokio::test]
async fn what_comes_behind_the_request_is_thrown_away() {
    let mut serving = serve_feed(|_| {}).await;
    let mut client = Client::connect(&serving.server).await;
    // One that came with the request, one that comes later.
    let hello = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
    client.send(format!("{ASK}{hello}")).await;
    serving.begun(1).await;
    serving.feed.say("first");
    client.read_until("5\r\nfirst\r\n").await;
    client.send(hello).await;
    serving.feed.say("second");
    client.read_until("6\r\nsecond\r\n").await;
    serving.feed.end();
    let all = client.rest().await;
    assert!(all.ends_with(b"6\r\nsecond\r\n0\r\n\r\n"), "{all:?}");
    assert_eq!(serving.fate().await, None);
    drop(client);
    serving.server.holds(0).await;
}

#[tokio::test]
async fn a_response_before_it_on_its_connection_is_whole() {
    let serving = serve_feed(|_| {}).await;
    let mut client = Client::connect(&serving.server).await;
    let hello = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
    client.send(format!("{hello}{ASK}")).await;
    assert_eq!(client.reply().await.text(), "hello");
    serving.begun(1).await;
    serving.feed.say("first");
    client.read_until("5\r\nfirst\r\n").await;
}

#[tokio::test]
async fn that_the_peer_has_gone_is_noticed_without_a_write() {
    let mut serving = serve_feed(|_| {}).await;
    let client = open(&serving).await;
    drop(client);
    assert_eq!(serving.fate().await, None);
    serving.server.holds(0).await;
    // A reset, too.
    let client = open(&serving).await;
    let socket = socket2::SockRef::from(&client.stream);
    socket.set_linger(Some(Duration::ZERO)).expect("an option");
    drop(client);
    assert_eq!(serving.fate().await, None);
    serving.server.holds(0).await;
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_the_heartbeat() {
    let _clock = held_clock();
    let serving = serve_feed(|_| {}).await;
    let mut client = open(&serving).await;
    for _ in 0..2 {
        client.buffer.clear();
        serving.server.settle().await;
        advance(SILENCE).await;
        client.read_until("3\r\nhm\n\r\n").await;
    }
    // What is said in between begins the silence anew.
    serving.server.settle().await;
    advance(SILENCE - MS).await;
    serving.feed.say("second");
    client.read_until("second\r\n").await;
    client.buffer.clear();
    serving.server.settle().await;
    advance(SILENCE - MS).await;
    serving.server.settle().await;
    serving.feed.say("third");
    client.read_until("third\r\n").await;
    assert_eq!(client.buffer, b"5\r\nthird\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_nothing_is_cut_off_with_the_reason() {
    let _clock = held_clock();
    let mut serving = serve_feed(|_| {}).await;
    let client = open(&serving).await;
    // More than the kernel holds.
    serving.feed.say(vec![b'x'; 60_000_000]);
    serving.server.settle().await;
    let stall = ConnectionLimits::default().write_stall;
    advance(stall - MS).await;
    serving.server.settle().await;
    serving.server.holds(1).await;
    advance(COARSE).await;
    let why = serving.fate().await;
    assert_eq!(why.as_deref(), Some("the peer took nothing for 1m"));
    serving.server.holds(0).await;
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_slowly_gets_everything() {
    let _clock = held_clock();
    let serving = serve_feed(|_| {}).await;
    let mut client = open(&serving).await;
    client.buffer.clear();
    serving.feed.say(vec![b'x'; 60_000_000]);
    serving.feed.end();
    let stall = ConnectionLimits::default().write_stall;
    for _ in 0..5 {
        serving.server.settle().await;
        advance(stall - MS).await;
        let seen = client.buffer.len();
        while client.buffer.len() < seen + 8_000_000 {
            client.read().await;
        }
    }
    let body = client.rest().await;
    assert_eq!(
        body.len(),
        "3938700\r\n".len() + 60_000_000 + "\r\n0\r\n\r\n".len()
    );
    assert!(body.ends_with(b"x\r\n0\r\n\r\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_written_by_several_crowds() {
    const MANY: usize = 600;
    let serving = serve_feed(|_| {}).await;
    let mut clients = Vec::new();
    for _ in 0..MANY {
        clients.push(open(&serving).await);
    }
    serving.feed.end();
    for mut client in clients {
        assert!(client.rest().await.ends_with(b"0\r\n\r\n"));
    }
    serving.server.holds(0).await;
}

#[tokio::test]
async fn one_that_is_recorded_or_has_faults_or_is_old_is_left_alone() {
    let mut serving = serve_feed(|_| {}).await;
    let asks = [
        format!(
            "GET /unended HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
            traceparent(RUN, 1)
        ),
        "GET /unended?faults=latency=1ms HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
        "GET /unended HTTP/1.0\r\nHost: localhost\r\n\r\n".to_owned(),
    ];
    for (before, ask) in asks.into_iter().enumerate() {
        let mut client = Client::connect(&serving.server).await;
        client.send(&ask).await;
        serving.begun(before + 1).await;
        serving.feed.say("first");
        client.read_until("first").await;
        serving.feed.end();
        if ask.contains("HTTP/1.1") {
            let reply = client.reply().await;
            assert!(reply.body.ends_with(b"5\r\nfirst\r\n0\r\n\r\n"), "{ask}");
            assert_eq!(reply.field("connection"), None, "{ask}");
            let hello = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
            assert_eq!(client.ask(hello).await.text(), "hello", "{ask}");
        } else {
            assert!(client.rest().await.ends_with(b"\r\n\r\nfirst"), "{ask}");
        }
        assert_eq!(serving.fate().await, None);
    }
    let is_written = |events: &[TraceEvent]| {
        let mut writes = events.iter().filter(|event| event.kind == Kind::Write);
        writes.any(|event| data(event).contains("first"))
    };
    events(&serving.server, RUN, is_written).await;
}

#[tokio::test]
async fn of_a_response_without_a_body_nothing_is_taken_over() {
    let mut serving = serve_feed(|_| {}).await;
    let mut client = Client::connect(&serving.server).await;
    client
        .send("HEAD /unended HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await;
    let reply = client.reply_to(Answers::Head).await;
    assert_eq!((reply.status, reply.field("connection")), (200, None));
    assert_eq!(serving.fate().await, None);
    let hello = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(client.ask(hello).await.text(), "hello");
}

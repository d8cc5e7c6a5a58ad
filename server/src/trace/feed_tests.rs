//! The feed under a clock that waits for nobody: slow, silent and flooding pages.

use futures_util::stream;
use tokio_util::sync::PollSender;
use wire::trace::TraceId;

use super::*;
use crate::trace::Recorder;

/// The page's end of a feed without a network between.
struct Page {
    up: mpsc::Sender<Result<Message, axum::Error>>,
    down: mpsc::Receiver<Message>,
}

/// A feed whose way down takes `room` messages before somebody reads them.
fn feed(room: usize) -> (Page, RunHandle, tokio::task::JoinHandle<()>) {
    let recorder = Recorder::new();
    let run = recorder
        .open(TraceId::new(1).expect("not zero"))
        .expect("there is room");
    let (up, from_page) = mpsc::channel::<Result<Message, axum::Error>>(1_000);
    let (to_page, down) = mpsc::channel(room);
    let task = tokio::spawn(converse(
        PollSender::new(to_page).sink_map_err(|_| axum::Error::new("the page left")),
        Box::pin(stream::unfold(from_page, async |mut from_page| {
            let message = from_page.recv().await?;
            Some((message, from_page))
        })),
        run.clone(),
        run.run().watch(),
        CancellationToken::new(),
    ));
    (Page { up, down }, run, task)
}

impl Page {
    async fn next(&mut self) -> Message {
        self.down.recv().await.expect("the feed goes on")
    }

    /// What the close frame says.
    async fn goodbye(&mut self) -> (u16, String) {
        loop {
            if let Message::Close(Some(frame)) = self.next().await {
                return (frame.code, frame.reason.to_string());
            }
        }
    }

    fn send(&mut self, message: Message) {
        self.up.try_send(Ok(message)).expect("there is room");
    }
}

fn question() -> Message {
    let up = FeedUp::Clock { t1_ns: 1 };
    Message::Text(serde_json::to_string(&up).expect("serializes").into())
}

#[tokio::test(start_paused = true)]
async fn a_silent_page_is_pinged_and_let_go() {
    let (mut page, _run, _task) = feed(100);
    let began = Instant::now();
    assert!(matches!(page.next().await, Message::Text(_)), "opened");
    assert!(matches!(page.next().await, Message::Ping(_)));
    assert!(began.elapsed() >= PING_EVERY && began.elapsed() <= PING_EVERY + TICK);
    let (code, reason) = page.goodbye().await;
    assert_eq!(code, close_code::SLOW);
    assert!(reason.starts_with("silent"), "{reason}");
    assert!(began.elapsed() >= SILENCE_MAX && began.elapsed() <= SILENCE_MAX + TICK);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_answers_pings_is_kept() {
    let (mut page, _run, task) = feed(100);
    let began = Instant::now();
    while began.elapsed() < 3 * SILENCE_MAX {
        if let Message::Ping(payload) = page.next().await {
            page.send(Message::Pong(payload));
        }
    }
    assert!(!task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_page_that_does_not_read_is_let_go() {
    let (mut page, run, task) = feed(1);
    let began = Instant::now();
    for _ in 0..3 {
        page.send(question());
    }
    task.await.expect("ends");
    let took = began.elapsed();
    assert!(
        took >= SEND_MAX && took <= SEND_MAX + GOODBYE_MAX + TICK,
        "{took:?}"
    );
    assert!(!run.run().is_watched());
}

#[tokio::test(start_paused = true)]
async fn a_page_that_asks_and_does_not_read_is_let_go() {
    let (mut page, _run, _task) = feed(1);
    for _ in 0..ANSWERS + 8 {
        page.send(question());
    }
    let (code, reason) = page.goodbye().await;
    assert_eq!(code, close_code::POLICY, "{reason}");
}

#[tokio::test(start_paused = true)]
async fn an_evicted_run_says_so_and_closes() {
    let (mut page, run, task) = feed(100);
    assert!(matches!(page.next().await, Message::Text(_)), "opened");
    drop(run.run().end(crate::trace::run::Ended::Age));
    let Message::Text(text) = page.next().await else {
        panic!("a last word is text");
    };
    let FeedDown::Evicted { why } = serde_json::from_str(&text).expect("a frame of the feed")
    else {
        panic!("the last word says that the run is gone: {text}");
    };
    assert!(why.contains("60 minutes"), "{why}");
    assert_eq!(page.goodbye().await.0, close_code::EVICTED);
    drop(page);
    task.await.expect("ends");
}

#[tokio::test(start_paused = true)]
async fn drops_are_told_even_if_no_event_follows() {
    let (mut page, run, _task) = feed(100);
    assert!(matches!(page.next().await, Message::Text(_)), "opened");
    run.run().count_dropped(3);
    let Message::Text(text) = page.next().await else {
        panic!("the count is text");
    };
    let told: FeedDown = serde_json::from_str(&text).expect("a frame of the feed");
    assert_eq!(
        told,
        FeedDown::Events {
            events: Vec::new(),
            dropped: 3
        }
    );
}

//! The feed of one run to one page.
//!
//! Nothing is queued for a page: the run's log is shared, each feed keeps its place in it and sends what follows, one
//! bounded frame at a time. A page that stops reading holds up only itself, and is let go.

use std::{sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use serde::Serialize;
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use wire::{
    Problem,
    limits::{FEED_FRAME_BYTES_MAX, RUN_AGE_S, RUN_BYTES_MAX, RUN_EVENTS_MAX},
    trace::{ClientId, FeedDown, FeedUp, Opened, close_code},
};

use super::{
    browser::admit,
    recorder::RunHandle,
    run::{Progress, Recorded, Run},
};
use crate::Error;

/// How many bytes of events go into one frame: small, so that an answer about the time need not wait long behind it.
const FRAME_BYTES: usize = 64 * 1024;
/// The least time between two frames of events: half a frame of a 60 Hz display.
const FRAME_GAP: Duration = Duration::from_millis(8);
/// How long one frame may take to be sent.
const SEND_MAX: Duration = Duration::from_secs(20);
/// How often a silent page is pinged, and how long it may stay silent.
const PING_EVERY: Duration = Duration::from_secs(20);
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// How often a count of drops that no event announces is looked for.
const TICK: Duration = Duration::from_secs(1);
/// How many answers may wait for their turn.
const ANSWERS: usize = 64;
/// How long the page may take to say goodbye.
const GOODBYE_MAX: Duration = Duration::from_secs(2);

/// Follows the run until the page leaves or is let go.
pub(super) async fn follow(
    socket: WebSocket,
    run: RunHandle,
    progress: watch::Receiver<Progress>,
    stopping: CancellationToken,
) {
    let (sink, stream) = socket.split();
    converse(sink, stream, run, progress, stopping).await;
}

/// Why a feed ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The page left, or the connection broke.
    Left,
    /// The run is no longer kept.
    Evicted,
    /// The server stops.
    Stopping,
    /// The page does not read.
    Slow,
    /// The page does not answer pings.
    Silent,
    /// The page asks and does not read the answers.
    Flood,
    /// A frame was too large.
    TooBig,
}

impl End {
    fn close_frame(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            End::Left => return None,
            End::Evicted => (close_code::EVICTED, "the run is no longer kept".to_owned()),
            End::Stopping => (close_code::STOPPING, "the server stops".to_owned()),
            End::Slow => (
                close_code::SLOW,
                format!("slow: a frame was not read within {} s", SEND_MAX.as_secs()),
            ),
            End::Silent => (
                close_code::SLOW,
                format!(
                    "silent: nothing came for {} s, not even a pong",
                    SILENCE_MAX.as_secs()
                ),
            ),
            End::Flood => (
                close_code::POLICY,
                format!("more than {ANSWERS} questions were sent without reading the answers"),
            ),
            End::TooBig => (
                close_code::TOO_BIG,
                format!("a frame may have {FEED_FRAME_BYTES_MAX} bytes"),
            ),
        };
        Some(CloseFrame {
            code,
            reason: reason.into(),
        })
    }
}

/// What the reading side has to say to the page.
enum Answer {
    Clock { t1_ns: i64, t2_ns: i64 },
    Refused(Problem),
}

/// [`FeedDown::Events`] made of recorded events.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Down<'a> {
    Events {
        events: &'a [Recorded],
        dropped: u64,
    },
}

async fn converse<W, R>(
    sink: W,
    mut stream: R,
    run: RunHandle,
    progress: watch::Receiver<Progress>,
    stopping: CancellationToken,
) where
    W: Sink<Message, Error = axum::Error> + Unpin,
    R: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    let (ask, answers) = mpsc::channel(ANSWERS);
    let (heard, last_heard) = watch::channel(Instant::now());
    let mut writer = Writer {
        sink,
        run: run.run().clone(),
        progress,
        sent: 0,
        dropped: 0,
    };
    // Both sides run in one task, and reading never waits for writing: the time of a question is taken when it comes,
    // however full the way back is.
    let end = tokio::select! {
        end = read(&mut stream, &run, &ask, &heard) => end,
        end = writer.write(answers, last_heard, stopping) => end,
    };
    let goodbye = async {
        if let Some(frame) = end.close_frame() {
            let _ = writer.sink.send(Message::Close(Some(frame))).await;
        }
        let _ = writer.sink.close().await;
        // What the page has sent meanwhile is read, or the kernel would reset the connection and lose the goodbye.
        while let Some(Ok(_)) = stream.next().await {}
    };
    let _ = timeout(GOODBYE_MAX, goodbye).await;
    tracing::debug!(run = %run.id(), ?end, "a feed ended");
}

/// Takes in what the page sends until it leaves.
async fn read<R>(
    stream: &mut R,
    run: &RunHandle,
    ask: &mpsc::Sender<Answer>,
    heard: &watch::Sender<Instant>,
) -> End
where
    R: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    let mut client: Option<ClientId> = None;
    loop {
        let message = match stream.next().await {
            None => return End::Left,
            Some(Ok(message)) => message,
            Some(Err(error)) if is_too_big(&error) => return End::TooBig,
            Some(Err(_)) => return End::Left,
        };
        let now_ns = run.at_ns(std::time::Instant::now());
        heard.send_replace(Instant::now());
        let refuse = |error: Error| Some(Answer::Refused(error.problem()));
        let answer = match &message {
            Message::Text(text) => match serde_json::from_str(text) {
                Ok(FeedUp::Clock { t1_ns }) => Some(Answer::Clock {
                    t1_ns,
                    t2_ns: now_ns,
                }),
                Ok(FeedUp::Hello { client: id }) => {
                    let first = *client.get_or_insert(id);
                    let told_twice = "This page has already said who it is.";
                    (first != id)
                        .then(|| refuse(Error::Conflict(told_twice.into())))
                        .flatten()
                }
                Ok(FeedUp::Events { events }) => {
                    let (events, problem) = admit(client, events, now_ns);
                    if !events.is_empty() {
                        run.emit_browser(events);
                    }
                    problem.map(Answer::Refused)
                }
                Err(error) => refuse(Error::BadRequest(format!(
                    "That frame is not one that a page sends up a feed: {error}."
                ))),
            },
            Message::Binary(_) => refuse(Error::BadRequest(
                "A feed carries JSON in text frames, no binary frames.".into(),
            )),
            Message::Ping(_) | Message::Pong(_) => None,
            Message::Close(_) => return End::Left,
        };
        if let Some(answer) = answer
            && ask.try_send(answer).is_err()
        {
            return End::Flood;
        }
    }
}

fn is_too_big(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<tungstenite::Error>() {
            return matches!(error, tungstenite::Error::Capacity(_));
        }
        cause = error.source();
    }
    false
}

/// The writing side.
struct Writer<W> {
    sink: W,
    run: Arc<Run>,
    progress: watch::Receiver<Progress>,
    /// How many of the log's events were sent.
    sent: usize,
    /// The count of drops that was sent last.
    dropped: u64,
}

impl<W: Sink<Message, Error = axum::Error> + Unpin> Writer<W> {
    /// Sends what there is to send until the feed ends.
    async fn write(
        &mut self,
        mut answers: mpsc::Receiver<Answer>,
        last_heard: watch::Receiver<Instant>,
        stopping: CancellationToken,
    ) -> End {
        match self.converse(&mut answers, last_heard, stopping).await {
            Ok(end) | Err(end) => end,
        }
    }

    async fn converse(
        &mut self,
        answers: &mut mpsc::Receiver<Answer>,
        last_heard: watch::Receiver<Instant>,
        stopping: CancellationToken,
    ) -> Result<End, End> {
        let opened = FeedDown::Opened(Opened {
            run: self.run.id(),
            started_at: self.run.started_at().to_owned(),
            events_max: RUN_EVENTS_MAX as u64,
            bytes_max: RUN_BYTES_MAX as u64,
            age_s: RUN_AGE_S,
        });
        self.send(&opened).await?;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut next_frame = Instant::now();
        let mut pinged = Instant::now();
        loop {
            let progress = *self.progress.borrow_and_update();
            if let Some(ended) = progress.ended {
                self.send(&FeedDown::Evicted { why: ended.why() }).await?;
                return Ok(End::Evicted);
            }
            tokio::select! {
                biased;
                Some(answer) = answers.recv() => self.answer(answer).await?,
                () = stopping.cancelled() => return Ok(End::Stopping),
                () = sleep_until(next_frame), if progress.events > self.sent => {
                    self.send_events().await?;
                    next_frame = Instant::now();
                    if self.sent >= progress.events {
                        next_frame += FRAME_GAP;
                    }
                }
                // The sender lives in the run, which this feed holds.
                _ = self.progress.changed(), if progress.events <= self.sent => {}
                _ = tick.tick() => {
                    if self.run.dropped() != self.dropped {
                        self.send_events().await?;
                    }
                    let silent = last_heard.borrow().elapsed();
                    if silent >= SILENCE_MAX {
                        return Ok(End::Silent);
                    }
                    if silent >= PING_EVERY && pinged.elapsed() >= PING_EVERY {
                        pinged = Instant::now();
                        self.send_message(Message::Ping(Default::default())).await?;
                    }
                }
            }
        }
    }

    async fn answer(&mut self, answer: Answer) -> Result<(), End> {
        match answer {
            Answer::Clock { t1_ns, t2_ns } => {
                let t3_ns = self.run.at_ns(std::time::Instant::now());
                self.send(&FeedDown::Clock {
                    t1_ns,
                    t2_ns,
                    t3_ns,
                })
                .await
            }
            Answer::Refused(problem) => self.send(&FeedDown::Refused(problem)).await,
        }
    }

    /// Sends what follows in the log, up to a frame, and the count of drops.
    async fn send_events(&mut self) -> Result<(), End> {
        let events = self.run.events_after(self.sent, FRAME_BYTES);
        self.sent += events.len();
        self.dropped = self.run.dropped();
        self.send(&Down::Events {
            events: &events,
            dropped: self.dropped,
        })
        .await
    }

    async fn send(&mut self, down: &impl Serialize) -> Result<(), End> {
        // Numbers, text and JSON values: it always serializes.
        let json = serde_json::to_string(down).unwrap_or_default();
        self.send_message(Message::Text(json.into())).await
    }

    async fn send_message(&mut self, message: Message) -> Result<(), End> {
        match timeout(SEND_MAX, self.sink.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Left),
            Err(_) => Err(End::Slow),
        }
    }
}

#[cfg(test)]
#[path = "feed_tests.rs"]
mod tests;

//! A response that does not end: everything that is ready leaves in one piece.

use std::{convert::Infallible, pin::Pin, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::delivery::Traced;
use crate::{
    connection::Exchange,
    connection::streams::{Bell, Endless, Heartbeat, Next, Source},
    topics::{Batch, Budget, Subscriber},
};

/// How messages look in the stream.
pub(crate) trait Format: Send + 'static {
    /// What is sent where nothing has been for a while, so that the connection does not look dead; and how long a while
    /// is.
    const HEARTBEAT: Option<(Bytes, Duration)>;

    /// What is sent at once, before there is anything to tell; asked for until there is nothing more of it.
    fn begin(&mut self) -> Option<Bytes> {
        None
    }

    /// The gap and the messages, as they are sent.
    fn encode(&mut self, batch: &Batch) -> Bytes;
}

/// One subscriber's stream.
struct Streaming<F> {
    subscriber: Traced,
    format: F,
}

/// The response's body.
pub(crate) fn body<F: Format>(subscriber: Subscriber, exchange: Exchange, format: F) -> Endless {
    Endless::new(Streaming {
        subscriber: Traced::new(subscriber, exchange),
        format,
    })
}

impl<F: Format> Source for Streaming<F> {
    fn next(&mut self) -> Next {
        if let Some(begin) = self.format.begin() {
            return Next::Bytes(begin);
        }
        let batch = self.subscriber.take(Budget::DELIVERY);
        if !batch.is_empty() {
            Next::Bytes(self.format.encode(&batch))
        } else if batch.ended.is_some() {
            Next::End
        } else {
            Next::Nothing
        }
    }

    fn bell(&self) -> Bell {
        bell(&self.subscriber)
    }

    fn heartbeat(&self) -> Option<Heartbeat> {
        F::HEARTBEAT.map(|(bytes, silence)| Heartbeat { bytes, silence })
    }

    fn cut(self: Box<Self>, why: &str) {
        self.subscriber.leave(Some(why));
    }

    fn into_body(self: Box<Self>) -> Body {
        Body::from_stream(pieces(*self))
    }
}

/// What rings for a subscriber.
pub(crate) fn bell(subscriber: &Subscriber) -> Bell {
    let (number, rings, murmurs) = subscriber.bell();
    Bell {
        number,
        rings,
        murmurs,
    }
}

/// What is sent, piece by piece.
fn pieces<F: Format>(
    streaming: Streaming<F>,
) -> impl stream::Stream<Item = Result<Bytes, Infallible>> {
    let silence = F::HEARTBEAT.map(|(_, longest)| Silence::new(longest));
    stream::unfold((streaming, silence), |(mut streaming, mut silence)| async {
        let bytes = streaming.piece(&mut silence).await?;
        Some((Ok(bytes), (streaming, silence)))
    })
}

impl<F: Format> Streaming<F> {
    /// What to send next; `None` when the topic has ended.
    async fn piece(&mut self, silence: &mut Option<Silence>) -> Option<Bytes> {
        loop {
            match self.next() {
                Next::Bytes(bytes) => {
                    if let Some(silence) = silence {
                        silence.broken();
                    }
                    return Some(bytes);
                }
                Next::End => return None,
                Next::Nothing => {}
            }
            match (&mut *silence, F::HEARTBEAT) {
                (Some(silence), Some((heartbeat, _))) => tokio::select! {
                    biased;
                    () = self.subscriber.ready() => {}
                    () = silence.over() => return Some(heartbeat),
                },
                _ => self.subscriber.ready().await,
            }
        }
    }
}

/// How long nothing has been sent. The timer is set anew only when it goes off: that costs less than setting it for each
/// message.
struct Silence {
    since: Instant,
    longest: Duration,
    timer: Pin<Box<Sleep>>,
}

impl Silence {
    fn new(longest: Duration) -> Silence {
        let since = Instant::now();
        Silence {
            since,
            longest,
            timer: Box::pin(sleep_until(since + longest)),
        }
    }

    fn broken(&mut self) {
        self.since = Instant::now();
    }

    /// Waits until it has lasted for too long, and begins anew.
    async fn over(&mut self) {
        loop {
            self.timer.as_mut().await;
            let now = Instant::now();
            let over = now >= self.since + self.longest;
            if over {
                self.since = now;
            }
            self.timer.as_mut().reset(self.since + self.longest);
            if over {
                return;
            }
        }
    }
}

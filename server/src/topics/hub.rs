//! What a hub of topics does, whatever keeps its messages. [`Topics`](super::Topics), inside this process, is the one
//! that is there unless told otherwise. A [`Subscriber`] is the same for any: a hub that keeps messages elsewhere fills the
//! same log. The suite in `tests/hub.rs` runs over whatever hub a server has.

use std::{
    fmt,
    future::Future,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use wire::topics::{Ack, HistoryBounds, HistorySettings, MessageId, TopicState};

use super::{
    Batch, Budget, Error, Inside, Limits, NewMessage, Publication, Reader, Start, Subscriber,
};

/// Topics, their history and their subscribers.
pub trait Hub: fmt::Debug + Send + Sync + 'static {
    /// The bounds in force.
    fn limits(&self) -> &Limits;

    /// Makes the topic where it is not there. As long as it lives it counts under the address of who began it; whoever
    /// publishes or configures for a peer says so here first.
    fn begin(&self, topic: &str, address: Option<IpAddr>) -> Result<(), Error>;

    /// Publishes a message: gives it the next id, keeps it, and wakes the topic's subscribers. Under the same idempotency
    /// key the same message is published once. The messages of one caller come in the order of its calls, whatever
    /// becomes of the topic meanwhile; what is returned resolves when the message is as safe as the topic promises.
    fn publish(&self, topic: &str, new: NewMessage, key: Option<&str>) -> Publishing;

    /// Subscribes from some place on. The topic counts the reader as present as long as the subscriber lives.
    fn subscribe<'a>(
        &'a self,
        topic: &'a str,
        start: Start,
        reader: Reader,
    ) -> BoxFuture<'a, Result<Subscriber, Error>>;

    /// Reads what is there now, without subscribing. A topic that is not there is not made: it is read as if it had just
    /// begun, and the place that is answered holds when it does.
    fn read<'a>(
        &'a self,
        topic: &'a str,
        start: Start,
        budget: Budget,
    ) -> BoxFuture<'a, Result<Page, Error>>;

    /// Changes a topic's settings, making the topic where it is not there.
    fn configure<'a>(
        &'a self,
        topic: &'a str,
        settings: Settings,
    ) -> BoxFuture<'a, Result<TopicState, Error>>;

    /// The state of a topic; `None` where there is none of this name.
    fn state<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Option<TopicState>>;

    /// What is inside a topic, seen at most `age` ago; `None` where there is none of this name.
    fn inside(&self, topic: &str, age: Duration) -> Option<Arc<Inside>>;

    /// Ends a topic with its history; its subscribers read what is left and then the end. False where there was none.
    fn end<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<bool, Error>>;

    /// Does to one topic what a restart of the hub does to all: it has what its acknowledgements promised, and its
    /// subscribers have to come back. The state it has then; `None` where there is no such topic.
    fn restart<'a>(&'a self, topic: &'a str) -> BoxFuture<'a, Result<Option<TopicState>, Error>>;

    /// Ends all topics' streams for good: the server is stopping, and no stream may hold it up.
    fn close(&self);

    /// Drops what is too old. Called once a minute.
    fn sweep(&self);
}

/// What to change about a topic; what is none stays as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings {
    /// When a publish is acknowledged.
    pub ack: Option<Ack>,
    /// What the history keeps.
    pub history: HistorySettings,
}

impl Settings {
    /// The bounds that these settings make of others.
    pub(super) fn bounds(&self, now: HistoryBounds) -> HistoryBounds {
        HistoryBounds {
            count: self.history.count.unwrap_or(now.count),
            bytes: self.history.bytes.unwrap_or(now.bytes),
            age_s: self.history.age_s.unwrap_or(now.age_s),
        }
    }
}

/// What somebody reads who asks and does not stay.
#[derive(Debug)]
pub struct Page {
    /// The gap and the messages.
    pub batch: Batch,
    /// The place behind them: where to read on.
    pub next: MessageId,
    /// The id of the topic's newest message.
    pub last: MessageId,
}

/// A publish under way.
pub enum Publishing {
    /// It is through already.
    Done(Option<Result<Publication, Error>>),
    /// It waits for a disk, or for another machine.
    Waiting(BoxFuture<'static, Result<Publication, Error>>),
}

impl fmt::Debug for Publishing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Publishing::Done(_) => "Done",
            Publishing::Waiting(_) => "Waiting",
        })
    }
}

impl From<Result<Publication, Error>> for Publishing {
    fn from(result: Result<Publication, Error>) -> Publishing {
        Publishing::Done(Some(result))
    }
}

impl Future for Publishing {
    type Output = Result<Publication, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            // A future that is polled after its end has nothing to say.
            Publishing::Done(result) => result.take().map_or(Poll::Pending, Poll::Ready),
            Publishing::Waiting(waiting) => waiting.as_mut().poll(cx),
        }
    }
}

//! One subscriber: it hears of the topic in its way, keeps the last id, and comes back with it.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_tungstenite::{
    client_async_with_config, tungstenite::Message, tungstenite::protocol::WebSocketConfig,
};
use wire::{limits::SWARM_POLL_MS, race::Way, topics::MessageId};

use super::{
    Shared, http,
    text::{self, News, Page, Pieces},
};

/// How long it waits before it connects again.
const RETRY: Duration = Duration::from_millis(500);
/// How many messages a poll takes at once.
const PAGE: usize = 1_000;
/// How long a long poll may be held, in seconds.
const WAIT_S: u64 = 30;
/// How much a WebSocket reads at once.
const SOCKET_READ_BYTES: usize = 8 * 1024;

/// One of the swarm.
pub(super) struct Subscriber {
    pub(super) shared: Arc<Shared>,
    pub(super) way: Way,
    /// Its number among those of its way.
    pub(super) number: usize,
    /// When it begins: not all poll at the same moment.
    pub(super) begins: Instant,
}

impl Subscriber {
    /// Listens until it is dropped.
    pub(super) async fn run(self) {
        sleep_until(self.begins).await;
        let mut lives = self.lives();
        loop {
            let Ok(ended) = timeout(lives(), self.listen()).await else {
                // It gave up a connection that was good.
                continue;
            };
            self.shared.tally(self.way).lock().broken += 1;
            if let Err(why) = ended {
                self.shared.note(&why);
            }
            sleep(RETRY).await;
        }
    }

    /// How long each of its connections may last.
    fn lives(&self) -> impl FnMut() -> Duration + use<> {
        let own = (self.way as u64) << 32 | self.number as u64;
        let mut cuts =
            (self.shared.plan.cuts).map(|cuts| (cuts.mean, StdRng::seed_from_u64(cuts.seed ^ own)));
        move || {
            let next =
                (cuts.as_mut()).map(|(mean, dice)| mean.mul_f64(dice.random_range(0.5..1.5)));
            next.unwrap_or(Duration::MAX)
        }
    }

    /// Listens until the connection ends.
    async fn listen(&self) -> anyhow::Result<()> {
        match self.way {
            Way::ShortPolling => self.poll(None, Duration::from_millis(SWARM_POLL_MS)).await,
            Way::LongPolling => self.poll(Some(WAIT_S), Duration::ZERO).await,
            Way::Sse => self.stream("events", b"\n\n", text::event).await,
            Way::Stream => self.stream("stream", b"\n", text::json).await,
            Way::Websocket => self.socket().await,
        }
    }

    async fn poll(&self, wait_s: Option<u64>, pause: Duration) -> anyhow::Result<()> {
        let mut connection = self.shared.plan.server.open().await?;
        let _connected = Connected::new(self);
        loop {
            let mut path = self.path(&format!("messages?limit={PAGE}&"));
            if let Some(wait_s) = wait_s {
                path += &format!("&wait={wait_s}");
            }
            let asked = Instant::now();
            self.asks();
            let answer = http::whole(connection.get(&path).await?).await?;
            let page: Page = serde_json::from_slice(&answer).context("no page of messages")?;
            if page.messages.is_empty() && page.gap.is_none() {
                self.shared.tally(self.way).lock().empty += 1;
            }
            self.hears(page.gap.map(News::Gap));
            self.hears(page.messages.into_iter().map(News::Message));
            sleep_until(asked + pause).await;
        }
    }

    async fn stream(
        &self,
        last: &str,
        end: &[u8],
        read: fn(&[u8]) -> serde_json::Result<Option<News>>,
    ) -> anyhow::Result<()> {
        let mut connection = self.shared.plan.server.open().await?;
        self.asks();
        let mut body = connection
            .get(&self.path(&format!("{last}?")))
            .await?
            .into_body();
        let _connected = Connected::new(self);
        let (mut pieces, mut news) = (Pieces::default(), Vec::new());
        while let Some(frame) = body.frame().await {
            let Ok(came) = frame?.into_data() else {
                continue;
            };
            pieces.take(&came, end, |whole| news.push(read(whole)));
            for one in news.drain(..) {
                self.hears(one?);
            }
        }
        Ok(())
    }

    async fn socket(&self) -> anyhow::Result<()> {
        let server = &self.shared.plan.server;
        let stream = server.connect().await?;
        self.asks();
        let url = format!("ws://{}{}", server.authority, self.path("socket?"));
        let config = WebSocketConfig::default().read_buffer_size(SOCKET_READ_BYTES);
        let (mut socket, _) = client_async_with_config(url, stream, Some(config)).await?;
        let _connected = Connected::new(self);
        while let Some(frame) = socket.next().await {
            if let Message::Text(text) = frame? {
                self.hears(text::json(text.as_bytes())?);
            }
        }
        Ok(())
    }

    /// The address below the topic, and from where on.
    fn path(&self, last: &str) -> String {
        let place = self.shared.tally(self.way).lock().place(self.number);
        format!("/api/topics/{}/{last}after={place}", self.shared.plan.topic)
    }

    fn asks(&self) {
        self.shared.tally(self.way).lock().requests += 1;
    }

    fn hears(&self, news: impl IntoIterator<Item = News>) {
        let now_us = super::now_us();
        let mut tally = self.shared.tally(self.way).lock();
        for one in news {
            match one {
                News::Message(message) => tally.message(self.number, message.id, now_us),
                News::Gap(gap) => tally.gap(self.number, &gap),
            }
        }
    }
}

/// A subscriber is connected as long as this lives.
struct Connected<'a>(&'a Subscriber);

impl Connected<'_> {
    fn new(subscriber: &Subscriber) -> Connected<'_> {
        subscriber.shared.tally(subscriber.way).lock().connected += 1;
        Connected(subscriber)
    }
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.shared.tally(self.0.way).lock().connected -= 1;
    }
}

/// One subscriber more, which counts for nobody: it tells when each message set out, and how far the topic is.
pub(super) async fn keep_time(shared: Arc<Shared>, mut place: MessageId) {
    loop {
        if let Err(why) = listen_for_time(&shared, &mut place).await {
            shared.note(&why);
        }
        sleep(RETRY).await;
    }
}

async fn listen_for_time(shared: &Shared, place: &mut MessageId) -> anyhow::Result<()> {
    let mut connection = shared.plan.server.open().await?;
    let path = format!("/api/topics/{}/stream?after={place}", shared.plan.topic);
    let mut body = connection.get(&path).await?.into_body();
    let (mut pieces, mut news) = (Pieces::default(), Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(came) = frame?.into_data() else {
            continue;
        };
        pieces.take(&came, b"\n", |whole| news.push(text::json(whole)));
        let mut times = shared.times.lock();
        for one in news.drain(..) {
            match one? {
                Some(News::Message(message)) => {
                    *place = message.id;
                    times.learn(message.id, shared.left_us(&message));
                }
                Some(News::Gap(gap)) => times.gap(&gap),
                None => {}
            }
        }
    }
    Ok(())
}

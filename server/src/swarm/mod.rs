//! Many subscribers of one topic over real sockets, and what they saw: `roundtrip swarm`, and the race's button.
//!
//! It knows the server as any client does: each subscriber has a connection of its own, keeps the last id that it saw, and
//! comes back with it. All begin behind the same message, so that each has to see all that follow, once and in order, or be
//! told of a gap. [`subscriber`] is one of them, [`tally`] holds what they saw against what the topic got.

mod histogram;
mod http;
mod publisher;
mod registry;
mod subscriber;
mod tally;
mod text;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use http::whole;
use hyper::Method;
use parking_lot::Mutex;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use wire::{
    limits::{SWARM_LAST_S, SWARM_POLL_MS},
    race::{SwarmFigures, Way},
    topics::{MessageId, TopicState},
};

use self::{
    histogram::Histogram,
    subscriber::{Subscriber, keep_time},
    tally::{Tally, Times},
    text::Message,
};
pub use self::{
    http::Server,
    registry::{Full, Swarms},
};

/// How often what arrived is measured.
const SETTLE: Duration = Duration::from_millis(100);

/// Who listens to what, and for how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server.
    pub server: Server,
    /// The topic.
    pub topic: String,
    /// How many subscribers.
    pub subscribers: usize,
    /// The ways that they are shared out among; at least one.
    pub ways: Vec<Way>,
    /// For how long.
    pub time: Duration,
    /// How many messages a second it publishes itself, if any.
    pub publish: Option<u32>,
    /// When the subscribers give up their connections, where they do now and then.
    pub cuts: Option<Cuts>,
    /// The server's clock is this machine's: what it says of when it took a message can be used.
    pub same_clock: bool,
}

/// When connections are given up that are good.
#[derive(Debug, Clone, Copy)]
pub struct Cuts {
    /// How long one lasts on average.
    pub mean: Duration,
    /// What decides how long each does: with the same seed all last as long as the last time.
    pub seed: u64,
}

/// A swarm that has begun. It leaves when this is dropped.
#[derive(Debug)]
pub struct Swarm {
    shared: Arc<Shared>,
    stop: CancellationToken,
}

/// What a swarm has seen so far.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its subscribers are there, or about to be.
    pub running: bool,
    /// How long they still stay.
    pub left: Duration,
    /// How many messages the topic got meanwhile.
    pub published: u64,
    /// The topic's last message, as far as the swarm has heard.
    pub last: Option<MessageId>,
    /// How many publishes of its own were not acknowledged.
    pub unacknowledged: u64,
    /// What the subscribers of each way saw.
    pub figures: Vec<SwarmFigures>,
    /// Half of all messages were quicker than this, in microseconds.
    pub median_us: Option<u64>,
    /// 99 of 100 were.
    pub p99_us: Option<u64>,
    /// Why a connection was refused or broke, the last time.
    pub trouble: Option<String>,
}

/// What all of them share.
#[derive(Debug)]
struct Shared {
    plan: Plan,
    ends: Instant,
    /// Tells its own messages from others'.
    mark: String,
    tallies: Vec<(Way, Mutex<Tally>)>,
    times: Mutex<Times>,
    unacknowledged: Mutex<u64>,
    trouble: Mutex<Option<String>>,
    over: CancellationToken,
}

impl Swarm {
    /// Makes the topic where it is not there, and connects.
    ///
    /// # Errors
    /// Where the server cannot be reached, or refuses the topic.
    pub async fn begin(plan: Plan) -> anyhow::Result<Swarm> {
        let start = last_of(&plan)
            .await
            .with_context(|| format!("{} does not take subscribers", plan.server.authority))?;
        let shares = shares(plan.subscribers, &plan.ways);
        let shared = Arc::new(Shared {
            ends: Instant::now() + plan.time,
            mark: format!("{:016x}", rand::random::<u64>()),
            tallies: shares
                .iter()
                .map(|(way, count)| (*way, Mutex::new(Tally::new(*way, *count, start))))
                .collect(),
            times: Mutex::default(),
            unacknowledged: Mutex::default(),
            trouble: Mutex::default(),
            over: CancellationToken::new(),
            plan,
        });
        let stop = CancellationToken::new();
        tokio::spawn(fly(Arc::clone(&shared), shares, start, stop.clone()));
        Ok(Swarm { shared, stop })
    }

    /// What it has seen so far.
    pub fn report(&self) -> Report {
        let times = self.shared.times.lock();
        let (mut figures, mut latencies) = (Vec::new(), Histogram::default());
        for (_, tally) in &self.shared.tallies {
            let tally = tally.lock();
            latencies.merge(tally.latencies());
            figures.push(tally.figures(&times));
        }
        Report {
            running: !self.shared.over.is_cancelled(),
            left: self.shared.ends.saturating_duration_since(Instant::now()),
            published: times.published,
            last: times.last,
            unacknowledged: *self.shared.unacknowledged.lock(),
            figures,
            median_us: latencies.percentile(50),
            p99_us: latencies.percentile(99),
            trouble: self.shared.trouble.lock().clone(),
        }
    }

    /// Begins to leave.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Resolves when its time is over and it has left.
    pub fn over(&self) -> impl Future<Output = ()> + Send + 'static {
        self.shared.over.clone().cancelled_owned()
    }
}

impl Report {
    /// The sum of a figure over all ways.
    pub fn sum(&self, figure: impl Fn(&SwarmFigures) -> u64) -> u64 {
        self.figures.iter().map(figure).sum()
    }

    /// Nothing is lost, nothing came twice, and somebody was there.
    pub fn is_sound(&self) -> bool {
        let unsound = self.sum(|figures| figures.lost + figures.duplicates);
        unsound == 0 && self.sum(|figures| figures.requests) > 0
    }
}

impl Drop for Swarm {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Shared {
    fn tally(&self, way: Way) -> &Mutex<Tally> {
        let mut tallies = self.tallies.iter();
        let found = tallies.find(|(of, _)| *of == way);
        &found.unwrap_or(&self.tallies[0]).1
    }

    /// When a message set out, on this machine's clock: one of its own says so itself, of others the topic does.
    fn left_us(&self, message: &Message) -> Option<u64> {
        if let Some(left) = publisher::left_us(&message.data, &self.mark) {
            return Some(left);
        }
        if !self.plan.same_clock {
            return None;
        }
        let time = OffsetDateTime::parse(&message.time, &Rfc3339).ok()?;
        u64::try_from(time.unix_timestamp_nanos() / 1_000).ok()
    }

    fn note(&self, trouble: &anyhow::Error) {
        *self.trouble.lock() = Some(format!("{trouble:#}"));
    }

    /// Measures what arrived; says how many messages are still on their way.
    fn settle(&self) -> u64 {
        let (times, now_us) = (self.times.lock(), now_us());
        let mut waiting = 0;
        for (_, tally) in &self.tallies {
            let mut tally = tally.lock();
            tally.settle(&times, now_us);
            waiting += tally.waiting(&times);
        }
        waiting
    }
}

/// From the first connection to the last goodbye.
async fn fly(
    shared: Arc<Shared>,
    shares: Vec<(Way, usize)>,
    start: MessageId,
    stop: CancellationToken,
) {
    let began = Instant::now();
    // All leave when this is dropped.
    let mut listening = JoinSet::new();
    listening.spawn(keep_time(Arc::clone(&shared), start));
    for (way, count) in shares {
        for number in 0..count {
            let phase = SWARM_POLL_MS * number as u64 / count as u64;
            let subscriber = Subscriber {
                shared: Arc::clone(&shared),
                way,
                number,
                begins: began + Duration::from_millis(phase),
            };
            listening.spawn(subscriber.run());
        }
    }
    let publishing = shared.plan.publish.map(|rate| {
        let mut publishing = JoinSet::new();
        publishing.spawn(publisher::run(Arc::clone(&shared), rate));
        publishing
    });
    let mut settling = interval(SETTLE);
    settling.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep_until(shared.ends) => break,
            _ = settling.tick() => { shared.settle(); }
        }
    }
    drop(publishing);
    let last = async {
        while shared.settle() > 0 {
            sleep(SETTLE).await;
        }
    };
    if !stop.is_cancelled() {
        let _ = timeout(Duration::from_secs(SWARM_LAST_S), last).await;
    }
    shared.settle();
    listening.shutdown().await;
    shared.over.cancel();
}

/// Where the topic stands. It comes to be where it is not there.
async fn last_of(plan: &Plan) -> anyhow::Result<MessageId> {
    let mut connection = plan.server.open().await?;
    let path = format!("/api/topics/{}", plan.topic);
    let answer = connection
        .ask(Method::PUT, &path, "{}", "application/json")
        .await?;
    let state: TopicState = serde_json::from_slice(&whole(answer).await?)?;
    Ok(state.last)
}

/// How many subscribers each way has: as many as the others, or one more.
fn shares(subscribers: usize, ways: &[Way]) -> Vec<(Way, usize)> {
    let (each, rest) = (subscribers / ways.len(), subscribers % ways.len());
    let share = |(place, way): (usize, &Way)| (*way, each + usize::from(place < rest));
    ways.iter()
        .enumerate()
        .map(share)
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// Now, in microseconds since 1970.
fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscribers_are_shared_out_evenly_and_none_is_lost() {
        let shared_out = shares(7, &[Way::Sse, Way::Websocket, Way::LongPolling]);
        assert_eq!(
            shared_out,
            [(Way::Sse, 3), (Way::Websocket, 2), (Way::LongPolling, 2)]
        );
        assert_eq!(shares(1, &Way::ALL), [(Way::ShortPolling, 1)]);
    }
}

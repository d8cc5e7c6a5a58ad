//! A publisher of the swarm's own: its messages say when they set out.

use std::{sync::Arc, time::Duration};

use hyper::Method;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{
    Shared,
    http::{Connection, whole},
    now_us,
};

/// How long it waits before it connects again.
const RETRY: Duration = Duration::from_millis(500);

/// Publishes at this rate until it is dropped.
pub(super) async fn run(shared: Arc<Shared>, rate: u32) {
    let mut beat = interval(Duration::from_secs(1) / rate.max(1));
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let broke = match shared.plan.server.open().await {
            Ok(mut connection) => loop {
                beat.tick().await;
                if let Err(cause) = publish(&shared, &mut connection).await {
                    // Whether the topic has it nobody knows.
                    *shared.unacknowledged.lock() += 1;
                    break cause;
                }
            },
            Err(cause) => cause,
        };
        shared.note(&broke);
        sleep(RETRY).await;
    }
}

async fn publish(shared: &Shared, connection: &mut Connection) -> anyhow::Result<()> {
    let path = format!("/api/topics/{}/messages", shared.plan.topic);
    let message = format!("swarm {} {}", shared.mark, now_us());
    let answer = connection
        .ask(Method::POST, &path, message, "text/plain")
        .await?;
    whole(answer).await.map(drop)
}

/// When a message of the swarm with this mark set out; nothing of others.
pub(super) fn left_us(data: &str, mark: &str) -> Option<u64> {
    let rest = data.strip_prefix("swarm ")?.strip_prefix(mark)?;
    rest.strip_prefix(' ')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_messages_say_when_they_set_out() {
        assert_eq!(left_us("swarm ab 12", "ab"), Some(12));
        assert_eq!(left_us("swarm ac 12", "ab"), None);
        assert_eq!(left_us("hello", "ab"), None);
    }
}

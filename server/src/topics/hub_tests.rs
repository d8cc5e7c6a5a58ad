//! A hub against a model: whatever is published, lagged behind, evicted, restarted and ended, however it is acknowledged
//! and whenever the machine stops, each reader sees every message once and in order, or a gap that names what is missing.

use std::collections::HashMap;

use bytes::Bytes;
use proptest::prelude::*;
use wire::topics::{Ack, GapReason, HistorySettings, Transport};

use super::{platter::Platter, *};

const TOPIC: &str = "t";

#[derive(Debug, Clone)]
enum Step {
    Publish(usize),
    Bound {
        count: u64,
        bytes: u64,
    },
    Restart,
    End,
    /// The reader of this number takes this many.
    Take(usize, usize),
    /// The same, as its transport does it.
    Deliver(usize),
    Reconnect(usize),
    Sweep,
    /// From now on publishes are acknowledged so.
    Ack(Ack),
    /// The machine stops and is started again; of what was not synced, this lot decides what the disk has.
    Crash(u64),
}

fn step() -> impl Strategy<Value = Step> {
    const READERS: std::ops::Range<usize> = 0..3;
    prop_oneof![
        8 => (0usize..60).prop_map(Step::Publish),
        1 => (1u64..20, 1u64..400).prop_map(|(count, bytes)| Step::Bound { count, bytes }),
        1 => Just(Step::Restart),
        1 => Just(Step::End),
        4 => (READERS, 1usize..8).prop_map(|(reader, count)| Step::Take(reader, count)),
        4 => READERS.prop_map(Step::Deliver),
        2 => READERS.prop_map(Step::Reconnect),
        1 => Just(Step::Sweep),
    ]
}

fn step_on_disk() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => step(),
        1 => prop_oneof![Just(Ack::Memory), Just(Ack::Disk)].prop_map(Step::Ack),
        1 => any::<u64>().prop_map(Step::Crash),
    ]
}

/// A reader, and what it knows.
struct Reading {
    subscriber: Subscriber,
    place: MessageId,
}

impl Reading {
    async fn join(hub: &dyn Hub, place: MessageId) -> Reading {
        let reader = Reader {
            transport: Transport::Sse,
            address: None,
            exchange: None,
        };
        let subscriber = hub.subscribe(TOPIC, Start::After(place), reader).await;
        Reading {
            subscriber: subscriber.expect("subscribed"),
            place,
        }
    }

    /// Takes what is ready, and holds it against what was published. True where there was something.
    async fn take(
        &mut self,
        hub: &dyn Hub,
        budget: Budget,
        published: &HashMap<MessageId, Bytes>,
    ) -> Result<bool, TestCaseError> {
        let batch = self.subscriber.take(budget);
        if let Some(gap) = &batch.gap {
            prop_assert_eq!(&gap.after, &self.place.to_string());
            if gap.reason == GapReason::Epoch {
                // A hub that knows where that life ended says how many are missing: never too few.
                if let Some(missed) = gap.missed {
                    let newest = published
                        .keys()
                        .filter(|id| id.epoch == self.place.epoch)
                        .map(|id| id.offset)
                        .max();
                    let of_before = newest.unwrap_or(0).saturating_sub(self.place.offset);
                    prop_assert_eq!(missed, of_before + gap.next.offset - 1);
                }
                prop_assert_ne!(gap.next.epoch, self.place.epoch);
            } else {
                prop_assert_eq!(gap.next.epoch, self.place.epoch);
                prop_assert!(gap.missed > Some(0));
                prop_assert_eq!(gap.missed, Some(gap.next.offset - 1 - self.place.offset));
            }
            self.place = MessageId {
                offset: gap.next.offset - 1,
                ..gap.next
            };
        }
        for message in &*batch.messages {
            self.place.offset += 1;
            prop_assert_eq!(message.id, self.place);
            prop_assert_eq!(Some(message.payload()), published.get(&message.id));
        }
        prop_assert_eq!(self.subscriber.position(), self.place);
        if batch.ended.is_some() {
            prop_assert!(batch.is_empty());
            *self = Reading::join(hub, self.place).await;
            return Ok(true);
        }
        Ok(!batch.is_empty())
    }
}

async fn check(
    mut hub: Topics,
    mut platter: Platter,
    steps: Vec<Step>,
) -> Result<(), TestCaseError> {
    let first = Settings::default();
    let state = hub.configure(TOPIC, first).await.expect("made");
    let mut published = HashMap::new();
    let mut readers = Vec::new();
    for _ in 0..3 {
        readers.push(Reading::join(&hub, state.last).await);
    }
    let few = |count| Budget { count, bytes: 600 };
    for step in steps {
        match step {
            Step::Publish(size) => {
                let payload = Bytes::from(vec![b'a' + (published.len() % 26) as u8; size]);
                let new = NewMessage {
                    content_type: "text/plain".into(),
                    payload: payload.clone(),
                };
                let id = hub.publish(TOPIC, new, None).await.expect("published").id();
                prop_assert_eq!(published.insert(id, payload), None, "an id is given once");
            }
            Step::Bound { count, bytes } => {
                let history = HistorySettings {
                    count: Some(count),
                    bytes: Some(bytes),
                    age_s: None,
                };
                let settings = Settings { ack: None, history };
                hub.configure(TOPIC, settings).await.expect("changed");
            }
            Step::Restart => drop(hub.restart(TOPIC).await.expect("restarted")),
            Step::End => drop(hub.end(TOPIC).await.expect("ended")),
            Step::Take(reader, count) => {
                readers[reader].take(&hub, few(count), &published).await?;
            }
            Step::Deliver(reader) => {
                let reader = &mut readers[reader];
                reader.take(&hub, Budget::DELIVERY, &published).await?;
            }
            Step::Reconnect(reader) => {
                let place = readers[reader].place;
                readers[reader] = Reading::join(&hub, place).await;
            }
            Step::Sweep => hub.sweep(),
            Step::Ack(ack) => {
                let settings = Settings {
                    ack: Some(ack),
                    ..Settings::default()
                };
                hub.configure(TOPIC, settings).await.expect("changed");
            }
            Step::Crash(lot) => {
                let before = hub.state(TOPIC).await;
                platter = platter.after_crash(lot | 1);
                hub = platter.topics();
                for reader in &mut readers {
                    *reader = Reading::join(&hub, reader.place).await;
                }
                let after = hub.state(TOPIC).await.expect("it has readers");
                match before {
                    Some(before) if before.ack == Ack::Disk => {
                        prop_assert_eq!((after.ack, after.last), (Ack::Disk, before.last));
                    }
                    before => {
                        prop_assert_eq!((after.ack, after.last.offset), (Ack::Memory, 0));
                        prop_assert_ne!(Some(after.last.epoch), before.map(|it| it.last.epoch));
                    }
                }
            }
        }
    }
    // In the end everyone is where the topic is: nothing that was left out went unsaid.
    for reader in &mut readers {
        while reader.take(&hub, Budget::DELIVERY, &published).await? {}
        let state = hub.state(TOPIC).await.expect("it has readers");
        prop_assert_eq!(reader.place, state.last);
    }
    Ok(())
}

fn run(check: impl Future<Output = Result<(), TestCaseError>>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_time().build().expect("a runtime");
    runtime.block_on(check)
}

proptest! {
    #[test]
    fn every_reader_sees_everything_once_in_order_or_is_told(steps in prop::collection::vec(step(), 1..150)) {
        run(check(Topics::new(Limits::default()), Platter::default(), steps))?;
    }
}

proptest! {
    // Each of them waits for some hundred syncs.
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn so_it_does_however_it_is_acknowledged_and_whenever_the_machine_stops(
        steps in prop::collection::vec(step_on_disk(), 1..150),
    ) {
        let platter = Platter::default();
        run(check(platter.topics(), platter.clone(), steps))?;
    }
}

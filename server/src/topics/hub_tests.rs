//! A hub against a model: whatever is published, lagged behind, evicted, restarted and ended, each reader sees every
//! message once and in order, or a gap that names what is missing.

use std::collections::HashMap;

use bytes::Bytes;
use futures_util::FutureExt;
use proptest::prelude::*;
use wire::topics::{GapReason, HistorySettings, Transport};

use super::*;

const TOPIC: &str = "t";

/// In memory nothing has to be waited for.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("it is through at once")
}

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

/// A reader, and what it knows.
struct Reading {
    subscriber: Subscriber,
    place: MessageId,
}

impl Reading {
    fn join(hub: &dyn Hub, place: MessageId) -> Reading {
        let reader = Reader {
            transport: Transport::Sse,
            address: None,
            exchange: None,
        };
        let subscriber = now(hub.subscribe(TOPIC, Start::After(place), reader));
        Reading {
            subscriber: subscriber.expect("subscribed"),
            place,
        }
    }

    /// Takes what is ready, and holds it against what was published. True where there was something.
    fn take(
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
            *self = Reading::join(hub, self.place);
            return Ok(true);
        }
        Ok(!batch.is_empty())
    }
}

fn check(hub: &dyn Hub, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let state = now(hub.configure(TOPIC, Settings::default())).expect("made");
    let mut published = HashMap::new();
    let mut readers: Vec<Reading> = (0..3).map(|_| Reading::join(hub, state.last)).collect();
    let few = |count| Budget { count, bytes: 600 };
    for step in steps {
        match step {
            Step::Publish(size) => {
                let payload = Bytes::from(vec![b'a' + (published.len() % 26) as u8; size]);
                let new = NewMessage {
                    content_type: "text/plain".into(),
                    payload: payload.clone(),
                };
                let id = now(hub.publish(TOPIC, new, None)).expect("published").id();
                prop_assert_eq!(published.insert(id, payload), None, "an id is given once");
            }
            Step::Bound { count, bytes } => {
                let history = HistorySettings {
                    count: Some(count),
                    bytes: Some(bytes),
                    age_s: None,
                };
                let settings = Settings { ack: None, history };
                now(hub.configure(TOPIC, settings)).expect("changed");
            }
            Step::Restart => drop(now(hub.restart(TOPIC)).expect("restarted")),
            Step::End => drop(now(hub.end(TOPIC)).expect("ended")),
            Step::Take(reader, count) => {
                readers[reader].take(hub, few(count), &published)?;
            }
            Step::Deliver(reader) => {
                readers[reader].take(hub, Budget::DELIVERY, &published)?;
            }
            Step::Reconnect(reader) => {
                let place = readers[reader].place;
                readers[reader] = Reading::join(hub, place);
            }
            Step::Sweep => hub.sweep(),
        }
    }
    // In the end everyone is where the topic is: nothing that was left out went unsaid.
    for reader in &mut readers {
        while reader.take(hub, Budget::DELIVERY, &published)? {}
        let state = now(hub.state(TOPIC)).expect("it has readers");
        prop_assert_eq!(reader.place, state.last);
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_reader_sees_everything_once_in_order_or_is_told(steps in prop::collection::vec(step(), 1..150)) {
        check(&Topics::new(Limits::default()), steps)?;
    }
}

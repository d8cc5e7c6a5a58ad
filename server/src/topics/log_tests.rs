//! The log against a model: whatever is published, evicted and lagged behind, a reader sees every message once and in
//! order, or a gap that names exactly what is missing.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use tokio::time::Instant;
use wire::topics::{GapReason, HistoryBounds, MessageId};

use super::{
    log::{Budget, Log},
    message::NewMessage,
};

const EPOCH: u32 = 0xfeed;

fn log(count: u64, bytes: u64, age_s: u64) -> Log {
    Log::new(
        EPOCH,
        HistoryBounds {
            count,
            bytes,
            age_s,
        },
    )
}

fn text(size: usize) -> NewMessage {
    NewMessage {
        content_type: "text/plain".into(),
        payload: Bytes::from(vec![b'x'; size]),
    }
}

fn id(offset: u64) -> MessageId {
    MessageId {
        epoch: EPOCH,
        offset,
    }
}

const ALL: Budget = Budget {
    count: usize::MAX,
    bytes: usize::MAX,
};

fn offsets(log: &Log, after: u64) -> Vec<u64> {
    log.read(after, ALL)
        .iter()
        .map(|message| message.id.offset)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn each_bound_evicts_at_the_limit_and_one_past_it() {
    let now = Instant::now();
    let mut by_count = log(3, 1_000, 60);
    let mut by_bytes = log(100, 30, 60);
    for _ in 0..3 {
        by_count.push(text(1), now);
        by_bytes.push(text(10), now);
    }
    assert_eq!(offsets(&by_count, 0), [1, 2, 3]);
    assert_eq!(offsets(&by_bytes, 0), [1, 2, 3]);
    by_count.push(text(1), now);
    by_bytes.push(text(1), now);
    assert_eq!(offsets(&by_count, 0), [2, 3, 4]);
    assert_eq!(offsets(&by_bytes, 0), [2, 3, 4]);
    assert_eq!((by_bytes.len(), by_bytes.bytes()), (3, 21));

    let mut by_age = log(100, 1_000, 60);
    by_age.push(text(1), now);
    by_age.trim(now + Duration::from_millis(59_999));
    assert_eq!(offsets(&by_age, 0), [1]);
    by_age.trim(now + Duration::from_secs(60));
    assert_eq!(offsets(&by_age, 0), [0; 0]);
    assert_eq!((by_age.last(), by_age.first()), (id(1), 2));
}

#[tokio::test(start_paused = true)]
async fn recovery_from_any_id_is_complete_or_says_what_is_missing() {
    let now = Instant::now();
    let mut log = log(3, 1_000, 60);
    for _ in 0..5 {
        log.push(text(1), now);
    }
    // 3, 4, 5 are kept. From 2 on nothing is missing.
    for after in 2..=5 {
        let resumed = log.resume(id(after));
        assert_eq!((resumed.after, resumed.gap), (after, None));
    }
    let gap = log.resume(id(0)).gap.expect("1 and 2 are gone");
    assert_eq!((gap.after.as_str(), gap.next), ("0000feed-0", id(3)));
    assert_eq!((gap.missed, gap.reason), (Some(2), GapReason::Evicted));
    assert_eq!(log.resume(id(1)).gap.and_then(|gap| gap.missed), Some(1));

    // An id of another life, or one that this life has not given yet.
    for stranger in [
        MessageId {
            epoch: 1,
            offset: 4,
        },
        id(6),
        id(u64::MAX),
    ] {
        let resumed = log.resume(stranger);
        let gap = resumed.gap.expect("nothing is known of it");
        assert_eq!(gap.after, stranger.to_string());
        assert_eq!(
            (gap.missed, gap.reason, gap.next),
            (None, GapReason::Epoch, id(3))
        );
        assert_eq!(resumed.after, 2);
    }

    // Everything aged away: the gap names the next message there will be.
    log.trim(now + Duration::from_secs(60));
    let gap = log.resume(id(4)).gap.expect("5 is gone");
    assert_eq!((gap.next, gap.missed), (id(6), Some(1)));
    assert_eq!(log.resume(id(5)).gap, None);
}

#[tokio::test(start_paused = true)]
async fn a_read_keeps_to_its_budget_but_takes_at_least_one() {
    let now = Instant::now();
    let mut log = log(100, 10_000, 60);
    let sizes = [(); 4].map(|()| log.push(text(10), now).encoded());
    let read = |count, bytes| log.read(0, Budget { count, bytes }).len();
    assert_eq!(read(2, 10_000), 2);
    assert_eq!(read(100, sizes[0] + sizes[1]), 2);
    assert_eq!(read(100, sizes[0] + sizes[1] - 1), 1);
    assert_eq!(read(100, 1), 1);
}

#[derive(Debug, Clone)]
enum Step {
    Publish(usize),
    Wait(u64),
    Rebound(u64, u64, u64),
    Shed(u64, usize),
    Read(usize),
    Reconnect,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0usize..50).prop_map(Step::Publish),
        1 => (0u64..30).prop_map(Step::Wait),
        1 => (1u64..20, 1u64..400, 1u64..60).prop_map(|(c, b, a)| Step::Rebound(c, b, a)),
        1 => (0u64..3_000, 0usize..2).prop_map(|(weight, keep)| Step::Shed(weight, keep)),
        2 => (1usize..10).prop_map(Step::Read),
        1 => Just(Step::Reconnect),
    ]
}

proptest! {
    #[test]
    fn every_message_comes_once_in_order_or_is_named_in_a_gap(steps in prop::collection::vec(step(), 1..200)) {
        let mut now = Instant::now();
        let mut log = log(10, 200, 30);
        let mut position = 0;
        let mut published = 0;
        for step in steps {
            match step {
                Step::Publish(size) => {
                    published += 1;
                    prop_assert_eq!(log.push(text(size), now).id, id(published));
                }
                Step::Wait(seconds) => {
                    now += Duration::from_secs(seconds);
                    log.trim(now);
                }
                Step::Rebound(count, bytes, age_s) => log.set_bounds(HistoryBounds { count, bytes, age_s }, now),
                Step::Shed(weight, keep) => { log.shed(weight, keep); }
                Step::Reconnect => {
                    let resumed = log.resume(id(position));
                    let missed = resumed.gap.as_ref().map_or(0, |gap| gap.missed.unwrap_or(u64::MAX));
                    prop_assert_eq!(position + missed, resumed.after);
                    position = resumed.after;
                }
                Step::Read(count) => {
                    if let Some(gap) = log.missing(position, GapReason::Slow) {
                        prop_assert_eq!(Some(gap.next.offset - 1 - position), gap.missed);
                        prop_assert!(gap.missed > Some(0));
                        position = gap.next.offset - 1;
                    }
                    for message in log.read(position, Budget { count, bytes: 600 }) {
                        prop_assert_eq!(message.id, id(position + 1));
                        position += 1;
                    }
                }
            }
            let bounds = log.bounds();
            prop_assert!(log.len() as u64 <= bounds.count);
            prop_assert!(log.bytes() <= bounds.bytes || log.len() == 1);
            let kept = log.read(0, ALL);
            prop_assert_eq!(log.bytes(), kept.iter().map(|m| m.payload().len() as u64).sum::<u64>());
            prop_assert_eq!(log.weight(), kept.iter().map(|m| m.weight()).sum::<u64>());
            prop_assert!(position <= published);
        }
    }
}

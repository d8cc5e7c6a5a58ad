//! Topics and subscribers together: caps, wake-ups, lives, idempotency.

use std::time::Duration;

use bytes::Bytes;
use wire::topics::{GapReason, HistoryBounds};

use super::*;

const ALL: Budget = Budget {
    count: usize::MAX,
    bytes: usize::MAX,
};

fn topics(change: impl FnOnce(&mut Limits)) -> Topics {
    let mut limits = Limits::default();
    change(&mut limits);
    Topics::new(limits)
}

fn text(text: &str) -> NewMessage {
    NewMessage {
        content_type: "text/plain".into(),
        payload: Bytes::copy_from_slice(text.as_bytes()),
    }
}

fn publish(topics: &Topics, topic: &str, payload: &str) -> MessageId {
    topics
        .publish(topic, text(payload), None)
        .expect("published")
        .id()
}

fn payloads(batch: &Batch) -> Vec<&[u8]> {
    batch
        .messages
        .iter()
        .map(|message| message.payload().as_ref())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn two_subscribers_read_the_same_bytes_each_from_its_place() {
    let topics = topics(|_| {});
    let mut early = topics.subscribe("t", Start::Now).expect("subscribed");
    assert!(early.take(ALL).is_empty());
    let first = publish(&topics, "t", "one");
    let mut late = topics
        .subscribe("t", Start::After(first))
        .expect("subscribed");
    publish(&topics, "t", "two");
    early.ready().await;
    late.ready().await;
    let (early, late) = (early.take(ALL), late.take(ALL));
    assert_eq!(payloads(&early), [b"one", b"two"]);
    assert_eq!(payloads(&late), [b"two"]);
    assert_eq!(
        early.messages[1].event().as_ptr(),
        late.messages[0].event().as_ptr(),
        "encoded once"
    );
}

#[tokio::test(start_paused = true)]
async fn ready_waits_for_a_message_and_for_the_end() {
    let topics = topics(|_| {});
    let mut subscriber = topics.subscribe("t", Start::Now).expect("subscribed");
    subscriber.ready().await;
    assert!(subscriber.take(ALL).is_empty());
    let waited = tokio::time::timeout(Duration::from_secs(3600), subscriber.ready()).await;
    assert!(waited.is_err(), "nothing was published");
    publish(&topics, "t", "one");
    subscriber.ready().await;
    assert_eq!(payloads(&subscriber.take(ALL)), [b"one"]);
    assert!(topics.end("t"));
    subscriber.ready().await;
    assert!(subscriber.take(ALL).ended);
    assert!(!topics.end("t"));
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_lags_is_told_that_it_was_slow() {
    let topics = topics(|limits| limits.history.count = 2);
    let mut subscriber = topics.subscribe("t", Start::Now).expect("subscribed");
    for payload in ["a", "b", "c", "d", "e"] {
        publish(&topics, "t", payload);
    }
    let batch = subscriber.take(ALL);
    let gap = batch.gap.as_ref().expect("a, b and c are gone");
    assert_eq!((gap.missed, gap.reason), (Some(3), GapReason::Slow));
    assert_eq!(gap.next.offset, 4);
    assert_eq!(payloads(&batch), [b"d", b"e"]);
    assert!(subscriber.take(ALL).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_evicted_between_joining_and_reading_is_in_the_one_gap() {
    let topics = topics(|limits| limits.history.count = 2);
    let first = publish(&topics, "t", "a");
    for payload in ["b", "c", "d"] {
        publish(&topics, "t", payload);
    }
    // b is gone, c and d are kept; e and f push them out.
    let mut subscriber = topics
        .subscribe("t", Start::After(first))
        .expect("subscribed");
    publish(&topics, "t", "e");
    publish(&topics, "t", "f");
    let batch = subscriber.take(ALL);
    let gap = batch.gap.as_ref().expect("b, c and d are gone");
    assert_eq!((gap.missed, gap.reason), (Some(3), GapReason::Evicted));
    assert_eq!(
        (gap.after.as_str(), gap.next.offset),
        (&*first.to_string(), 5)
    );
    assert_eq!(payloads(&batch), [b"e", b"f"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_life_has_another_epoch_and_says_so_to_who_knew_the_old_one() {
    let topics = topics(|_| {});
    let old = publish(&topics, "t", "old");
    topics.end("t");
    assert_eq!(topics.state("t"), None);
    let new = publish(&topics, "t", "new");
    assert_ne!(old.epoch, new.epoch);
    assert_eq!(new.offset, 1);
    let mut subscriber = topics
        .subscribe("t", Start::After(old))
        .expect("subscribed");
    let batch = subscriber.take(ALL);
    let gap = batch.gap.as_ref().expect("another life");
    assert_eq!((gap.missed, gap.reason), (None, GapReason::Epoch));
    assert_eq!(gap.next, new);
    assert_eq!(payloads(&batch), [b"new"]);
}

#[tokio::test(start_paused = true)]
async fn caps_hold_at_the_limit_and_one_past_it() {
    let topics = topics(|limits| {
        limits.topics = 2;
        limits.subscribers = 2;
        limits.message_bytes = 4;
        limits.keys = 1;
    });
    publish(&topics, "a", "1234");
    assert_eq!(
        topics.publish("a", text("12345"), None).map(|p| p.id()),
        Err(Error::MessageTooLarge(4))
    );

    let one = topics.subscribe("b", Start::Now).expect("the first");
    let _two = topics.subscribe("b", Start::Now).expect("the second");
    assert_eq!(
        topics.subscribe("b", Start::Now).map(drop),
        Err(Error::TooManySubscribers(2))
    );
    drop(one);
    assert_eq!(topics.state("b").map(|state| state.subscribers), Some(1));
    topics.subscribe("b", Start::Now).expect("one has left");

    assert_eq!(
        topics.subscribe("c", Start::Now).map(drop),
        Err(Error::TooManyTopics(2))
    );
    assert_eq!(
        topics.subscribe(".c", Start::Now).map(drop),
        Err(Error::BadName)
    );

    topics.publish("a", text("x"), Some("k1")).expect("one key");
    assert_eq!(
        topics.publish("a", text("x"), Some("k2")).map(|p| p.id()),
        Err(Error::TooManyKeys(1))
    );
    tokio::time::advance(Duration::from_secs(600)).await;
    topics
        .publish("a", text("x"), Some("k2"))
        .expect("the first key is forgotten");
}

#[tokio::test(start_paused = true)]
async fn an_idle_topic_makes_room_and_one_that_is_read_does_not() {
    let topics = topics(|limits| limits.topics = 2);
    publish(&topics, "idle", "x");
    let _subscriber = topics.subscribe("read", Start::Now).expect("subscribed");
    tokio::time::advance(Duration::from_secs(599)).await;
    assert_eq!(
        topics.publish("new", text("x"), None).map(|p| p.id()),
        Err(Error::TooManyTopics(2))
    );
    tokio::time::advance(Duration::from_secs(1)).await;
    publish(&topics, "new", "x");
    assert_eq!(topics.state("idle"), None);
    assert!(topics.state("read").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_sweep_drops_what_is_too_old_and_topics_that_nobody_uses() {
    let topics = topics(|limits| limits.history.age_s = 60);
    publish(&topics, "t", "x");
    tokio::time::advance(Duration::from_secs(60)).await;
    topics.sweep();
    assert_eq!(topics.state("t").map(|state| state.messages), Some(0));
    assert_eq!(topics.inner.totals.weight.load(Relaxed), 0);
    tokio::time::advance(Duration::from_secs(540)).await;
    topics.sweep();
    assert_eq!(topics.state("t"), None);
}

#[tokio::test(start_paused = true)]
async fn a_key_means_one_message_for_ten_minutes() {
    let topics = topics(|_| {});
    let publish = |payload: &str| topics.publish("t", text(payload), Some("k"));
    let first = publish("x").expect("published").id();
    assert!(matches!(publish("x"), Ok(Publication::Known(id)) if id == first));
    assert_eq!(publish("y").map(|p| p.id()), Err(Error::KeyReused));
    let elsewhere = topics
        .publish("u", text("y"), Some("k"))
        .expect("a key belongs to its topic");
    assert!(matches!(elsewhere, Publication::New(_)));
    tokio::time::advance(Duration::from_millis(599_999)).await;
    assert!(matches!(publish("x"), Ok(Publication::Known(_))));
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(matches!(publish("y"), Ok(Publication::New(_))));
    assert_eq!(topics.state("t").map(|state| state.last.offset), Some(2));
}

#[tokio::test(start_paused = true)]
async fn all_topics_together_keep_below_the_memory_cap() {
    let cap = 64 * 1024;
    let topics = topics(|limits| limits.memory_bytes = cap);
    publish(&topics, "small", "kept");
    for _ in 0..1_000 {
        publish(&topics, "large", "xxxxxxxxxxxxxxxxxxxx");
        assert!(topics.inner.totals.weight.load(Relaxed) <= cap);
    }
    let state = |topic| topics.state(topic).expect("it is there");
    assert_eq!(state("small").messages, 1);
    assert_eq!(state("large").last.offset, 1_000);
    assert!(state("large").messages > 50);
    topics.end("large");
    topics.end("small");
    assert_eq!(topics.inner.totals.weight.load(Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn history_bounds_can_be_changed() {
    let topics = topics(|_| {});
    for payload in ["a", "b", "c"] {
        publish(&topics, "t", payload);
    }
    let state = topics
        .set_bounds("t", |bounds| HistoryBounds { count: 2, ..bounds })
        .expect("changed");
    assert_eq!((state.messages, state.history.count), (2, 2));
    let mut newest = topics.subscribe("t", Start::Newest(1)).expect("subscribed");
    assert_eq!(payloads(&newest.take(ALL)), [b"c"]);
    let mut all = topics.subscribe("t", Start::Newest(9)).expect("subscribed");
    assert_eq!(payloads(&all.take(ALL)), [b"b", b"c"]);
}

#[tokio::test(start_paused = true)]
async fn closing_ends_every_stream_and_begins_no_other() {
    let topics = topics(|_| {});
    let mut subscriber = topics.subscribe("t", Start::Now).expect("subscribed");
    topics.close();
    subscriber.ready().await;
    assert!(subscriber.take(ALL).ended);
    assert_eq!(
        topics.subscribe("t", Start::Now).map(drop),
        Err(Error::Closed)
    );
}

/// Publishers and readers on several threads, with a history so short that readers are overtaken.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_concurrency_every_message_comes_once_in_order_or_is_in_a_gap() {
    const PUBLISHERS: u64 = 4;
    const EACH: u64 = 2_000;
    let topics = topics(|limits| limits.history.count = 50);
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let mut subscriber = topics.subscribe("t", Start::Now).expect("subscribed");
            tokio::spawn(async move {
                let mut position = 0;
                while position < PUBLISHERS * EACH {
                    subscriber.ready().await;
                    let batch = subscriber.take(Budget {
                        count: 7,
                        bytes: usize::MAX,
                    });
                    if let Some(gap) = batch.gap {
                        assert_eq!(gap.next.offset - 1 - position, gap.missed.expect("known"));
                        position = gap.next.offset - 1;
                    }
                    for message in batch.messages {
                        position += 1;
                        assert_eq!(message.id.offset, position);
                    }
                }
            })
        })
        .collect();
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|_| {
            let topics = topics.clone();
            tokio::spawn(async move {
                for _ in 0..EACH {
                    publish(&topics, "t", "x");
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for task in publishers.into_iter().chain(readers) {
        task.await.expect("no task failed");
    }
}

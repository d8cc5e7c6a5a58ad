//! Topics and subscribers together: caps, wake-ups, lives, idempotency.

use std::time::Duration;

use bytes::Bytes;
use wire::topics::{Ack, GapReason, HistorySettings, Presence, Transport};

use super::{begin::CROWDED, *};

const ALL: Budget = Budget {
    count: usize::MAX,
    bytes: usize::MAX,
};

pub(super) fn topics(change: impl FnOnce(&mut Limits)) -> Topics {
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

/// In memory nothing has to be waited for.
pub(super) fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("it is through at once")
}

pub(super) fn publish(topics: &Topics, topic: &str, payload: &str) -> MessageId {
    now(topics.publish(topic, text(payload), None))
        .expect("published")
        .id()
}

const READER: Reader = Reader {
    transport: Transport::Sse,
    address: None,
    exchange: None,
};

fn subscribe(topics: &Topics, topic: &str, start: Start) -> Result<Subscriber, Error> {
    now(topics.subscribe(topic, start, READER))
}

fn end(topics: &Topics, topic: &str) -> bool {
    now(topics.end(topic)).expect("nothing is on disk")
}

fn state(topics: &Topics, topic: &str) -> Option<TopicState> {
    now(topics.state(topic))
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
    let mut early = subscribe(&topics, "t", Start::Now).expect("subscribed");
    assert!(early.take(ALL).is_empty());
    let first = publish(&topics, "t", "one");
    let mut late = subscribe(&topics, "t", Start::After(first)).expect("subscribed");
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
    let mut subscriber = subscribe(&topics, "t", Start::Now).expect("subscribed");
    subscriber.ready().await;
    assert!(subscriber.take(ALL).is_empty());
    let waited = tokio::time::timeout(Duration::from_secs(3600), subscriber.ready()).await;
    assert!(waited.is_err(), "nothing was published");
    publish(&topics, "t", "one");
    subscriber.ready().await;
    assert_eq!(payloads(&subscriber.take(ALL)), [b"one"]);
    assert!(end(&topics, "t"));
    subscriber.ready().await;
    assert!(subscriber.take(ALL).ended.is_some());
    assert!(!end(&topics, "t"));
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_lags_is_told_that_it_was_slow() {
    let topics = topics(|limits| limits.history.count = 2);
    let mut subscriber = subscribe(&topics, "t", Start::Now).expect("subscribed");
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
    let mut subscriber = subscribe(&topics, "t", Start::After(first)).expect("subscribed");
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
    end(&topics, "t");
    assert_eq!(state(&topics, "t"), None);
    let new = publish(&topics, "t", "new");
    assert_ne!(old.epoch, new.epoch);
    assert_eq!(new.offset, 1);
    let mut subscriber = subscribe(&topics, "t", Start::After(old)).expect("subscribed");
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
        now(topics.publish("a", text("12345"), None)).map(|p| p.id()),
        Err(Error::MessageTooLarge(4))
    );

    let one = subscribe(&topics, "b", Start::Now).expect("the first");
    let _two = subscribe(&topics, "b", Start::Now).expect("the second");
    assert_eq!(
        subscribe(&topics, "b", Start::Now).map(drop),
        Err(Error::TooManySubscribers(2))
    );
    drop(one);
    assert_eq!(state(&topics, "b").map(|state| state.subscribers), Some(1));
    subscribe(&topics, "b", Start::Now).expect("one has left");

    assert_eq!(
        subscribe(&topics, "c", Start::Now).map(drop),
        Err(Error::TooManyTopics(2))
    );
    assert_eq!(
        subscribe(&topics, ".c", Start::Now).map(drop),
        Err(Error::BadName)
    );

    now(topics.publish("a", text("x"), Some("k1"))).expect("one key");
    assert_eq!(
        now(topics.publish("a", text("x"), Some("k2"))).map(|p| p.id()),
        Err(Error::TooManyKeys(1))
    );
    tokio::time::advance(Duration::from_secs(600)).await;
    now(topics.publish("a", text("x"), Some("k2"))).expect("the first key is forgotten");
}

#[tokio::test(start_paused = true)]
async fn an_idle_topic_makes_room_and_one_that_is_read_does_not() {
    let topics = topics(|limits| limits.topics = 2);
    publish(&topics, "idle", "x");
    let _subscriber = subscribe(&topics, "read", Start::Now).expect("subscribed");
    tokio::time::advance(Duration::from_secs(599)).await;
    assert_eq!(
        now(topics.publish("new", text("x"), None)).map(|p| p.id()),
        Err(Error::TooManyTopics(2))
    );
    tokio::time::advance(Duration::from_secs(1)).await;
    publish(&topics, "new", "x");
    assert_eq!(state(&topics, "idle"), None);
    assert!(state(&topics, "read").is_some());
}

#[tokio::test(start_paused = true)]
async fn reading_makes_no_topic_and_the_place_it_names_holds_when_one_begins() {
    let topics = topics(|limits| limits.topics = 1);
    let read = |topic: &str, start| now(topics.read(topic, start, ALL)).expect("read");
    let place = read("t", Start::Newest(9)).next;
    assert_eq!(place.offset, 0);
    assert_eq!(read("t", Start::After(place)).batch.gap, None);
    assert_eq!(state(&topics, "t"), None);
    let first = publish(&topics, "t", "x");
    let page = read("t", Start::After(place));
    assert_eq!((page.batch.gap, page.next), (None, first));
    // Of another life it is the place no longer.
    end(&topics, "t");
    let gap = read("t", Start::After(first))
        .batch
        .gap
        .expect("it has ended");
    assert_eq!((gap.reason, gap.missed), (GapReason::Epoch, None));
    for n in 0..100 {
        read(&format!("x{n}"), Start::Newest(1));
    }
    assert_eq!(publish(&topics, "t", "y"), gap.next);
}

#[tokio::test(start_paused = true)]
async fn topics_that_were_never_used_make_room_at_once() {
    let topics = topics(|limits| limits.topics = 3);
    let settings = Settings {
        history: HistorySettings {
            count: Some(5),
            ..HistorySettings::default()
        },
        ..Settings::default()
    };
    now(topics.configure("told", settings)).expect("made");
    let reader = subscribe(&topics, "read", Start::Now).expect("subscribed");
    drop(subscribe(&topics, "left", Start::Now).expect("subscribed"));
    publish(&topics, "used", "x");
    assert_eq!(state(&topics, "left"), None);
    assert_eq!(
        now(topics.publish("new", text("x"), None)).map(|p| p.id()),
        Err(Error::TooManyTopics(3))
    );
    drop(reader);
    tokio::time::advance(CROWDED).await;
    publish(&topics, "new", "x");
    assert_eq!(state(&topics, "read"), None);
    assert!(state(&topics, "told").is_some() && state(&topics, "used").is_some());
}

#[tokio::test(start_paused = true)]
async fn topics_begun_from_one_address_are_capped() {
    let topics = topics(|limits| limits.topics_per_address = 2);
    let one = "192.0.2.1".parse().ok();
    let begin = |topic| topics.begin(topic, one);
    assert_eq!(
        (begin("a"), begin("b"), begin("a")),
        (Ok(()), Ok(()), Ok(()))
    );
    assert_eq!(begin("c"), Err(Error::TooManyTopicsFromAddress(2)));
    let reader = Reader {
        transport: Transport::Sse,
        address: one,
        exchange: None,
    };
    assert_eq!(
        now(topics.subscribe("c", Start::Now, reader)).map(drop),
        Err(Error::TooManyTopicsFromAddress(2))
    );
    assert_eq!(topics.begin("c", "192.0.2.2".parse().ok()), Ok(()));
    // A restart goes on with the same place; an end gives it back.
    now(topics.restart("a")).expect("restarted");
    assert_eq!(begin("d"), Err(Error::TooManyTopicsFromAddress(2)));
    end(&topics, "a");
    assert_eq!(begin("d"), Ok(()));
    publish(&topics, "b", "x");
    publish(&topics, "d", "x");
    // Idle ones of an address with no place left make room, whether or not they hold something.
    tokio::time::advance(Duration::from_secs(600)).await;
    topics.sweep();
    assert_eq!(begin("e"), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_sweep_drops_what_is_too_old_and_topics_that_nobody_uses() {
    let topics = topics(|limits| limits.history.age_s = 60);
    publish(&topics, "t", "x");
    tokio::time::advance(Duration::from_secs(60)).await;
    topics.sweep();
    assert_eq!(state(&topics, "t").map(|state| state.messages), Some(0));
    assert_eq!(topics.inner.totals.weight.load(Relaxed), 0);
    tokio::time::advance(Duration::from_secs(540)).await;
    topics.sweep();
    assert_eq!(state(&topics, "t"), None);
}

#[tokio::test(start_paused = true)]
async fn a_key_means_one_message_for_ten_minutes() {
    let topics = topics(|_| {});
    let publish = |payload: &str| now(topics.publish("t", text(payload), Some("k")));
    let first = publish("x").expect("published").id();
    assert!(matches!(publish("x"), Ok(Publication::Known(id)) if id == first));
    assert_eq!(publish("y").map(|p| p.id()), Err(Error::KeyReused));
    let elsewhere =
        now(topics.publish("u", text("y"), Some("k"))).expect("a key belongs to its topic");
    assert!(matches!(elsewhere, Publication::New { .. }));
    tokio::time::advance(Duration::from_millis(599_999)).await;
    assert!(matches!(publish("x"), Ok(Publication::Known(_))));
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(matches!(publish("y"), Ok(Publication::New { .. })));
    assert_eq!(state(&topics, "t").map(|state| state.last.offset), Some(2));
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
    let state = |topic| state(&topics, topic).expect("it is there");
    assert_eq!(state("small").messages, 1);
    assert_eq!(state("large").last.offset, 1_000);
    assert!(state("large").messages > 50);
    end(&topics, "large");
    end(&topics, "small");
    assert_eq!(topics.inner.totals.weight.load(Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_ended_topics_counts_and_goes_first() {
    let cap = 64 * 1024;
    let topics = topics(|limits| limits.memory_bytes = cap);
    for _ in 0..20 {
        publish(&topics, "other", "kept");
    }
    let mut unread = Vec::new();
    for _ in 0..10 {
        unread.push(subscribe(&topics, "t", Start::Now).expect("subscribed"));
        for _ in 0..30 {
            publish(&topics, "t", "xxxxxxxxxxxxxxxxxxxx");
            assert!(topics.inner.totals.weight.load(Relaxed) <= cap);
        }
        end(&topics, "t");
    }
    let messages = |topic| state(&topics, topic).map(|state| state.messages);
    assert_eq!(messages("other"), Some(20));
    let first = unread[0].take(ALL);
    let gap = first.gap.expect("what was left is gone");
    assert_eq!((gap.missed, gap.reason), (Some(30), GapReason::Slow));
    assert_eq!(unread[0].take(ALL).ended, Some(Ending::Deleted));
    drop(unread);
    end(&topics, "other");
    assert_eq!(topics.inner.totals.weight.load(Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn topics_of_one_message_each_keep_below_the_memory_cap_too() {
    let cap = 64 * 1024;
    let topics = topics(|limits| limits.memory_bytes = cap);
    let payload = "\u{1}".repeat(1_000);
    for n in 0..100 {
        publish(&topics, &format!("t{n}"), &payload);
        assert!(topics.inner.totals.weight.load(Relaxed) <= cap);
    }
    let kept = (0..100).filter_map(|n| state(&topics, &format!("t{n}")));
    let kept = kept.filter(|state| state.messages == 1).count();
    assert!((4..=8).contains(&kept), "{kept}");
}

#[tokio::test(start_paused = true)]
async fn history_bounds_can_be_changed() {
    let topics = topics(|_| {});
    for payload in ["a", "b", "c"] {
        publish(&topics, "t", payload);
    }
    let settings = Settings {
        ack: None,
        history: HistorySettings {
            count: Some(2),
            ..HistorySettings::default()
        },
    };
    let state = now(topics.configure("t", settings)).expect("changed");
    assert_eq!((state.messages, state.history.count), (2, 2));
    let mut newest = subscribe(&topics, "t", Start::Newest(1)).expect("subscribed");
    assert_eq!(payloads(&newest.take(ALL)), [b"c"]);
    let mut all = subscribe(&topics, "t", Start::Newest(9)).expect("subscribed");
    assert_eq!(payloads(&all.take(ALL)), [b"b", b"c"]);
}

#[tokio::test(start_paused = true)]
async fn closing_ends_every_stream_and_begins_no_other() {
    let topics = topics(|_| {});
    let mut subscriber = subscribe(&topics, "t", Start::Now).expect("subscribed");
    topics.close();
    subscriber.ready().await;
    assert!(subscriber.take(ALL).ended.is_some());
    assert_eq!(
        subscribe(&topics, "t", Start::Now).map(drop),
        Err(Error::Closed)
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_left_when_a_topic_ends_is_read_before_the_end() {
    let topics = topics(|_| {});
    let mut subscriber = subscribe(&topics, "t", Start::Now).expect("subscribed");
    publish(&topics, "t", "last words");
    assert!(end(&topics, "t"));
    let batch = subscriber.take(ALL);
    assert_eq!(payloads(&batch), [b"last words"]);
    assert_eq!(batch.ended, None);
    subscriber.ready().await;
    assert_eq!(subscriber.take(ALL).ended, Some(Ending::Deleted));
    assert!(topics.inner.totals.weight.load(Relaxed) > 0, "it is held");
    drop(subscriber);
    assert_eq!(topics.inner.totals.weight.load(Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn readers_at_the_same_place_share_one_piece_of_memory() {
    let topics = topics(|_| {});
    let mut readers: Vec<_> = (0..3)
        .map(|_| subscribe(&topics, "t", Start::Now).expect("subscribed"))
        .collect();
    for round in 0..3 {
        publish(&topics, "t", "a");
        publish(&topics, "t", "b");
        let pieces: Vec<_> = readers
            .iter_mut()
            .map(|reader| reader.take(Budget::DELIVERY).messages)
            .collect();
        for encode in [Segment::events, Segment::lines, Segment::frames] {
            let first = encode(&pieces[0]);
            assert!(pieces.iter().all(|p| encode(p).as_ptr() == first.as_ptr()));
        }
        assert_eq!(pieces[2].last().map(|m| m.id.offset), Some(2 * round + 2));
    }
    // What came since is not in the shared piece, and is not missing either.
    publish(&topics, "t", "c");
    publish(&topics, "t", "d");
    assert_eq!(readers[0].take(Budget::DELIVERY).messages.len(), 2);
    publish(&topics, "t", "e");
    assert_eq!(readers[1].take(Budget::DELIVERY).messages.len(), 3);
    assert_eq!(readers[0].take(Budget::DELIVERY).messages.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn presence_counts_by_transport_and_tells_of_changes() {
    let topics = topics(|_| {});
    let join = |transport| {
        let reader = Reader {
            transport,
            address: None,
            exchange: None,
        };
        now(topics.subscribe("t", Start::Now, reader)).expect("subscribed")
    };
    let socket = join(Transport::Websocket);
    let mut presence = socket.presence();
    let polls = [join(Transport::LongPolling), join(Transport::LongPolling)];
    presence.changed().await.expect("it is told");
    let there = Presence {
        long_polling: 2,
        websocket: 1,
        ..Presence::default()
    };
    assert_eq!(*presence.borrow_and_update(), there);
    let seen = state(&topics, "t").expect("there");
    assert_eq!((seen.presence, seen.subscribers), (there, 3));
    drop(polls);
    presence.changed().await.expect("it is told");
    assert_eq!(presence.borrow().total(), 1);
}

#[tokio::test(start_paused = true)]
async fn subscribers_from_one_address_are_capped_over_all_topics() {
    let topics = topics(|limits| limits.subscribers_per_address = 2);
    let join = |topic: &'static str, address: &str| {
        let reader = Reader {
            transport: Transport::Stream,
            address: Some(address.parse().expect("an address")),
            exchange: None,
        };
        now(topics.subscribe(topic, Start::Now, reader))
    };
    let first = join("a", "10.0.0.1").expect("the first");
    let _second = join("b", "10.0.0.1").expect("the second");
    assert_eq!(
        join("c", "10.0.0.1").map(drop),
        Err(Error::TooManyFromAddress(2))
    );
    let _other = join("c", "10.0.0.2").expect("another address");
    drop(first);
    join("c", "10.0.0.1").expect("one has left");
}

#[tokio::test(start_paused = true)]
async fn a_restart_in_memory_is_another_life_with_the_same_bounds() {
    let topics = topics(|limits| limits.history.count = 3);
    assert_eq!(now(topics.restart("t")), Ok(None));
    let old = publish(&topics, "t", "old");
    let mut subscriber = subscribe(&topics, "t", Start::After(old)).expect("subscribed");
    let state = now(topics.restart("t")).expect("restarted").expect("there");
    assert_ne!(state.last.epoch, old.epoch);
    assert_eq!((state.last.offset, state.history.count), (0, 3));
    assert_eq!(subscriber.take(ALL).ended, Some(Ending::Restarted));
    let mut back = subscribe(&topics, "t", Start::After(old)).expect("subscribed");
    let gap = back.take(ALL).gap.expect("another life");
    // What came after the end of that life is not counted, and there is none: nothing is missing.
    assert_eq!((gap.reason, gap.missed), (GapReason::Epoch, Some(0)));
    assert_eq!((gap.next.epoch, gap.next.offset), (state.last.epoch, 1));
    let begin = MessageId { offset: 0, ..old };
    for n in 0..5 {
        publish(&topics, "t", &format!("new {n}"));
    }
    // One of the life before, and two that the history has let go of since.
    let mut late = subscribe(&topics, "t", Start::After(begin)).expect("subscribed");
    let gap = late.take(ALL).gap.expect("another life");
    assert_eq!((gap.next.offset, gap.missed), (3, Some(3)));
    // A life before that one is not remembered, and neither is a message that it never had.
    let stranger = MessageId { offset: 2, ..old };
    let mut made_up = subscribe(&topics, "t", Start::After(stranger)).expect("subscribed");
    assert_eq!(made_up.take(ALL).gap.expect("another life").missed, None);
}

#[tokio::test(start_paused = true)]
async fn without_a_folder_nothing_is_acknowledged_on_disk() {
    let topics = topics(|_| {});
    let settings = Settings {
        ack: Some(Ack::Disk),
        ..Settings::default()
    };
    assert_eq!(
        topics.configure("t", settings).await,
        Err(Error::Unstored(Unstored::ReadOnly))
    );
    assert_eq!(
        state(&topics, "t").map(|state| state.ack),
        Some(Ack::Memory)
    );
}

/// A page without a limit ends with the topic's newest message, whoever publishes meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_is_of_one_moment() {
    let topics = topics(|limits| limits.history.count = 3);
    let begin = MessageId {
        offset: 0,
        ..publish(&topics, "t", "x")
    };
    let publisher = tokio::task::spawn_blocking({
        let topics = topics.clone();
        move || {
            for _ in 0..20_000 {
                publish(&topics, "t", "x");
            }
        }
    });
    while !publisher.is_finished() {
        let page = now(topics.read("t", Start::After(begin), ALL)).expect("read");
        assert_eq!(page.next, page.last);
        let first = page.batch.gap.map_or(1, |gap| gap.next.offset);
        let offsets = page.batch.messages.iter().map(|message| message.id.offset);
        assert!(offsets.eq(first..=page.last.offset));
    }
    publisher.await.expect("published");
}

/// Publishers and readers on several threads, with a history so short that readers are overtaken.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_concurrency_every_message_comes_once_in_order_or_is_in_a_gap() {
    const PUBLISHERS: u64 = 4;
    const EACH: u64 = 2_000;
    let topics = topics(|limits| limits.history.count = 50);
    let few = Budget {
        count: 7,
        bytes: usize::MAX,
    };
    let readers: Vec<_> = [few, few, Budget::DELIVERY, Budget::DELIVERY]
        .into_iter()
        .map(|budget| {
            let mut subscriber = subscribe(&topics, "t", Start::Now).expect("subscribed");
            tokio::spawn(async move {
                let mut position = 0;
                while position < PUBLISHERS * EACH {
                    subscriber.ready().await;
                    let batch = subscriber.take(budget);
                    if let Some(gap) = batch.gap {
                        assert_eq!(gap.next.offset - 1 - position, gap.missed.expect("known"));
                        position = gap.next.offset - 1;
                    }
                    for message in &*batch.messages {
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

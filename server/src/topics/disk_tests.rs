//! Topics on disk, over a storage that a test can stop, fail and crash.

use std::{io, sync::Arc};

use bytes::Bytes;
use futures_util::{FutureExt, future::join_all};
use proptest::prelude::*;
use wire::topics::{Ack, GapReason, HistorySettings, Transport};

use super::{
    platter::Platter,
    restore::restored,
    store::{Stored, StoredMessage},
    *,
};

const ALL: Budget = Budget {
    count: usize::MAX,
    bytes: usize::MAX,
};

const READER: Reader = Reader {
    transport: Transport::Websocket,
    address: None,
    exchange: None,
};

fn on_disk() -> Settings {
    Settings {
        ack: Some(Ack::Disk),
        ..Settings::default()
    }
}

fn text(payload: &str) -> NewMessage {
    NewMessage {
        content_type: "text/plain".into(),
        payload: Bytes::copy_from_slice(payload.as_bytes()),
    }
}

async fn publish(topics: &Topics, payload: &str) -> MessageId {
    let published = topics.publish("t", text(payload), None).await;
    published.expect("published").id()
}

/// Everything that a reader gets from the topic's beginning on.
async fn everything(topics: &Topics, epoch: u32) -> Vec<String> {
    let begin = Start::After(MessageId { epoch, offset: 0 });
    let page = topics.read("t", begin, ALL).await.expect("read");
    assert_eq!(page.batch.gap, None);
    let payload = |message: &Arc<Message>| String::from_utf8(message.payload().to_vec());
    let payloads = page.batch.messages.iter().map(payload);
    payloads.map(|text| text.expect("UTF-8")).collect()
}

#[tokio::test]
async fn nothing_is_delivered_or_acknowledged_before_the_sync_and_what_waits_shares_one() {
    let platter = Platter::default();
    let topics = platter.topics();
    topics.configure("t", on_disk()).await.expect("on disk");
    let mut subscriber = topics.subscribe("t", Start::Now, READER).await.expect("in");
    subscriber.ready().await;
    assert!(subscriber.take(ALL).is_empty());

    platter.change(|state| state.stopped = true);
    let mut first = topics.publish("t", text("0"), None);
    // The others wait while the first is on its way to the disk, or go with it.
    let mut others: Vec<_> = (1..20)
        .map(|n| topics.publish("t", text(&n.to_string()), None))
        .collect();
    assert!((&mut first).now_or_never().is_none());
    assert!(
        others
            .iter_mut()
            .all(|other| other.now_or_never().is_none())
    );
    assert!(subscriber.take(ALL).is_empty());
    assert_eq!(topics.state("t").await.map(|state| state.messages), Some(0));

    platter.change(|state| state.stopped = false);
    let mut commits = Vec::new();
    for published in join_all([first].into_iter().chain(others)).await {
        match published.expect("published") {
            Publication::New { message, synced } => {
                assert_eq!(message.id.offset, commits.len() as u64 + 1);
                commits.push(synced.expect("it was synced"));
            }
            Publication::Known(id) => panic!("{id} was not published before"),
        }
    }
    subscriber.ready().await;
    let delivered: usize = std::iter::from_fn(|| {
        let count = subscriber.take(ALL).messages.len();
        (count > 0).then_some(count)
    })
    .sum();
    assert_eq!(delivered, 20);
    commits.dedup();
    assert!(commits.len() <= 2, "{commits:?}");
    assert_eq!(
        commits.iter().map(|commit| commit.messages).sum::<usize>(),
        20
    );
}

#[tokio::test]
async fn a_restart_keeps_epoch_messages_bounds_and_keys() {
    let platter = Platter::default();
    let topics = platter.topics();
    publish(&topics, "before it was on disk").await;
    let history = HistorySettings {
        count: Some(3),
        ..HistorySettings::default()
    };
    let settings = Settings {
        history,
        ..on_disk()
    };
    let state = topics.configure("t", settings).await.expect("on disk");
    assert_eq!((state.ack, state.messages), (Ack::Disk, 1));
    let keyed = topics.publish("t", text("keyed"), Some("k")).await;
    let keyed = keyed.expect("published").id();
    publish(&topics, "third").await;
    drop(topics);

    let topics = platter.topics();
    assert_eq!(
        topics.state("t").await.as_ref().map(|s| &s.history),
        Some(&state.history)
    );
    assert_eq!(
        everything(&topics, keyed.epoch).await,
        ["before it was on disk", "keyed", "third"]
    );
    let again = topics.publish("t", text("keyed"), Some("k")).await;
    assert!(matches!(again, Ok(Publication::Known(id)) if id == keyed));
    let other = topics.publish("t", text("other"), Some("k")).await;
    assert_eq!(other.map(|p| p.id()), Err(Error::KeyReused));

    // What the bounds have pushed out is not there after the next restart either, and is a gap.
    let fourth = publish(&topics, "fourth").await;
    assert_eq!((fourth.epoch, fourth.offset), (keyed.epoch, 4));
    drop(topics);
    let topics = platter.topics();
    let begin = Start::After(MessageId { offset: 0, ..keyed });
    let page = topics.read("t", begin, ALL).await.expect("read");
    let gap = page.batch.gap.expect("the first is gone");
    assert_eq!((gap.missed, gap.reason), (Some(1), GapReason::Evicted));
    assert_eq!(page.batch.messages.len(), 3);
}

#[tokio::test]
async fn one_topics_restart_goes_on_with_what_is_on_disk() {
    let platter = Platter::default();
    let topics = platter.topics();
    topics.configure("t", on_disk()).await.expect("on disk");
    let id = publish(&topics, "one").await;
    let mut subscriber = topics.subscribe("t", Start::Now, READER).await.expect("in");
    let state = topics
        .restart("t")
        .await
        .expect("restarted")
        .expect("there");
    assert_eq!((state.last, state.ack), (id, Ack::Disk));
    assert_eq!(subscriber.take(ALL).ended, Some(Ending::Restarted));
    assert_eq!(publish(&topics, "two").await.offset, 2);
    assert_eq!(everything(&topics, id.epoch).await, ["one", "two"]);
}

/// What is published before something happens to the topic comes before what is published after it, although it had still
/// to wait for the disk.
#[tokio::test]
async fn publishes_keep_their_order_whatever_becomes_of_their_topic_meanwhile() {
    let in_memory = Settings {
        ack: Some(Ack::Memory),
        ..Settings::default()
    };
    for what in ["restarts", "is told to acknowledge in memory", "ends"] {
        let platter = Platter::default();
        let topics = platter.topics();
        topics.configure("t", on_disk()).await.expect("on disk");
        platter.change(|state| state.stopped = true);
        let mut before = topics.publish("t", text("0"), None);
        assert!((&mut before).now_or_never().is_none());
        let mut change = async {
            match what {
                "restarts" => topics.restart("t").await.map(|_| ()),
                "ends" => topics.end("t").await.map(|_| ()),
                _ => topics.configure("t", in_memory).await.map(|_| ()),
            }
        }
        .boxed();
        assert!((&mut change).now_or_never().is_none());
        // They stand behind the change.
        let waiting = ["1", "2"].map(|payload| topics.publish("t", text(payload), Some(payload)));
        platter.change(|state| state.stopped = false);
        change.await.expect(what);
        let after = topics.publish("t", text("3"), None);
        let mut ids = vec![before.await.expect("published").id()];
        for publishing in waiting.into_iter().chain([after]) {
            ids.push(publishing.await.expect("published").id());
        }
        let first = if what == "ends" { 1 } else { 2 };
        let offsets = ids[1..].iter().map(|id| id.offset);
        assert!(offsets.eq(first..first + 3), "{what}: {ids:?}");
        assert!(ids[1..].iter().all(|id| id.epoch == ids[1].epoch));
        assert_eq!(ids[0].epoch == ids[1].epoch, what != "ends");
        // Nothing waits any more: in memory it is taken at once, whatever the disk does.
        platter.change(|state| state.stopped = true);
        let last = topics.publish("t", text("4"), None).now_or_never();
        assert_eq!(last.is_some(), what != "restarts", "{what}");
        platter.change(|state| state.stopped = false);
    }
}

#[tokio::test]
async fn a_topic_taken_off_the_disk_while_its_restart_waits_restarts_in_memory() {
    let platter = Platter::default();
    let topics = platter.topics();
    let epoch = topics
        .configure("t", on_disk())
        .await
        .expect("on disk")
        .last
        .epoch;
    platter.change(|state| state.stopped = true);
    let mut publishing = topics.publish("t", text("one"), None);
    assert!((&mut publishing).now_or_never().is_none());
    let settings = Settings {
        ack: Some(Ack::Memory),
        ..Settings::default()
    };
    let mut configured = topics.configure("t", settings);
    assert!((&mut configured).now_or_never().is_none());
    let mut restarted = topics.restart("t");
    assert!((&mut restarted).now_or_never().is_none());
    platter.change(|state| state.stopped = false);

    publishing.await.expect("published");
    configured.await.expect("in memory");
    let state = restarted.await.expect("restarted").expect("there");
    assert_ne!(state.last.epoch, epoch);
    assert_eq!((state.ack, state.messages), (Ack::Memory, 0));
}

#[tokio::test]
async fn what_was_ended_or_taken_off_the_disk_does_not_come_back() {
    let platter = Platter::default();
    let topics = platter.topics();
    topics.configure("t", on_disk()).await.expect("on disk");
    let id = publish(&topics, "one").await;
    assert_eq!(topics.end("t").await, Ok(true));
    assert_eq!(topics.end("t").await, Ok(false));
    drop(topics);
    let topics = platter.topics();
    assert_eq!(topics.state("t").await, None);

    topics.configure("t", on_disk()).await.expect("on disk");
    assert_ne!(publish(&topics, "two").await.epoch, id.epoch);
    let settings = Settings {
        ack: Some(Ack::Memory),
        ..Settings::default()
    };
    let state = topics.configure("t", settings).await.expect("in memory");
    assert_eq!((state.ack, state.messages), (Ack::Memory, 1));
    drop(topics);
    assert_eq!(platter.topics().state("t").await, None);
}

#[tokio::test]
async fn a_full_disk_is_said_nothing_is_delivered_and_it_goes_on_when_there_is_room() {
    let platter = Platter::default();
    let topics = platter.topics();
    topics.configure("t", on_disk()).await.expect("on disk");
    let first = publish(&topics, "one").await;
    let mut subscriber = topics.subscribe("t", Start::Now, READER).await.expect("in");
    for (kind, why) in [
        (io::ErrorKind::StorageFull, Unstored::Full),
        (io::ErrorKind::ReadOnlyFilesystem, Unstored::ReadOnly),
    ] {
        platter.change(|state| state.failing = Some(kind));
        let refused = topics.publish("t", text("lost"), Some("k")).await;
        assert_eq!(refused.map(|p| p.id()), Err(Error::Unstored(why)));
        let refused = topics.configure("u", on_disk()).await;
        assert_eq!(refused.map(|state| state.ack), Err(Error::Unstored(why)));
        let state = topics.state("u").await.expect("it is in memory");
        assert_eq!(state.ack, Ack::Memory);
    }
    platter.change(|state| state.failing = None);
    let second = publish(&topics, "two").await;
    assert_eq!(second.offset, first.offset + 1);
    subscriber.ready().await;
    assert_eq!(subscriber.take(ALL).messages.len(), 1);
    assert_eq!(everything(&topics, first.epoch).await, ["one", "two"]);
}

#[tokio::test]
async fn what_was_refused_is_not_there_although_the_disk_has_it() {
    let refused = Some(Error::Unstored(Unstored::Failed));
    let platter = Platter::default();
    let topics = platter.topics();
    topics.configure("t", on_disk()).await.expect("on disk");
    let one = publish(&topics, "one").await;
    let lose = async |topics: &Topics| {
        platter.change(|state| state.unsure = true);
        let lost = ["a", "b", "c"].map(|lost| topics.publish("t", text(lost), None));
        for lost in join_all(lost).await {
            assert_eq!(lost.err(), refused);
        }
        platter.change(|state| state.unsure = false);
    };
    // Neither after a restart of the topic, nor behind what is published next, nor after a restart of the server.
    lose(&topics).await;
    topics.restart("t").await.expect("restarted");
    assert_eq!(everything(&topics, one.epoch).await, ["one"]);
    lose(&topics).await;
    assert_eq!(publish(&topics, "two").await.offset, 2);
    lose(&topics).await;
    drop(topics);
    let topics = platter.topics();
    assert_eq!(everything(&topics, one.epoch).await, ["one", "two"]);

    // What could not be removed is there, although the disk has removed it.
    let in_memory = Settings {
        ack: Some(Ack::Memory),
        ..Settings::default()
    };
    platter.change(|state| state.unsure = true);
    assert_eq!(topics.configure("t", in_memory).await.err(), refused);
    assert_eq!(topics.end("t").await.err(), refused);
    platter.change(|state| state.unsure = false);
    assert_eq!(publish(&topics, "three").await.offset, 3);
    drop(topics);
    let topics = platter.topics();
    let there = everything(&topics, one.epoch).await;
    assert_eq!(there, ["one", "two", "three"]);
}

#[tokio::test]
async fn a_topic_that_did_not_come_to_the_disk_does_not_come_back_from_it() {
    let platter = Platter::default();
    let topics = platter.topics();
    let old = publish(&topics, "old").await;
    publish(&topics, "old, too").await;
    platter.change(|state| state.unsure = true);
    let refused = topics.configure("t", on_disk()).await;
    assert_eq!(refused.err(), Some(Error::Unstored(Unstored::Failed)));
    platter.change(|state| state.unsure = false);
    topics.end("t").await.expect("ended");
    drop(topics);
    let topics = platter.topics();
    assert_eq!(topics.state("t").await, None);

    // Nor do its messages come back under another life.
    publish(&topics, "old, again").await;
    publish(&topics, "and again").await;
    platter.change(|state| state.unsure = true);
    topics.configure("t", on_disk()).await.expect_err("refused");
    topics.end("t").await.expect("ended");
    platter.change(|state| state.unsure = false);
    let new = publish(&topics, "new").await;
    assert_ne!(new.epoch, old.epoch);
    topics.configure("t", on_disk()).await.expect("on disk");
    drop(topics);
    let topics = platter.topics();
    assert_eq!(everything(&topics, new.epoch).await, ["new"]);
    assert_eq!(publish(&topics, "next").await.offset, 2);
}

#[tokio::test]
async fn behind_a_hole_on_disk_a_topic_begins_anew() {
    let now = time::OffsetDateTime::now_utc();
    let messages = [1, 2, 4, 5].map(|offset| StoredMessage {
        offset,
        time: now,
        key: None,
        new: text("x"),
    });
    let stored = Stored {
        topic: "t".into(),
        last: MessageId {
            epoch: 7,
            offset: 5,
        },
        bounds: Limits::default().history,
        messages: messages.into(),
    };
    let topic = restored(stored, Arc::default());
    assert_eq!((topic.first(), topic.last().offset), (4, 5));
}

#[tokio::test]
async fn a_key_goes_to_the_disk_with_its_topic() {
    let platter = Platter::default();
    let topics = platter.topics();
    let keyed = topics.publish("t", text("keyed"), Some("k")).await;
    let keyed = keyed.expect("published").id();
    topics.configure("t", on_disk()).await.expect("on disk");
    drop(topics);
    let topics = platter.topics();
    let again = topics.publish("t", text("keyed"), Some("k")).await;
    assert!(matches!(again, Ok(Publication::Known(id)) if id == keyed));
}

#[tokio::test]
async fn settings_that_come_together_all_hold() {
    let platter = Platter::default();
    let topics = platter.topics();
    topics.configure("t", on_disk()).await.expect("on disk");
    let history = |count, bytes| Settings {
        ack: None,
        history: HistorySettings {
            count,
            bytes,
            age_s: None,
        },
    };
    platter.change(|state| state.stopped = true);
    let mut first = topics.configure("t", history(Some(3), None));
    let mut second = topics.configure("t", history(None, Some(400)));
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    platter.change(|state| state.stopped = false);
    first.await.expect("changed");
    let state = second.await.expect("changed");
    assert_eq!((state.history.count, state.history.bytes), (3, 400));
}

#[tokio::test]
async fn publishers_that_left_do_not_fill_the_memory() {
    let platter = Platter::default();
    let limits = Limits {
        memory_bytes: 16 * 1024,
        ..Limits::default()
    };
    let topics = Topics::new(limits);
    topics.start(platter.store()).expect("it can be read");
    topics.configure("t", on_disk()).await.expect("on disk");
    for _ in 0..100 {
        drop(topics.publish("t", text("x"), None));
    }
    // Its turn comes behind theirs.
    let state = topics.configure("t", on_disk()).await.expect("on disk");
    assert_eq!(state.last.offset, 100);
    assert!(topics.inner.totals.weight.load(Relaxed) <= 16 * 1024);
}

#[tokio::test]
async fn topics_on_disk_are_capped() {
    let platter = Platter::default();
    let limits = Limits {
        disk_topics: 1,
        ..Limits::default()
    };
    let topics = Topics::new(limits);
    topics.start(platter.store()).expect("it can be read");
    topics.configure("a", on_disk()).await.expect("the first");
    topics.configure("a", on_disk()).await.expect("the same");
    let refused = topics.configure("b", on_disk()).await;
    assert_eq!(refused.map(|s| s.ack), Err(Error::TooManyDiskTopics(1)));
    topics.end("a").await.expect("ended");
    topics
        .configure("b", on_disk())
        .await
        .expect("there is room");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Wherever the machine stops, and whatever of the unsynced is lost: all that was acknowledged is there, in order,
    /// once, under the same epoch; what was not acknowledged is there or not, but nothing behind a hole.
    #[test]
    fn a_crash_loses_nothing_that_was_acknowledged(
        rounds in prop::collection::vec((1usize..6, 0usize..40, any::<u64>()), 1..5),
    ) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let mut platter = Platter::default();
            let epoch = {
                let topics = platter.topics();
                topics.configure("t", on_disk()).await.expect("on disk").last.epoch
            };
            let mut acknowledged: Vec<String> = Vec::new();
            for (round, (together, crash_in, lot)) in rounds.into_iter().enumerate() {
                let topics = platter.topics();
                let there = everything(&topics, epoch).await;
                prop_assert_eq!(&there[..acknowledged.len()], &acknowledged[..]);
                // What was not acknowledged but is there has been seen now: it may not go away any more.
                acknowledged = there;
                platter.change(|state| state.crash_in = Some(crash_in));
                for turn in 0.. {
                    let sent: Vec<String> = (0..together).map(|n| format!("{round}.{turn}.{n}")).collect();
                    let publishing = sent.iter().map(|payload| topics.publish("t", text(payload), None));
                    let published = join_all(publishing.collect::<Vec<_>>()).await;
                    let through = published.iter().take_while(|published| published.is_ok()).count();
                    prop_assert!(published[through..].iter().all(Result::is_err));
                    acknowledged.extend_from_slice(&sent[..through]);
                    if through < together {
                        break;
                    }
                }
                drop(topics);
                platter = platter.after_crash(lot | 1);
            }
            let topics = platter.topics();
            let there = everything(&topics, epoch).await;
            prop_assert_eq!(&there[..acknowledged.len()], &acknowledged[..]);
            Ok(())
        })?;
    }
}

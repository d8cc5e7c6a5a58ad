use std::time::Duration;

use wire::{
    limits::{INSIDE_GONE_MAX, INSIDE_PLACES_MAX},
    topics::{TopicInside, Transport},
    trace::SpanId,
};

use super::{
    Budget, Hub, Reader, Start, Subscriber, Topics,
    tests::{now, publish, topics},
};

fn span(number: u64) -> SpanId {
    SpanId::new(number).expect("not zero")
}

fn join(topics: &Topics, transport: Transport, exchange: Option<SpanId>) -> Subscriber {
    let reader = Reader {
        transport,
        address: None,
        exchange,
    };
    now(topics.subscribe("t", Start::Now, reader)).expect("subscribed")
}

fn look(topics: &Topics, mine: &[SpanId], most: usize) -> TopicInside {
    let inside = topics.inside("t", Duration::ZERO).expect("there");
    inside.told(mine, most)
}

#[tokio::test(start_paused = true)]
async fn a_cursor_says_what_was_taken_what_is_left_and_what_is_missed() {
    let topics = topics(|limits| limits.history.count = 2);
    assert!(topics.inside("t", Duration::ZERO).is_none());
    let mut slow = join(&topics, Transport::Sse, Some(span(7)));
    let mut quick = join(&topics, Transport::Websocket, None);
    for n in 1..=5 {
        publish(&topics, "t", &format!("{n}"));
        quick.take(Budget::DELIVERY);
    }
    tokio::time::advance(Duration::from_secs(3)).await;
    let inside = look(&topics, &[], 9);
    assert_eq!(
        (inside.last.offset, inside.first, inside.messages),
        (5, 4, 2)
    );
    assert_eq!(
        (inside.bytes, inside.age_s, inside.history.count),
        (2, 3, 2)
    );
    let [behind, at_the_end] = &inside.cursors[..] else {
        panic!("two subscribers, the furthest behind first: {inside:?}");
    };
    assert_eq!((behind.number, behind.exchange), (1, Some(span(7))));
    assert_eq!((behind.after, behind.lag, behind.missed), (0, 5, 0));
    assert_eq!(behind.transport, Transport::Sse);
    assert_eq!((at_the_end.number, at_the_end.lag), (2, 0));
    assert_eq!((inside.subscribers, inside.more), (2, 0));
    assert_eq!(inside.places, [(0, 1), (5, 1)]);

    // It reads, and is told of the three that are gone.
    let gap = slow.take(Budget::DELIVERY).gap.expect("it was slow");
    let told = look(&topics, &[], 9).cursors[0];
    assert_eq!((gap.missed, told.missed), (Some(3), 3));
    assert_eq!((told.after, told.lag), (5, 0));

    publish(&topics, "t", "6");
    slow.leaves("because");
    drop(slow);
    let inside = look(&topics, &[], 9);
    assert_eq!(inside.cursors.len(), 1);
    assert_eq!(inside.gone[0].cursor.number, 1);
    assert_eq!(inside.gone[0].cursor.lag, 1);
    assert_eq!(inside.gone[0].why.as_deref(), Some("because"));
}

#[tokio::test(start_paused = true)]
async fn of_many_some_are_told_of_and_all_are_counted() {
    let topics = topics(|_| {});
    let mut all: Vec<Subscriber> = Vec::new();
    // Each stands at a place of its own, the first the furthest behind.
    for n in 1..=250 {
        all.push(join(&topics, Transport::Stream, Some(span(n))));
        publish(&topics, "t", "x");
    }
    let inside = look(&topics, &[span(250), span(999)], 3);
    let numbers: Vec<u64> = inside.cursors.iter().map(|cursor| cursor.number).collect();
    assert_eq!(numbers, [250, 1, 2]);
    assert_eq!((inside.subscribers, inside.more), (250, 247));
    assert!(inside.places.len() as u64 <= INSIDE_PLACES_MAX + 1);
    assert_eq!(
        inside.places.iter().map(|(_, count)| count).sum::<u64>(),
        250
    );
    assert!(
        inside
            .places
            .is_sorted_by(|(one, _), (other, _)| one < other)
    );
    assert!(inside.places.iter().all(|(place, _)| *place <= 250));
    for subscriber in &mut all {
        subscriber.take(Budget::DELIVERY);
    }
    assert_eq!(look(&topics, &[], 3).places, [(250, 250)]);
    drop(all);
    let inside = look(&topics, &[], 3);
    assert_eq!((inside.subscribers, inside.more), (0, 0));
    assert_eq!(
        (inside.places.len(), inside.gone.len()),
        (0, INSIDE_GONE_MAX)
    );
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_is_answered_is_no_news_and_a_look_may_be_shared() {
    let topics = topics(|_| {});
    drop(join(&topics, Transport::LongPolling, None));
    let first = topics
        .inside("t", Duration::from_millis(100))
        .expect("there");
    assert!(first.told(&[], 1).gone.is_empty());
    publish(&topics, "t", "x");
    let age = Duration::from_millis(100);
    let again = topics.inside("t", age).expect("there");
    assert_eq!(again.told(&[], 1).last.offset, 0);
    tokio::time::advance(age).await;
    let later = topics.inside("t", age).expect("there");
    assert_eq!(later.told(&[], 1).last.offset, 1);
}

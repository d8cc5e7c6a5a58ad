//! One writer at a time: who takes over, who removes, and who stops waiting.

use futures_util::FutureExt;

use super::*;

/// Starts a piece that goes on until the test lets go of its feed, and waits until the first ten bytes are stored.
async fn writer(
    bench: &Bench,
    id: UploadId,
) -> (
    mpsc::UnboundedSender<Bytes>,
    tokio::task::JoinHandle<Result<u64>>,
) {
    let (feed, body) = by_hand();
    let (tell, mut events) = told();
    let uploads = bench.uploads.clone();
    let task = tokio::spawn(async move { uploads.append(id, Piece::default(), body, &tell).await });
    // More than one event covers, so that it is told at once.
    feed.send(Bytes::from(vec![1; 262_144])).expect("it reads");
    let event = events.recv().await.expect("it goes on");
    assert_eq!(event.kind, Kind::Stored);
    (feed, task)
}

#[tokio::test]
async fn who_is_behind_the_writer_does_not_disturb_it_and_who_comes_from_its_offset_takes_over() {
    let bench = Bench::new(|_| {});
    let id = bench.create(300_000).await.expect("created");
    let (_feed, stalled) = writer(&bench, id).await;
    let error = bench.append(id, 0, chunks(&[2; 10])).await;
    assert!(matches!(error, Err(Error::WrongOffset)), "{error:?}");
    assert!(!stalled.is_finished());

    let rest = vec![2; 300_000 - 262_144];
    let end = bench.append(id, 262_144, chunks(&rest)).await;
    assert_eq!(end.ok(), Some(300_000));
    let error = stalled.await.expect("no panic");
    assert!(matches!(error, Err(Error::TakenOver)), "{error:?}");
    let file = [vec![1; 262_144], rest].concat();
    assert_eq!(bench.sha256(id).await, digest(&file));
}

#[tokio::test]
async fn whoever_asks_for_the_offset_can_rely_on_it() {
    let bench = Bench::new(|_| {});
    let id = bench.create(300_000).await.expect("created");
    let (feed, stalled) = writer(&bench, id).await;
    assert_eq!(bench.offset(id).await, 262_144);
    let error = stalled.await.expect("no panic");
    assert!(matches!(error, Err(Error::TakenOver)), "{error:?}");
    // What comes on the old connection now is too late.
    assert!(feed.send(Bytes::from(vec![3; 10])).is_err());
    assert_eq!(bench.offset(id).await, 262_144);
    let rest = vec![2; 300_000 - 262_144];
    bench.append(id, 262_144, chunks(&rest)).await.expect("on");
    let file = [vec![1; 262_144], rest].concat();
    assert_eq!(bench.sha256(id).await, digest(&file));
}

#[tokio::test]
async fn removing_an_upload_stops_its_writer_and_leaves_nothing() {
    let bench = Bench::new(|_| {});
    let id = bench.create(300_000).await.expect("created");
    let (feed, writing) = writer(&bench, id).await;
    bench.uploads.remove(id, &silent()).await.expect("removed");
    let error = writing.await.expect("no panic");
    assert!(matches!(error, Err(Error::Gone)), "{error:?}");
    drop(feed);
    assert!(matches!(
        bench.uploads.remove(id, &silent()).await,
        Err(Error::Gone)
    ));
    assert_eq!(bench.files(), [""; 0]);
    assert_eq!(bench.uploads.inner.room.taken(), 0);
    let stranger = UploadId::random();
    assert!(matches!(
        bench.uploads.remove(stranger, &silent()).await,
        Err(Error::NotFound)
    ));
}

#[tokio::test]
async fn what_a_caller_stops_waiting_for_is_stored_all_the_same() {
    let bench = Bench::new(|_| {});
    let id = bench.create(1_000).await.expect("created");
    let (feed, body) = by_hand();
    let (tell, mut events) = told();
    let waiting = bench.uploads.append(id, Piece::default(), body, &tell);
    feed.send(Bytes::from_static(&[3; 400])).expect("it reads");
    // Polled once, then dropped: as a server does when the client is gone.
    assert!(waiting.now_or_never().is_none());
    drop(feed);
    let kinds = [events.recv().await, events.recv().await].map(|event| event.map(|e| e.kind));
    assert_eq!(kinds, [Some(Kind::Stored), Some(Kind::Synced)]);
    assert_eq!(bench.offset(id).await, 400);
}

#[tokio::test]
async fn an_upload_whose_answer_nobody_hears_is_removed() {
    let bench = Bench::new(|_| {});
    let (feed, body) = by_hand();
    let (tell, mut events) = told();
    let waiting = bench
        .uploads
        .create_with(Declared::default(), Piece::default(), body, &tell);
    feed.send(Bytes::from_static(&[3; 400])).expect("it reads");
    assert!(waiting.now_or_never().is_none());
    drop((feed, tell));
    while let Some(event) = events.recv().await {
        if event.kind == Kind::Removed {
            assert_eq!(bench.files(), [""; 0]);
            return;
        }
    }
    panic!("it was never removed");
}

//! Pieces with a checksum: whole and right, or not at all.

use super::*;

fn piece(offset: u64, bytes: &[u8]) -> Piece {
    Piece {
        offset,
        checksum: Some(Checksum {
            algorithm: Algorithm::Sha256,
            expected: Sha256::digest(bytes).to_vec(),
        }),
        ..Piece::default()
    }
}

async fn send(bench: &Bench, id: UploadId, piece: Piece, body: Chunks) -> Result<u64> {
    let body = stream::iter(body);
    bench.uploads.append(id, piece, body, &silent()).await
}

#[tokio::test]
async fn a_piece_is_kept_if_its_checksum_is_right() {
    let bench = Bench::new(|_| {});
    let file = noise(20_000);
    let id = bench.create(20_000).await.expect("created");
    let (one, two) = file.split_at(12_345);
    let at = send(&bench, id, piece(0, one), chunks(one)).await;
    assert_eq!(at.ok(), Some(12_345));

    let error = send(&bench, id, piece(12_345, one), chunks(two)).await;
    assert!(matches!(error, Err(Error::Mismatch)), "{error:?}");
    assert_eq!(bench.offset(id).await, 12_345);
    assert_eq!(bench.uploads.inner.room.taken(), 12_345);

    let at = send(&bench, id, piece(12_345, two), chunks(two)).await;
    assert_eq!(at.ok(), Some(20_000));
    assert_eq!(bench.sha256(id).await, digest(&file));
    assert_eq!(bench.uploads.inner.room.taken(), 20_000);
}

#[tokio::test]
async fn one_that_breaks_off_leaves_nothing() {
    let mut bench = Bench::new(|_| {});
    let file = noise(3_000_000);
    let id = bench.create(3_000_000).await.expect("created");
    bench.append(id, 0, chunks(&file[..10])).await.expect("10");
    let error = send(&bench, id, piece(10, &file[10..]), broken(&file[10..])).await;
    assert!(matches!(error, Err(Error::BrokeOff(_))), "{error:?}");
    assert_eq!(bench.offset(id).await, 10);
    let data = bench.folder.path().join(format!("uploads/{id}.data"));
    assert_eq!(fs::metadata(&data).expect("there").len(), 10);
    bench.reopen();
    assert_eq!(bench.offset(id).await, 10);
    bench
        .append(id, 10, chunks(&file[10..]))
        .await
        .expect("the rest");
    assert_eq!(bench.sha256(id).await, digest(&file));
}

#[tokio::test]
async fn one_that_is_taken_over_leaves_nothing() {
    let bench = Bench::new(|_| {});
    let id = bench.create(300_000).await.expect("created");
    let (feed, body) = by_hand();
    let (tell, mut events) = told();
    let uploads = bench.uploads.clone();
    let checked = piece(0, &[1; 300_000]);
    let task = tokio::spawn(async move { uploads.append(id, checked, body, &tell).await });
    feed.send(Bytes::from(vec![1; 262_144])).expect("it reads");
    while events.recv().await.is_some_and(|e| e.kind != Kind::Stored) {}
    assert_eq!(bench.offset(id).await, 0);
    let error = task.await.expect("no panic");
    assert!(matches!(error, Err(Error::TakenOver)), "{error:?}");
    assert_eq!(bench.uploads.inner.room.taken(), 0);
}

#[tokio::test]
async fn a_crash_in_the_middle_leaves_nothing() {
    let mut bench = Bench::new(|_| {});
    let file = noise(600_000);
    let id = bench.create(600_000).await.expect("created");
    bench
        .append(id, 0, chunks(&file[..100]))
        .await
        .expect("100");
    let (feed, body) = by_hand();
    let (tell, mut events) = told();
    let uploads = bench.uploads.clone();
    let checked = piece(100, &file[100..]);
    let task = tokio::spawn(async move { uploads.append(id, checked, body, &tell).await });
    feed.send(Bytes::from(vec![1; 262_144])).expect("it reads");
    while events.recv().await.is_some_and(|e| e.kind != Kind::Stored) {}
    // What a killed program leaves: the folder as it is now.
    let crashed = tempfile::tempdir().expect("a folder");
    fs::create_dir(crashed.path().join("uploads")).expect("made");
    for name in bench.files() {
        let path = |folder: &TempDir| folder.path().join("uploads").join(&name);
        fs::copy(path(&bench.folder), path(&crashed)).expect("copied");
    }
    let data = crashed.path().join(format!("uploads/{id}.data"));
    assert_eq!(fs::metadata(&data).expect("there").len(), 262_244);
    task.abort();
    drop(feed);
    bench.folder = crashed;
    bench.reopen();
    assert_eq!(bench.offset(id).await, 100);
    assert_eq!(fs::metadata(&data).expect("there").len(), 100);
    bench
        .append(id, 100, chunks(&file[100..]))
        .await
        .expect("the rest");
    // The mark is off the record: what came since stays.
    bench.reopen();
    assert_eq!(bench.sha256(id).await, digest(&file));
}

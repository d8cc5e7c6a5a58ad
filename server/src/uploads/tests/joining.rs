//! Files joined from parts.

use super::*;

async fn part(bench: &Bench, bytes: &[u8], length: u64) -> UploadId {
    let declared = Declared {
        length: Some(length),
        role: Role::Part,
        ..Declared::default()
    };
    let id = bench.uploads.create(declared, &silent()).await;
    let id = id.expect("created");
    bench.append(id, 0, chunks(bytes)).await.expect("stored");
    id
}

async fn join(bench: &Bench, parts: &[UploadId]) -> Result<UploadId> {
    let declared = Declared {
        role: Role::Joined("final;…".into()),
        ..Declared::default()
    };
    let joined = bench.uploads.join(declared, parts, &silent()).await;
    joined.map(|(id, _)| id)
}

#[tokio::test]
async fn parts_become_one_file_in_the_order_that_is_said() {
    let mut bench = Bench::new(|_| {});
    let file = noise(700_000);
    let one = part(&bench, &file[..300_000], 300_000).await;
    let two = part(&bench, &file[300_000..], 400_000).await;
    let joined = join(&bench, &[one, two]).await.expect("joined");
    assert_eq!(bench.sha256(joined).await, digest(&file));
    let turned = [&file[300_000..], &file[..300_000]].concat();
    let other = join(&bench, &[two, one]).await.expect("joined again");
    assert_eq!(bench.sha256(other).await, digest(&turned));
    let error = bench.append(joined, 700_000, chunks(&[1])).await;
    assert!(matches!(error, Err(Error::Joined)), "{error:?}");
    let error = bench.uploads.whole(one, &silent()).await;
    assert!(matches!(error, Err(Error::Part)), "{error:?}");
    bench.reopen();
    assert_eq!(bench.sha256(joined).await, digest(&file));
}

#[tokio::test]
async fn only_finished_parts_that_are_there_are_joined() {
    let bench = Bench::new(|_| {});
    let whole = part(&bench, &[1; 10], 10).await;
    let unfinished = part(&bench, &[1; 10], 11).await;
    let file = bench.create(0).await.expect("created");
    let removed = part(&bench, &[1; 10], 10).await;
    bench
        .uploads
        .remove(removed, &silent())
        .await
        .expect("gone");
    let error = join(&bench, &[whole, unfinished]).await;
    assert!(matches!(error, Err(Error::PartUnfinished(2))), "{error:?}");
    for other in [file, removed, UploadId::random()] {
        let error = join(&bench, &[whole, whole, other]).await;
        assert!(matches!(error, Err(Error::NoPart(3))), "{error:?}");
    }
    assert_eq!(bench.files().len(), 6);
}

#[tokio::test]
async fn what_is_joined_is_bounded_as_any_file_is() {
    let bench = Bench::new(|limits| {
        limits.file_bytes = 30;
        limits.total_bytes = 50;
    });
    let one = part(&bench, &[1; 15], 15).await;
    assert!(join(&bench, &[one, one]).await.is_ok(), "at the limit");
    let two = part(&bench, &[1; 1], 1).await;
    let error = join(&bench, &[one, one, two]).await;
    assert!(matches!(error, Err(Error::TooLarge(30))), "{error:?}");
    let error = join(&bench, &[one]).await;
    assert!(matches!(error, Err(Error::Full(50))), "{error:?}");
}

#[tokio::test]
async fn joined_parts_give_back_their_room_within_the_hour() {
    let bench = Bench::new(|_| {});
    let one = part(&bench, &[1; 15], 15).await;
    join(&bench, &[one]).await.expect("joined");
    bench.pass(3_599);
    bench.uploads.sweep();
    let joined = join(&bench, &[one]).await.expect("asked again");
    bench.pass(3_600);
    bench.uploads.sweep();
    assert!(matches!(
        bench.uploads.progress(one).await,
        Err(Error::Gone)
    ));
    assert_eq!(bench.sha256(joined).await, digest(&[1; 15]));
    assert_eq!(bench.uploads.inner.room.taken(), 30);
}

#[tokio::test]
async fn a_join_that_a_crash_broke_off_leaves_nothing() {
    let mut bench = Bench::new(|_| {});
    let declared = Declared {
        length: Some(30),
        role: Role::Joined("final;…".into()),
        ..Declared::default()
    };
    let created = bench.uploads.create(declared, &silent()).await;
    created.expect("created");
    bench.reopen();
    assert_eq!(bench.files(), [""; 0]);
}

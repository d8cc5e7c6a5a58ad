//! Limits of files, addresses and the disk; what makes room: age, expiry, and clearing away.

use super::*;

#[tokio::test]
async fn a_file_does_not_grow_past_its_length_or_the_limit() {
    let bench = Bench::new(|limits| limits.file_bytes = 1_000);
    assert!(matches!(
        bench.create(1_001).await,
        Err(Error::TooLarge(1_000))
    ));
    let id = bench.create(1_000).await.expect("at the limit");
    let error = bench.append(id, 0, chunks(&[0; 1_001])).await;
    assert!(matches!(error, Err(Error::TooLarge(1_000))), "{error:?}");
    let piece = Piece {
        bytes: Some(1_001),
        ..Piece::default()
    };
    let body = stream::iter(chunks(&[0; 1_001]));
    let error = bench.uploads.append(id, piece, body, &silent()).await;
    assert!(matches!(error, Err(Error::TooLarge(1_000))), "{error:?}");
    let offset = bench.offset(id).await;
    let rest = vec![0; 1_000 - usize::try_from(offset).expect("small")];
    assert_eq!(
        bench.append(id, offset, chunks(&rest)).await.ok(),
        Some(1_000)
    );
    assert_eq!(bench.append(id, 1_000, vec![]).await.ok(), Some(1_000));

    // The length is not known beforehand: the limit holds all the same.
    let id = bench
        .uploads
        .create(Declared::default(), &silent())
        .await
        .expect("created");
    let error = bench.append(id, 0, chunks(&[0; 1_001])).await;
    assert!(matches!(error, Err(Error::TooLarge(1_000))), "{error:?}");
}

#[tokio::test]
async fn caps_on_disk_and_numbers_hold_at_the_limit_and_one_past_it() {
    let bench = Bench::new(|limits| {
        limits.total_bytes = 100;
        limits.unfinished = 2;
        limits.uploads = 3;
    });
    let one = bench.create(60).await.expect("created");
    let two = bench
        .create(60)
        .await
        .expect("nothing is set aside for the first");
    assert!(matches!(bench.create(1).await, Err(Error::TooMany(2))));
    bench
        .append(one, 0, chunks(&[0; 60]))
        .await
        .expect("stored");
    bench
        .append(two, 0, chunks(&[0; 40]))
        .await
        .expect("just fits");
    let error = bench.append(two, 40, chunks(&[0; 1])).await;
    assert!(matches!(error, Err(Error::Full(100))), "{error:?}");
    assert_eq!(bench.offset(two).await, 40);
    assert!(matches!(bench.create(1).await, Err(Error::Full(100))));

    bench.uploads.remove(one, &silent()).await.expect("removed");
    bench
        .append(two, 40, chunks(&[0; 20]))
        .await
        .expect("there is room again");
    for _ in 0..2 {
        bench.create(0).await.expect("created");
    }
    assert!(matches!(bench.create(0).await, Err(Error::TooMany(3))));
}

#[tokio::test]
async fn one_address_cannot_take_all_places() {
    let bench = Bench::new(|limits| limits.unfinished_per_address = 2);
    let create = |from: &str| {
        let declared = Declared {
            length: Some(10),
            from: Some(from.parse().expect("an address")),
            ..Declared::default()
        };
        let uploads = bench.uploads.clone();
        async move { uploads.create(declared, &silent()).await }
    };
    let first = create("192.0.2.1").await.expect("created");
    create("192.0.2.1").await.expect("at the limit");
    assert!(matches!(create("192.0.2.1").await, Err(Error::TooMany(2))));
    create("192.0.2.2").await.expect("another address");
    bench.create(10).await.expect("one that does not count");
    bench
        .append(first, 0, chunks(&[0; 10]))
        .await
        .expect("stored");
    create("192.0.2.1").await.expect("one is finished");
}

#[tokio::test]
async fn the_files_from_one_address_cannot_take_all_the_room() {
    let bench = Bench::new(|limits| {
        limits.bytes_per_address = 100;
        limits.total_bytes = 1_000;
    });
    let store = |from: &str, bytes: usize| {
        let declared = Declared {
            from: Some(from.parse().expect("an address")),
            ..Declared::default()
        };
        let piece = Piece {
            last: true,
            ..Piece::default()
        };
        let body = stream::iter(chunks(&vec![0; bytes]));
        let uploads = bench.uploads.clone();
        async move {
            let stored = uploads.create_with(declared, piece, body, &silent()).await;
            stored.map(|(id, _)| id)
        }
    };
    let first = store("192.0.2.1", 60).await.expect("stored");
    store("192.0.2.1", 40).await.expect("at the limit");
    let error = store("192.0.2.1", 1).await;
    assert!(matches!(error, Err(Error::AddressFull(100))), "{error:?}");
    store("192.0.2.2", 100).await.expect("another address");
    bench.uploads.remove(first, &silent()).await.expect("gone");
    store("192.0.2.1", 60).await.expect("room again");
}

#[tokio::test]
async fn an_unfinished_upload_left_alone_for_an_hour_makes_room() {
    let bench = Bench::new(|limits| limits.unfinished = 2);
    let idle = bench.create(10).await.expect("created");
    bench.pass(3_599);
    let busy = bench.create(10).await.expect("created");
    assert!(matches!(bench.create(10).await, Err(Error::TooMany(2))));
    bench.pass(1);
    bench.create(10).await.expect("the first has made room");
    assert!(matches!(
        bench.uploads.progress(idle).await,
        Err(Error::Gone)
    ));
    assert_eq!(bench.offset(busy).await, 0);
    assert_eq!(bench.files().len(), 4);
}

#[tokio::test]
async fn what_is_too_old_goes_and_its_files_with_it() {
    let mut bench = Bench::new(|limits| limits.age = Duration::from_secs(100));
    let unfinished = bench.create(10).await.expect("created");
    let finished = bench.create(10).await.expect("created");
    bench.pass(50);
    bench
        .append(finished, 0, chunks(&[0; 10]))
        .await
        .expect("stored");
    assert_eq!(
        bench.uploads.expires(unfinished).expect("there"),
        Some(UNIX_EPOCH + Duration::from_secs(1_000_100))
    );
    assert_eq!(bench.uploads.expires(finished).expect("there"), None);

    bench.pass(49);
    bench.uploads.sweep();
    assert_eq!(bench.offset(unfinished).await, 0);
    bench.pass(1);
    bench.uploads.sweep();
    assert!(matches!(
        bench.uploads.progress(unfinished).await,
        Err(Error::Gone)
    ));
    assert_eq!(bench.offset(finished).await, 10);

    // The other expires while the program is not running.
    bench.pass(50);
    bench.reopen();
    assert!(bench.uploads.progress(finished).await.is_err());
    assert_eq!(bench.files(), [""; 0]);
    assert_eq!(bench.uploads.inner.room.taken(), 0);
}

#[tokio::test]
async fn what_has_expired_makes_room_at_once() {
    let bench = Bench::new(|limits| {
        limits.total_bytes = 100;
        limits.age = Duration::from_secs(100);
    });
    let old = bench.create(100).await.expect("created");
    bench.append(old, 0, chunks(&[0; 100])).await.expect("full");
    bench.pass(99);
    assert!(matches!(bench.create(1).await, Err(Error::Full(100))));
    bench.pass(1);
    assert!(matches!(
        bench.uploads.whole(old, &silent()).await,
        Err(Error::Gone)
    ));
    let new = bench.create(100).await.expect("the old one has gone");
    bench.append(new, 0, chunks(&[1; 100])).await.expect("fits");
}

#[tokio::test]
async fn files_without_a_record_are_cleared_away_and_strangers_left_alone() {
    let mut bench = Bench::new(|_| {});
    let folder = bench.folder.path().join("uploads");
    let orphan = UploadId::random();
    let leavings = |id: UploadId| {
        for name in [
            format!("{id}.data"),
            format!("{id}.preview"),
            format!("{id}.json.new"),
            "notes.txt".into(),
        ] {
            fs::write(folder.join(name), b"x").expect("written");
        }
    };
    leavings(orphan);
    fs::write(folder.join(format!("{}.json", UploadId::random())), b"{").expect("written");
    // Another program with the same folder: what looks left behind may be in the making.
    let second = open(&bench.folder, &bench.limits, &bench.now_s);
    assert_eq!(bench.files().len(), 5);
    drop(second);
    bench.reopen();
    let left = bench.files();
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.contains(&"notes.txt".to_owned()));
}

#[tokio::test]
async fn what_nobody_can_go_on_with_does_not_outlive_the_program() {
    let mut bench = Bench::new(|_| {});
    let declared = Declared {
        role: Role::AtOnce,
        ..Declared::default()
    };
    let id = bench
        .uploads
        .create(declared, &silent())
        .await
        .expect("created");
    bench.append(id, 0, chunks(&[1; 9])).await.expect("stored");
    bench.reopen();
    assert_eq!(bench.files(), [""; 0]);
    assert_eq!(bench.uploads.inner.room.taken(), 0);
}

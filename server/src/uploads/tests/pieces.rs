//! Pieces join up to the file, whatever breaks between them; what is told of them.

use proptest::prelude::*;
use wire::trace::Truth;

use super::*;

#[tokio::test]
async fn pieces_join_up_over_breaks_and_restarts() {
    let file = noise(300_000);
    let mut bench = Bench::new(|_| {});
    let id = bench.create(300_000).await.expect("created");
    assert_eq!(
        bench.append(id, 0, chunks(&file[..100_000])).await.ok(),
        Some(100_000)
    );

    let error = bench
        .append(id, 100_000, broken(&file[100_000..150_500]))
        .await;
    assert!(matches!(error, Err(Error::BrokeOff(_))), "{error:?}");
    assert_eq!(bench.offset(id).await, 150_500);

    bench.reopen();
    assert_eq!(bench.offset(id).await, 150_500);
    let error = bench.uploads.whole(id, &silent()).await;
    assert!(matches!(
        error,
        Err(Error::Unfinished { received: 150_500 })
    ));
    let end = bench.append(id, 150_500, chunks(&file[150_500..])).await;
    assert_eq!(end.ok(), Some(300_000));
    assert_eq!(bench.sha256(id).await, digest(&file));

    bench.reopen();
    assert_eq!(bench.sha256(id).await, digest(&file));
    let mut original = Vec::new();
    let (_, mut stored) = bench
        .uploads
        .original(id, &silent())
        .await
        .expect("it opens");
    io::Read::read_to_end(&mut stored, &mut original).expect("it reads");
    assert_eq!(original, file);
}

#[tokio::test]
async fn without_digests_pieces_are_kept_as_ever_and_none_is_told() {
    let file = noise(20_000);
    let mut bench = Bench::new(|limits| limits.without_digests = true);
    let id = bench.create(20_000).await.expect("created");
    let error = bench.append(id, 0, broken(&file[..12_500])).await;
    assert!(matches!(error, Err(Error::BrokeOff(_))), "{error:?}");
    bench.reopen();
    let end = bench.append(id, 12_500, chunks(&file[12_500..])).await;
    assert_eq!(end.ok(), Some(20_000));
    let (whole, mut stored) = bench
        .uploads
        .original(id, &silent())
        .await
        .expect("it opens");
    assert_eq!(whole.sha256, None);
    let mut original = Vec::new();
    io::Read::read_to_end(&mut stored, &mut original).expect("it reads");
    assert_eq!(original, file);
}

#[tokio::test]
async fn a_file_whose_end_arrived_just_before_a_crash_is_finished_by_whoever_asks() {
    let file = noise(10_000);
    let mut bench = Bench::new(|_| {});
    let id = bench.create(10_000).await.expect("created");
    bench
        .append(id, 0, chunks(&file[..5_000]))
        .await
        .expect("stored");
    // What a crash leaves that came after the last bytes and before the record.
    let data = bench.folder.path().join(format!("uploads/{id}.data"));
    fs::write(data, &file).expect("written");
    bench.reopen();
    assert_eq!(bench.offset(id).await, 10_000);
    assert_eq!(bench.sha256(id).await, digest(&file));
}

#[tokio::test]
async fn bytes_must_follow_on_those_that_are_there() {
    let bench = Bench::new(|_| {});
    let id = bench.create(100).await.expect("created");
    bench.append(id, 0, chunks(&[1; 50])).await.expect("stored");
    for offset in [0, 49, 51, 100, u64::MAX] {
        let error = bench.append(id, offset, chunks(&[2; 10])).await;
        assert!(matches!(error, Err(Error::WrongOffset)), "{error:?}");
    }
    assert_eq!(bench.offset(id).await, 50);
}

#[tokio::test]
async fn a_length_may_be_said_late_and_only_once() {
    let mut bench = Bench::new(|limits| limits.file_bytes = 1_000);
    let id = bench
        .uploads
        .create(Declared::default(), &silent())
        .await
        .expect("created");
    bench.append(id, 0, chunks(&[7; 10])).await.expect("stored");
    assert_eq!(
        bench.uploads.progress(id).await.expect("there").length,
        None
    );
    let say = |bench: &Bench, offset, length| {
        let piece = Piece {
            offset,
            length: Some(length),
            ..Piece::default()
        };
        let uploads = bench.uploads.clone();
        let body = stream::iter(chunks(&[7; 5]));
        async move { uploads.append(id, piece, body, &silent()).await }
    };
    assert!(matches!(
        say(&bench, 10, 1_001).await,
        Err(Error::TooLarge(1_000))
    ));
    assert!(matches!(
        say(&bench, 10, 9).await,
        Err(Error::WrongLength(10))
    ));
    assert_eq!(say(&bench, 10, 20).await.ok(), Some(15));
    bench.reopen();
    assert!(matches!(
        say(&bench, 15, 21).await,
        Err(Error::WrongLength(20))
    ));
    assert_eq!(say(&bench, 15, 20).await.ok(), Some(20));
    assert_eq!(bench.sha256(id).await, digest(&[7; 20]));
}

#[tokio::test]
async fn the_trace_of_a_piece_is_short_and_complete() {
    let bench = Bench::new(|_| {});
    let file = noise(8 * 1024 * 1024);
    let (tell, mut events) = told();
    let declared = Declared {
        length: Some(file.len() as u64),
        ..Declared::default()
    };
    let id = bench
        .uploads
        .create(declared, &tell)
        .await
        .expect("created");
    let body = stream::iter(
        file.chunks(10_000)
            .map(|chunk| Ok::<_, String>(Bytes::copy_from_slice(chunk)))
            .collect::<Vec<_>>(),
    );
    bench
        .uploads
        .append(id, Piece::default(), body, &tell)
        .await
        .expect("stored");
    drop(tell);
    let mut kinds = Vec::new();
    let mut offset = 0;
    while let Some(event) = events.recv().await {
        assert_eq!(event.detail.upload, Some(id.to_string()));
        assert_eq!(event.truth, Truth::Measured);
        if event.kind == Kind::Stored {
            assert_eq!(event.detail.offset, Some(offset));
            offset += event.bytes.expect("it says how many");
        }
        if event.kind == Kind::Finished {
            assert_eq!(event.detail.sha256, Some(digest(&file)));
        }
        kinds.push(event.kind);
    }
    assert_eq!(offset, file.len() as u64);
    assert!(kinds.len() < 40, "{} events", kinds.len());
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            Kind::Created,
            Kind::Stored,
            Kind::Synced,
            Kind::Hashed,
            Kind::Finished
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn however_it_arrives_the_file_is_the_same(
        length in 0usize..40_000,
        pieces in prop::collection::vec((1usize..9_000, any::<bool>(), any::<bool>()), 1..12),
    ) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let file = noise(length);
            let mut bench = Bench::new(|_| {});
            let id = bench.create(length as u64).await.expect("created");
            for (size, breaks, restarts) in pieces {
                let offset = bench.offset(id).await;
                let from = usize::try_from(offset).expect("small");
                let piece = &file[from..(from + size).min(length)];
                let body = if breaks { broken(piece) } else { chunks(piece) };
                let result = bench.append(id, offset, body).await;
                prop_assert_eq!(result.is_ok(), !breaks);
                prop_assert_eq!(bench.offset(id).await, offset + piece.len() as u64);
                if restarts {
                    bench.reopen();
                }
            }
            let offset = bench.offset(id).await;
            let from = usize::try_from(offset).expect("small");
            bench.append(id, offset, chunks(&file[from..])).await.expect("stored");
            prop_assert_eq!(bench.sha256(id).await, digest(&file));
            Ok(())
        })?;
    }
}

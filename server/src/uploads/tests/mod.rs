//! The storage without HTTP: pieces, breaks, restarts, caps, expiry.

mod checksums;
mod joining;
mod pictures;
mod trouble;

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::sync::mpsc;
use wire::trace::Truth;

use super::*;

type Chunks = Vec<Result<Bytes, String>>;

/// A storage in a folder of its own, with a clock that stands still until it is told.
struct Bench {
    folder: TempDir,
    limits: Limits,
    now_s: Arc<AtomicU64>,
    uploads: Uploads,
}

impl Bench {
    fn new(change: impl FnOnce(&mut Limits)) -> Bench {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut limits = Limits::default();
        change(&mut limits);
        let now_s = Arc::new(AtomicU64::new(1_000_000));
        let uploads = open(&folder, &limits, &now_s);
        Bench {
            folder,
            limits,
            now_s,
            uploads,
        }
    }

    /// What is left when the program starts anew.
    fn reopen(&mut self) {
        // The old one has to let go of the folder first.
        let elsewhere = tempfile::tempdir().expect("a temporary folder");
        self.uploads = open(&elsewhere, &self.limits, &self.now_s);
        self.uploads = open(&self.folder, &self.limits, &self.now_s);
    }

    fn pass(&self, seconds: u64) {
        self.now_s.fetch_add(seconds, Relaxed);
    }

    async fn create(&self, length: u64) -> Result<UploadId> {
        let declared = Declared {
            length: Some(length),
            ..Declared::default()
        };
        self.uploads.create(declared, &silent()).await
    }

    async fn append(&self, id: UploadId, offset: u64, chunks: Chunks) -> Result<u64> {
        let piece = Piece {
            offset,
            ..Piece::default()
        };
        self.uploads
            .append(id, piece, stream::iter(chunks), &silent())
            .await
    }

    async fn offset(&self, id: UploadId) -> u64 {
        self.uploads.progress(id).await.expect("it is there").offset
    }

    async fn sha256(&self, id: UploadId) -> String {
        let whole = self.uploads.whole(id, &silent()).await;
        let whole = whole.expect("it is finished");
        whole.sha256.expect("it is computed").to_string()
    }

    /// The names of the uploads' files.
    fn files(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.folder.path().join("uploads"))
            .expect("the folder is there")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("UTF-8")
            })
            .collect();
        names.retain(|name| name != "lock");
        names.sort();
        names
    }
}

fn open(folder: &TempDir, limits: &Limits, now_s: &Arc<AtomicU64>) -> Uploads {
    let now_s = Arc::clone(now_s);
    let clock: Clock = Arc::new(move || UNIX_EPOCH + Duration::from_secs(now_s.load(Relaxed)));
    let storage = Folder::open(folder.path().join("uploads")).expect("a folder");
    Uploads::over(Arc::new(storage), limits.clone(), clock).expect("it opens")
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn chunks(bytes: &[u8]) -> Chunks {
    bytes
        .chunks(1_000)
        .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
        .collect()
}

fn broken(bytes: &[u8]) -> Chunks {
    let mut chunks = chunks(bytes);
    chunks.push(Err("the connection is gone".into()));
    chunks
}

fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[0]
        })
        .collect()
}

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

/// A body that this test feeds by hand.
fn by_hand() -> (mpsc::UnboundedSender<Bytes>, impl Stream) {
    let (feed, mut fed) = mpsc::unbounded_channel();
    let body = stream::poll_fn(move |cx| fed.poll_recv(cx)).map(Ok::<_, String>);
    (feed, body)
}

trait Stream: futures_util::Stream<Item = Result<Bytes, String>> + Send + Unpin + 'static {}
impl<S: futures_util::Stream<Item = Result<Bytes, String>> + Send + Unpin + 'static> Stream for S {}

/// A [`Tell`] that hands every event to the test.
fn told() -> (Tell, mpsc::UnboundedReceiver<Draft>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let tell: Tell = Arc::new(move |draft| {
        let _ = sender.send(draft);
    });
    (tell, receiver)
}

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

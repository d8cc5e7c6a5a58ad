//! A disk that is full, read-only, or has lost something.

use std::{
    io::{ErrorKind, Write},
    sync::atomic::AtomicBool,
};

use super::*;

/// A folder whose disk can be made to fail.
#[derive(Debug)]
struct Failing {
    folder: Folder,
    trouble: Arc<Trouble>,
}

#[derive(Debug, Default)]
struct Trouble {
    /// How many more bytes fit, where there is a bound.
    room: Mutex<Option<u64>>,
    no_sync: AtomicBool,
    no_record: AtomicBool,
}

impl Trouble {
    fn record(&self) -> io::Result<()> {
        if self.no_record.load(Relaxed) {
            return Err(ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl Storage for Failing {
    fn load(&self) -> io::Result<Vec<Found>> {
        self.folder.load()
    }
    fn create(&self, id: UploadId, record: &Record) -> io::Result<()> {
        self.trouble.record()?;
        self.folder.create(id, record)
    }
    fn append(&self, id: UploadId, at: u64) -> io::Result<Box<dyn Append>> {
        let file = self.folder.append(id, at)?;
        let trouble = Arc::clone(&self.trouble);
        Ok(Box::new(FailingFile { file, trouble }))
    }
    fn read(&self, id: UploadId) -> io::Result<Content> {
        self.folder.read(id)
    }
    fn write_record(&self, id: UploadId, record: &Record) -> io::Result<()> {
        self.trouble.record()?;
        self.folder.write_record(id, record)
    }
    fn write_preview(&self, id: UploadId, bytes: &[u8]) -> io::Result<()> {
        self.folder.write_preview(id, bytes)
    }
    fn read_preview(&self, id: UploadId) -> io::Result<Content> {
        self.folder.read_preview(id)
    }
    fn remove(&self, id: UploadId) -> io::Result<()> {
        self.folder.remove(id)
    }
}

struct FailingFile {
    file: Box<dyn Append>,
    trouble: Arc<Trouble>,
}

impl Write for FailingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut room = self.trouble.room.lock();
        let Some(room) = room.as_mut() else {
            return self.file.write(bytes);
        };
        if *room == 0 {
            return Err(ErrorKind::StorageFull.into());
        }
        let fits = bytes
            .len()
            .min(usize::try_from(*room).unwrap_or(usize::MAX));
        let written = self.file.write(&bytes[..fits])?;
        *room -= written as u64;
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Append for FailingFile {
    fn sync(&mut self) -> io::Result<()> {
        if self.trouble.no_sync.load(Relaxed) {
            return Err(io::Error::other("the disk does not answer"));
        }
        self.file.sync()
    }
}

fn failing() -> (Bench, Arc<Trouble>) {
    let mut bench = Bench::new(|_| {});
    let trouble = Arc::<Trouble>::default();
    let path = bench.folder.path().join("uploads");
    let elsewhere = tempfile::tempdir().expect("a folder");
    bench.uploads = open(&elsewhere, &bench.limits, &bench.now_s);
    let storage = Failing {
        folder: Folder::open(path).expect("a folder"),
        trouble: Arc::clone(&trouble),
    };
    let clock: Clock = Arc::new(|| UNIX_EPOCH + Duration::from_secs(1_000_000));
    bench.uploads =
        Uploads::over(Arc::new(storage), bench.limits.clone(), clock).expect("it opens");
    (bench, trouble)
}

fn is_full(error: &Result<u64>) -> bool {
    matches!(error, Err(Error::Io(error)) if error.kind() == ErrorKind::StorageFull)
}

#[tokio::test]
async fn a_full_disk_fails_the_piece_and_harms_nothing_else() {
    let (bench, trouble) = failing();
    let file = noise(3_000_000);
    let other = bench.create(10).await.expect("created");
    let id = bench.create(3_000_000).await.expect("created");
    bench
        .append(id, 0, chunks(&file[..500_000]))
        .await
        .expect("stored");

    *trouble.room.lock() = Some(1_234_567);
    let error = bench.append(id, 500_000, chunks(&file[500_000..])).await;
    assert!(is_full(&error), "{error:?}");
    let offset = bench.offset(id).await;
    assert!((500_000..=1_734_567).contains(&offset), "{offset}");
    let data = bench.folder.path().join(format!("uploads/{id}.data"));
    assert_eq!(fs::metadata(data).expect("there").len(), offset);
    assert_eq!(bench.uploads.inner.room.taken(), offset);

    *trouble.room.lock() = None;
    bench
        .append(other, 0, chunks(&[5; 10]))
        .await
        .expect("stored");
    assert_eq!(bench.sha256(other).await, digest(&[5; 10]));
    let from = usize::try_from(offset).expect("small");
    bench
        .append(id, offset, chunks(&file[from..]))
        .await
        .expect("the rest");
    assert_eq!(bench.sha256(id).await, digest(&file));
}

#[tokio::test]
async fn what_could_not_be_synced_does_not_count() {
    let (bench, trouble) = failing();
    let file = noise(1_000);
    let id = bench.create(1_000).await.expect("created");
    bench
        .append(id, 0, chunks(&file[..400]))
        .await
        .expect("stored");
    trouble.no_sync.store(true, Relaxed);
    let error = bench.append(id, 400, chunks(&file[400..])).await;
    assert!(matches!(error, Err(Error::Io(_))), "{error:?}");
    assert_eq!(bench.offset(id).await, 400);
    assert_eq!(bench.uploads.inner.room.taken(), 400);
    trouble.no_sync.store(false, Relaxed);
    bench
        .append(id, 400, chunks(&file[400..]))
        .await
        .expect("now");
    assert_eq!(bench.sha256(id).await, digest(&file));
}

#[tokio::test]
async fn an_offset_in_doubt_is_not_told_before_the_record_says_that_it_is_not() {
    let (mut bench, trouble) = failing();
    let file = noise(1_000);
    let id = bench.create(1_000).await.expect("created");
    let (feed, body) = by_hand();
    let (tell, mut events) = told();
    let uploads = bench.uploads.clone();
    let piece = Piece {
        checksum: Some(Checksum {
            algorithm: Algorithm::Sha256,
            expected: Sha256::digest(&file[..600]).to_vec(),
        }),
        ..Piece::default()
    };
    let task = tokio::spawn(async move { uploads.append(id, piece, body, &tell).await });
    feed.send(Bytes::copy_from_slice(&file[..600]))
        .expect("it reads");
    // The mark is on the disk once the body is read to its end; then no record can be written any more.
    while !fs::read_to_string(bench.folder.path().join(format!("uploads/{id}.json")))
        .expect("a record")
        .contains("\"vouched\": 0")
    {
        tokio::task::yield_now().await;
    }
    trouble.no_record.store(true, Relaxed);
    drop(feed);
    let error = task.await.expect("no panic");
    assert!(is_full(&error), "{error:?}");
    while events.try_recv().is_ok() {}
    let error = bench.uploads.progress(id).await;
    assert!(matches!(error, Err(Error::Io(_))), "{error:?}");
    let error = bench.append(id, 600, chunks(&file[600..])).await;
    assert!(is_full(&error), "{error:?}");

    trouble.no_record.store(false, Relaxed);
    assert_eq!(bench.offset(id).await, 600);
    bench.reopen();
    assert_eq!(bench.offset(id).await, 600);
}

#[tokio::test]
async fn a_lost_file_is_said_and_not_made_up() {
    let bench = Bench::new(|_| {});
    let whole = bench.create(10).await.expect("created");
    let begun = bench.create(10).await.expect("created");
    let short = bench.create(10).await.expect("created");
    bench
        .append(whole, 0, chunks(&[1; 10]))
        .await
        .expect("stored");
    bench
        .append(begun, 0, chunks(&[1; 5]))
        .await
        .expect("stored");
    bench
        .append(short, 0, chunks(&[1; 5]))
        .await
        .expect("stored");
    let data = |id| bench.folder.path().join(format!("uploads/{id}.data"));
    fs::remove_file(data(whole)).expect("removed");
    fs::remove_file(data(begun)).expect("removed");
    fs::write(data(short), [1; 4]).expect("cut");
    for id in [begun, short] {
        let error = bench.uploads.progress(id).await;
        assert!(matches!(error, Err(Error::Lost)), "{error:?}");
        let error = bench.append(id, 5, chunks(&[1; 5])).await;
        assert!(matches!(error, Err(Error::Lost)), "{error:?}");
    }
    let error = bench.uploads.original(whole, &silent()).await.err();
    assert!(matches!(error, Some(Error::Lost)), "{error:?}");
    let error = bench.uploads.picture(whole, &silent()).await;
    assert!(matches!(error, Err(Error::Lost)), "{error:?}");
}

#[tokio::test]
async fn what_cannot_be_created_leaves_nothing() {
    let (bench, trouble) = failing();
    trouble.no_record.store(true, Relaxed);
    assert!(bench.create(10).await.is_err());
    trouble.no_record.store(false, Relaxed);
    assert_eq!(bench.files(), [""; 0]);
    assert!(bench.uploads.inner.uploads.lock().is_empty());
}

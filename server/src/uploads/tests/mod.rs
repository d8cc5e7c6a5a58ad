//! The storage without HTTP: pieces, breaks, restarts, caps, expiry.

mod bounds;
mod checksums;
mod joining;
mod pictures;
mod pieces;
mod trouble;
mod writers;

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::sync::mpsc;

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

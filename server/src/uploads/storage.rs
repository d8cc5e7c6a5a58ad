//! What keeps the uploads' bytes and records. The folder is one; another needs these functions and nothing else.

use std::{
    fmt,
    io::{self, Read, Seek, Write},
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{Stream, stream};

use super::{Found, Record, UploadId};

/// Keeps bytes and records. Every function may take its time: they are called on threads that may wait. What a function
/// says is done survives a crash.
pub trait Storage: fmt::Debug + Send + Sync {
    /// Everything that is there, as it survived. What nobody can go on with is cleared away.
    fn load(&self) -> io::Result<Vec<Found>>;

    /// Makes room for a new upload, without bytes.
    fn create(&self, id: UploadId, record: &Record) -> io::Result<()>;

    /// Opens the bytes to go on behind the first so many, and cuts off what is behind them. Where there are fewer it fails
    /// with [`io::ErrorKind::UnexpectedEof`], where there are none of this id with [`io::ErrorKind::NotFound`].
    fn append(&self, id: UploadId, at: u64) -> io::Result<Box<dyn Append>>;

    /// Opens the bytes to read them.
    fn read(&self, id: UploadId) -> io::Result<Content>;

    /// Replaces the record: after a crash there is the old one or the new one.
    fn write_record(&self, id: UploadId, record: &Record) -> io::Result<()>;

    /// Replaces the preview, likewise.
    fn write_preview(&self, id: UploadId, bytes: &[u8]) -> io::Result<()>;

    /// Opens the preview to read it.
    fn read_preview(&self, id: UploadId) -> io::Result<Content>;

    /// Removes everything of an upload.
    fn remove(&self, id: UploadId) -> io::Result<()>;
}

/// Bytes that are written one behind the other.
pub trait Append: Write + Send {
    /// Comes back when all that was written survives a crash.
    fn sync(&mut self) -> io::Result<()>;
}

/// Bytes that can be read from any place.
pub trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

/// An upload's bytes, or its preview.
pub type Content = Box<dyn ReadSeek>;

/// How many bytes are read in one go.
const READ_BYTES: u64 = 256 * 1024;

/// The bytes as a stream that reads on threads that may wait.
pub fn stream(content: Content) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::try_unfold(content, |mut content| async move {
        let reading = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::new();
            (&mut content).take(READ_BYTES).read_to_end(&mut bytes)?;
            io::Result::Ok((bytes, content))
        });
        let (bytes, content) = reading.await.map_err(io::Error::other)??;
        Ok((!bytes.is_empty()).then(|| (Bytes::from(bytes), content)))
    })
}

/// A storage that all share.
pub type SharedStorage = Arc<dyn Storage>;

//! Why something was not done.

use std::io;

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such upload.
    #[error("there is no such upload")]
    NotFound,
    /// There was one, and it was removed.
    #[error("the upload was removed")]
    Gone,
    /// The storage has lost its bytes, or some of them.
    #[error("the storage no longer has the upload's bytes")]
    Lost,
    /// The bytes do not follow on those that are there.
    #[error("the upload does not stand there")]
    WrongOffset,
    /// The length was said already, and it was another.
    #[error("the upload's length is {0} bytes already")]
    WrongLength(u64),
    /// Larger than a file may be, or than it was said to be.
    #[error("a file has at most {0} bytes")]
    TooLarge(u64),
    /// All files together take as much as they may.
    #[error("all uploads together take at most {0} bytes")]
    Full(u64),
    /// The files from one address take as much as they may.
    #[error("the uploads from one address take at most {0} bytes")]
    AddressFull(u64),
    /// There are too many uploads.
    #[error("there are {0} uploads already")]
    TooMany(usize),
    /// The bytes stopped coming before their end; what came is kept, unless a checksum covers it.
    #[error("the bytes broke off: {0}")]
    BrokeOff(String),
    /// The bytes are not those that the checksum was made of; none of them is kept.
    #[error("the bytes are not those of the checksum")]
    Mismatch,
    /// Another request took over.
    #[error("another request went on with this upload")]
    TakenOver,
    /// It was joined from parts, and nothing can be appended to it.
    #[error("the upload was joined from others")]
    Joined,
    /// Only parts can be joined, and only those that are there.
    #[error("number {0} of the uploads to join is no part, or is not there")]
    NoPart(usize),
    /// It is a part, and no file by itself.
    #[error("the upload is a part of a file")]
    Part,
    /// Not all bytes of a part are there yet.
    #[error("number {0} of the parts to join is not finished")]
    PartUnfinished(usize),
    /// Not all bytes are there yet.
    #[error("{received} bytes have come so far")]
    Unfinished {
        /// How many have.
        received: u64,
    },
    /// There is no preview.
    #[error("{0}")]
    NoPreview(String),
    /// The disk did not do it.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A result of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An upload that is on the list and whose bytes are not in the storage.
pub(super) fn lost(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof => Error::Lost,
        _ => Error::Io(error),
    }
}

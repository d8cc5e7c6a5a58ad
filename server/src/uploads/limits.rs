//! How much there may be of everything.

use std::time::Duration;

use wire::limits::{
    UNFINISHED_UPLOADS_MAX, UNFINISHED_UPLOADS_PER_ADDRESS_MAX, UPLOAD_AGE_S, UPLOAD_BYTES_MAX,
    UPLOAD_IDLE_S, UPLOADS_MAX, UPLOADS_PER_ADDRESS_BYTES_MAX, UPLOADS_TOTAL_MAX,
};

/// How much there may be of everything.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The largest file, in bytes.
    pub file_bytes: u64,
    /// All files and previews together, in bytes.
    pub total_bytes: u64,
    /// Those that came from one address, in bytes.
    pub bytes_per_address: u64,
    /// Uploads, finished or not.
    pub uploads: usize,
    /// Unfinished uploads.
    pub unfinished: usize,
    /// Unfinished uploads from one address.
    pub unfinished_per_address: usize,
    /// How long an upload may take to finish, and how long a finished one is kept.
    pub age: Duration,
    /// How long an unfinished upload must be untouched before it makes room for a new one.
    pub idle: Duration,
    /// Computes no digests, to be compared with servers that do not.
    pub without_digests: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            file_bytes: UPLOAD_BYTES_MAX,
            total_bytes: UPLOADS_TOTAL_MAX,
            bytes_per_address: UPLOADS_PER_ADDRESS_BYTES_MAX,
            uploads: UPLOADS_MAX,
            unfinished: UNFINISHED_UPLOADS_MAX,
            unfinished_per_address: UNFINISHED_UPLOADS_PER_ADDRESS_MAX,
            age: Duration::from_secs(UPLOAD_AGE_S),
            idle: Duration::from_secs(UPLOAD_IDLE_S),
            without_digests: false,
        }
    }
}

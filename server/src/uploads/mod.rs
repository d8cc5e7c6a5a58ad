//! Upload storage. Knows no HTTP.

use std::{io, path::Path};

/// All uploads.
#[derive(Debug)]
pub struct Uploads {}

impl Uploads {
    /// Opens the storage below `data_dir`, making it where it is not there.
    pub fn open(data_dir: &Path) -> io::Result<Uploads> {
        std::fs::create_dir_all(data_dir)?;
        Ok(Uploads {})
    }
}

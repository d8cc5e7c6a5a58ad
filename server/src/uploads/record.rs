//! What is known about an upload beyond its bytes.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Sum, UploadId, picture::Picture};

/// The version of the record that this code writes, and the only one it reads.
const VERSION: u32 = 1;

/// What is known about an upload beyond its bytes. A storage keeps it as it is, as JSON say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    version: u32,
    /// Seconds since 1970.
    pub(super) created_s: u64,
    /// The file's length, in bytes, where the client has said it.
    pub(super) length: Option<u64>,
    /// The client's own name for the file. Never part of a path.
    pub(super) file_name: Option<String>,
    /// The `Upload-Metadata` as it came.
    pub(super) metadata: Option<String>,
    /// How the bytes come.
    #[serde(default)]
    pub(super) role: Role,
    /// Set while a piece is written that is kept only if its checksum is right: what lies behind this many bytes is in
    /// doubt, and goes when the program starts anew.
    #[serde(default)]
    pub(super) vouched: Option<u64>,
    /// Set when all bytes have come.
    pub(super) finished: Option<Finished>,
    /// Set when somebody has asked for the picture.
    pub(super) picture: Option<Picture>,
}

/// How an upload's bytes come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// In pieces: whoever knows the id goes on.
    #[default]
    Pieces,
    /// In one request, which nobody can go on with.
    AtOnce,
    /// In pieces, and the file is a part of another.
    Part,
    /// From parts that are there; the `Upload-Concat` that named them.
    Joined(String),
}

/// A whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Finished {
    /// Seconds since 1970.
    pub(super) at_s: u64,
    /// None where the program that took it computed no digests.
    #[serde(default)]
    pub(super) sha256: Option<Sum>,
}

/// What a client says of a file that it wants to upload.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// The file's length, in bytes, where it is known.
    pub length: Option<u64>,
    /// The client's own name for the file.
    pub file_name: Option<String>,
    /// The `Upload-Metadata` as it came.
    pub metadata: Option<String>,
    /// How the bytes will come.
    pub role: Role,
    /// The address that it counts under, where one does.
    pub from: Option<IpAddr>,
}

impl Record {
    pub(super) fn new(created_s: u64, declared: Declared) -> Record {
        Record {
            version: VERSION,
            created_s,
            length: declared.length,
            file_name: declared.file_name,
            metadata: declared.metadata,
            role: declared.role,
            vouched: None,
            finished: None,
            picture: None,
        }
    }

    /// Was it written by a program that means the same by it?
    pub fn is_readable(&self) -> bool {
        self.version == VERSION
    }

    /// How many of so many bytes count.
    pub fn vouched_of(&self, bytes: u64) -> u64 {
        self.vouched.map_or(bytes, |vouched| vouched.min(bytes))
    }

    /// Have all bytes come?
    pub fn is_finished(&self) -> bool {
        self.finished.is_some()
    }

    /// How long the preview is; 0 where there is none.
    pub(super) fn preview_bytes(&self) -> u64 {
        let picture = self.picture.as_ref();
        let preview = picture.and_then(|picture| picture.preview.as_ref());
        preview.map_or(0, |preview| preview.bytes)
    }

    /// Is it unfinished, and nobody can go on with it?
    pub fn is_abandoned(&self) -> bool {
        !self.is_finished() && matches!(self.role, Role::AtOnce | Role::Joined(_))
    }
}

/// An upload as a storage holds it.
#[derive(Debug)]
pub struct Found {
    /// Its id.
    pub id: UploadId,
    /// What is known of it.
    pub record: Record,
    /// How many bytes are there, safely.
    pub received: u64,
}

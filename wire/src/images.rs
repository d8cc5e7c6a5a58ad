//! `POST /api/images`, `/files` (tus 1.0.0) and what both answer about an image.

use serde::{Deserialize, Serialize};

/// The path of the one-request upload.
pub const IMAGES_PATH: &str = "/api/images";
/// The path of the tus 1.0.0 endpoint.
pub const TUS_PATH: &str = "/files";

/// What the server knows about an uploaded file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImageInfo {
    /// The upload's id, made by the server.
    pub id: String,
    /// The file's length, in bytes.
    pub bytes: u64,
    /// SHA-256 of the bytes as they came, in hex.
    pub sha256: String,
    /// The picture's width, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// The picture's height, in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Where the re-encoded preview is; `null` where there is none.
    pub preview: Option<String>,
    /// Why there is no preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

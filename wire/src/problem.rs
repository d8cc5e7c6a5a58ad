//! The one form of every error: `application/problem+json` (RFC 9457).

use serde::{Deserialize, Serialize};

/// The media type of a problem document (RFC 9457 §3).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A problem document (RFC 9457 §3.1). `type` is stable; `detail` says what happened here and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// A stable, relative reference that names the kind of problem, `/problems/{slug}`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What this kind of problem is called; the same for every occurrence.
    pub title: String,
    /// The HTTP status code that went with it.
    pub status: u16,
    /// What happened this time, why, and what to do, in a sentence or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The limit that was passed, where one was: its value in the unit that `detail` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

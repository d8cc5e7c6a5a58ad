//! Request–response: one request, one response, its five steps measured.

pub mod knobs;
pub mod presets;

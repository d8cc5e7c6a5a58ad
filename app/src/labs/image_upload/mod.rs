//! Image upload: one request with progress, or chunks that can be paused and resumed.

pub mod tus;

//! Server-sent events: one response that does not end.

pub mod knobs;
pub mod words;

#[cfg(target_arch = "wasm32")]
mod page;

#[cfg(target_arch = "wasm32")]
pub(super) use page::page;

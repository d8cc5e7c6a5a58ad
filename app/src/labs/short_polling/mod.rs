//! Short polling: ask again and again, at intervals.

pub mod knobs;
pub mod words;

#[cfg(target_arch = "wasm32")]
mod page;

#[cfg(target_arch = "wasm32")]
pub(super) use page::page;

//! Long polling: the server holds the request until it has something.

pub mod knobs;
pub mod words;

#[cfg(target_arch = "wasm32")]
mod page;

#[cfg(target_arch = "wasm32")]
pub(super) use page::page;

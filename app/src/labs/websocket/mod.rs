//! WebSocket: one connection, both ways.

pub mod frames;
pub mod knobs;
pub mod words;

#[cfg(target_arch = "wasm32")]
mod page;

#[cfg(target_arch = "wasm32")]
pub(super) use page::page;

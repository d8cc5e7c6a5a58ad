//! Image upload: one request with progress, or chunks that can be paused and resumed.

pub mod knobs;
pub mod progress;
pub mod queue;
pub mod tus;

#[cfg(target_arch = "wasm32")]
mod driver;
#[cfg(target_arch = "wasm32")]
mod files;
#[cfg(target_arch = "wasm32")]
mod form;
#[cfg(target_arch = "wasm32")]
mod memory;
#[cfg(target_arch = "wasm32")]
mod page;

#[cfg(target_arch = "wasm32")]
pub(super) use page::page;

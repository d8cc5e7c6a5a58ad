//! Request–response: one request, one response, its five steps measured.

pub mod answer;
pub mod knobs;
pub mod presets;

#[cfg(target_arch = "wasm32")]
mod form;
#[cfg(target_arch = "wasm32")]
mod page;

#[cfg(target_arch = "wasm32")]
pub(super) use page::page;

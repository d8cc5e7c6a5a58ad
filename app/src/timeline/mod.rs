//! The timeline: a run as a picture. Layout is pure and tested natively; drawing needs a browser.

#[cfg(target_arch = "wasm32")]
pub mod view;

#[cfg(target_arch = "wasm32")]
pub use view::{RunStore, Timeline};

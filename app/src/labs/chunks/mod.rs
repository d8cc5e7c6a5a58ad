//! One request or chunks: the same file both ways over the same line, which drops once; and chunks of every size.

pub mod knobs;
pub mod sizes;
pub mod track;
pub mod words;

#[cfg(target_arch = "wasm32")]
mod page;
#[cfg(target_arch = "wasm32")]
mod picture;
#[cfg(target_arch = "wasm32")]
mod sender;
#[cfg(target_arch = "wasm32")]
mod sweep;

#[cfg(target_arch = "wasm32")]
pub(super) use page::page;

//! Publish–subscribe: publishers and subscribers that know a topic, not each other.

pub mod inside;
pub mod knobs;
pub mod recovery;

#[cfg(target_arch = "wasm32")]
mod broker;
#[cfg(target_arch = "wasm32")]
mod page;
#[cfg(target_arch = "wasm32")]
mod subscriber;

#[cfg(target_arch = "wasm32")]
pub(super) use page::page;

//! What labs share: controls, commands for the terminal, the anatomy of messages, state in the address.

pub mod anatomy;
pub mod breaks;
pub mod command;
pub mod notice;
pub mod query;
pub mod raw;
pub mod topic;

#[cfg(target_arch = "wasm32")]
pub(crate) mod controls;
#[cfg(target_arch = "wasm32")]
pub(crate) mod lab;
#[cfg(target_arch = "wasm32")]
mod tabs;
#[cfg(target_arch = "wasm32")]
pub(crate) mod terminal;
#[cfg(target_arch = "wasm32")]
pub(crate) mod viewer;

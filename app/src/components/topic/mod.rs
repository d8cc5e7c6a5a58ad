//! What the labs about topics share: one scenario, heard in different ways.
//!
//! A lab's Run begins to listen, publishes some messages one after the other, and is over when all of them have arrived.
//! What differs from lab to lab is how it listens; because the rest is the same, their results can be compared.

pub mod course;
pub mod envelope;
pub mod figures;
pub mod gap;
pub mod knobs;

#[cfg(target_arch = "wasm32")]
pub(crate) mod experiment;
#[cfg(target_arch = "wasm32")]
pub(crate) mod fields;
#[cfg(target_arch = "wasm32")]
pub(crate) mod listener;
#[cfg(target_arch = "wasm32")]
pub(crate) mod panel;
#[cfg(target_arch = "wasm32")]
pub(crate) mod polls;
#[cfg(target_arch = "wasm32")]
pub(crate) mod publish;
#[cfg(target_arch = "wasm32")]
pub(crate) mod restart;

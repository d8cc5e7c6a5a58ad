//! What the build and the tests need from the machine: found, installed where that is allowed, and otherwise asked for
//! with the exact command.

pub(crate) mod apt;
mod debian;
pub(crate) mod npm;
pub(crate) mod wasm;

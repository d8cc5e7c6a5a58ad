//! What the build and the tests need from the machine: found, installed where that is allowed, and otherwise asked for
//! with the exact command.

pub(crate) mod apt;
pub(crate) mod browser;
mod debian;
pub(crate) mod nextest;
pub(crate) mod npm;
pub(crate) mod python;
pub(crate) mod wasm;

//! Roundtrip's browser half: the labs and the timeline.
//!
//! What needs no browser (state in the address, commands, folding a run, layout) is plain Rust and is tested natively;
//! the rest compiles for `wasm32` only.

pub mod components;
pub mod labs;
pub mod run;
pub mod timeline;
pub mod transport;

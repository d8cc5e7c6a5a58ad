//! The anatomy of the messages of a run, from the bytes that the server's socket really read and wrote.
//!
//! [`assemble()`] puts an exchange's bytes together, [`take_apart`] names every piece of them, [`words`] says what a piece
//! is for.

mod assemble;
mod pieces;
pub mod words;

#[cfg(target_arch = "wasm32")]
pub(crate) mod view;

pub use assemble::{Message, Messages, assemble, exchanges};
pub use pieces::{Piece, take_apart};

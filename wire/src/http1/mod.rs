//! The anatomy of an HTTP/1.1 message (RFC 9112): where its parts begin and end, byte by byte.
//!
//! The server's tap uses [`Framer`] to know which message a byte belongs to; the page uses [`split()`] to explain the
//! bytes. Both run the same state machine. It reports what stands there; it does not judge as strictly as a server
//! must, and where it cannot tell where a body ends it says so ([`BodyFraming::Unknown`]) and takes all that follows.
//!
//! - [`Framer::advance`] is the cheap form: how much of these bytes belongs to the message under way, how much of that
//!   is head, whether the message ends here. A body of known length is skipped, not looked at.
//! - [`Framer::piece`] is the fine form: one line, one run of data at a time, also across cuts.
//! - [`split()`] gives every part of a message that lies whole (or as a beginning) in memory, with the ranges of what
//!   stands inside it: method, target and version; each field's name and value; each chunk's size and data.

mod feeds;
mod fields;
mod framer;
mod split;

pub use fields::is_secret_field;
pub use framer::{Advance, Answers, BodyFraming, Direction, Framer, Head, Piece, PieceKind};
pub use split::{PartKind, PartRange, Split, split};

#[cfg(test)]
mod tests;

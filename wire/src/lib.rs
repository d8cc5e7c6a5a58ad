//! What Roundtrip's server and browser say to each other: the lab catalogue, trace events, requests and replies.
//!
//! No I/O, no clock, no async: every function here is pure, so both sides compile the same code and tests run natively.

pub mod base64;
pub mod clock;
pub mod echo;
pub mod faults;
pub mod http1;
pub mod images;
pub mod jobs;
pub mod json;
pub mod lab;
pub mod limits;
pub mod problem;
pub mod race;
#[cfg(feature = "openapi")]
mod schema;
pub mod socket;
pub mod time;
pub mod topics;
pub mod trace;
pub mod words;

pub use faults::{Fault, Faults};
pub use lab::Lab;
pub use problem::Problem;

//! Roundtrip's server: the live endpoints, the documents, the trace.
//!
//! `main` parses flags and exits; [`app`] builds the routes; [`connection::serve`] accepts connections through the tap.
//! Tests call the same two over a real socket on port 0.

pub mod address;
pub mod cli;
pub mod config;
pub mod connection;
pub mod error;
pub mod extract;
pub mod jobs;
pub mod labs;
pub mod site;
pub mod state;
pub mod swarm;
pub mod testing;
pub mod topics;
pub mod trace;
pub mod uploads;

mod reference;
mod router;

pub use config::Config;
pub use error::{Error, Result};
pub use router::{app, openapi};
pub use state::AppState;

//! The trace: runs, what is recorded into them, and who watches.
//!
//! An event goes recorder -> store -> feed: [`RunHandle::emit`] pushes a draft into a bounded queue, a thread of its own
//! puts it on the run's clock, numbers it and keeps it as JSON, and every feed of the run sends what follows its own
//! place in the log.
//!
//! Architecture invariant: nothing here knows a lab, HTTP's framing or the connection below; it takes events and hands
//! them out. Emitting never waits: what cannot be taken is dropped and counted.

mod browser;
mod clock;
mod draft;
mod feed;
mod recorder;
mod routes;
mod run;
mod store;

pub use draft::Draft;
pub use recorder::{Recorder, RunHandle};
pub use routes::router;

//! The command line: flags, what is printed on start, the log, `roundtrip swarm`.

mod flags;
mod log;
mod start;
mod swarm;

pub use flags::{Command, Flags, LogFormat};
pub use log::init as init_log;
pub use start::{StartError, announce, listen};
pub use swarm::{SwarmFlags, fly};

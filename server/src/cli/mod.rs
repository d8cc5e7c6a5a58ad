//! The command line: flags, what is printed on start, the log.

mod flags;
mod log;
mod start;

pub use flags::{Flags, LogFormat};
pub use log::init as init_log;
pub use start::{StartError, announce, listen};

//! What labs share: controls, commands for the terminal, the anatomy of messages, state in the address.

pub mod anatomy;
pub mod command;
pub mod query;
pub mod raw;

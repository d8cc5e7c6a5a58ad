//! Thin wrappers around what a browser offers to speak to a server: fetch, XMLHttpRequest, EventSource, WebSocket. Each
//! says what it sees in the run, on the page's own clock.

pub mod clock;
pub mod link;

//! The trace: what a run is, what an event says, and what the feed carries.
//!
//! A *run* is everything that happened under one W3C trace id. An *exchange* is one request and its response within it,
//! named by the parent id of the `traceparent` that the request carried.

mod event;
mod feed;
mod id;
mod more;
mod text;

pub use event::{Detail, Kind, Lane, LaneKind, Part, TraceEvent, Truth};
pub use feed::{FeedDown, FeedUp, Opened, RUN_VERSION, Run, close_code};
pub use id::{ClientId, InvalidId, SpanId, TraceId, Traceparent};
pub use more::More;

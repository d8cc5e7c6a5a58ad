//! What the labs on topics share: how a request names a topic and a place in it, what the trace says of a message's way,
//! what a page of messages looks like, and a response that does not end. No lab, and no endpoint.

pub(super) mod delivery;
pub(super) mod page;
pub(super) mod request;
pub(super) mod streaming;

//! Thin wrappers around what a browser offers to speak to a server: fetch, XMLHttpRequest, EventSource, WebSocket. Each
//! says what it sees in the run, on the page's own clock.

pub mod clock;
pub mod link;

#[cfg(target_arch = "wasm32")]
pub(crate) mod digest;
#[cfg(target_arch = "wasm32")]
pub(crate) mod feed;
#[cfg(target_arch = "wasm32")]
pub(crate) mod fetch;
#[cfg(target_arch = "wasm32")]
pub(crate) mod reply;
#[cfg(target_arch = "wasm32")]
pub(crate) mod socket;
#[cfg(target_arch = "wasm32")]
pub(crate) mod stream;
#[cfg(target_arch = "wasm32")]
pub(crate) mod upload;

#[cfg(target_arch = "wasm32")]
pub(crate) use crate::browser::{settled, sleep};

/// Random ids. Drawn in WebAssembly: a page on plain HTTP is no secure context and has no `crypto.randomUUID`.
#[cfg(target_arch = "wasm32")]
pub(crate) mod ids {
    use wire::trace::{ClientId, SpanId, TraceId};

    fn random<const N: usize>() -> [u8; N] {
        let mut bytes = [0; N];
        // `crypto.getRandomValues` is there in every context; should it fail all the same, the page still works.
        if getrandom::fill(&mut bytes).is_err() {
            bytes.fill(1);
        }
        bytes
    }

    /// A new run's id.
    pub(crate) fn trace() -> TraceId {
        loop {
            if let Some(id) = TraceId::new(u128::from_le_bytes(random())) {
                return id;
            }
        }
    }

    /// A new exchange's id.
    pub(crate) fn span() -> SpanId {
        loop {
            if let Some(id) = SpanId::new(u64::from_le_bytes(random())) {
                return id;
            }
        }
    }

    /// This page's id.
    pub(crate) fn client() -> ClientId {
        loop {
            if let Some(id) = ClientId::new(u64::from_le_bytes(random())) {
                return id;
            }
        }
    }

    /// A number from 0 to 1.
    pub(crate) fn fraction() -> f64 {
        f64::from(u32::from_le_bytes(random())) / f64::from(u32::MAX)
    }
}

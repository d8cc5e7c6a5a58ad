//! What the lock-free parts stand on. `tests/loom.rs` puts loom's of the same names in their place, and runs the parts in
//! every order that their steps can take.
//!
//! Elsewhere in the server an atomic number stands for itself: a count, a sum, a subscriber's place on its log. Nobody
//! concludes from it what another memory holds, so there is nothing to order.

pub(super) use std::sync::atomic::{
    AtomicBool, AtomicUsize,
    Ordering::{AcqRel, Relaxed},
};

pub(super) use futures_util::task::AtomicWaker;
pub(super) use parking_lot::Mutex;

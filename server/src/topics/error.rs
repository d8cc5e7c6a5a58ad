//! Why a topic did not do what it was asked for.

use super::Unstored;

/// Why a topic did not do what it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The name is none.
    #[error("a topic name is 1 to 128 of A–Z a–z 0–9 . _ ~ - and does not begin with a full stop")]
    BadName,
    /// The message is too large.
    #[error("a message has at most {0} bytes")]
    MessageTooLarge(u64),
    /// The cap of topics is reached, and none of them is idle.
    #[error("there are {0} topics already")]
    TooManyTopics(usize),
    /// The cap of topics begun from this address is reached.
    #[error("there are {0} topics from this address already")]
    TooManyTopicsFromAddress(usize),
    /// The cap of topics on disk is reached.
    #[error("there are {0} topics on disk already")]
    TooManyDiskTopics(usize),
    /// The cap of subscribers of this topic is reached.
    #[error("the topic has {0} subscribers already")]
    TooManySubscribers(usize),
    /// The cap of subscribers from this address is reached.
    #[error("there are {0} subscribers from this address already")]
    TooManyFromAddress(usize),
    /// The cap of idempotency keys is reached.
    #[error("{0} idempotency keys are remembered already")]
    TooManyKeys(usize),
    /// The idempotency key was used for another message.
    #[error("the idempotency key was used for another message")]
    KeyReused,
    /// More is published than the disk takes.
    #[error("{0} messages wait for the disk already")]
    DiskBehind(usize),
    /// It could not be stored; nothing of it was delivered.
    #[error(transparent)]
    Unstored(Unstored),
    /// The server is stopping.
    #[error("the server is stopping")]
    Closed,
}

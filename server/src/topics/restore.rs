//! A topic's life that goes on with what is on disk.

use std::{sync::Arc, time::Duration};

use time::OffsetDateTime;
use tokio::time::Instant;
use wire::{
    limits::IDEMPOTENCY_S,
    topics::{Ack, MessageId},
};

use super::{
    keys::Keys,
    log::Log,
    message::Message,
    store::Stored,
    topic::{Keyed, Topic, Totals},
};

/// The topic as it was, less what is too old by now. Idempotency keys of the last ten minutes are remembered, as far as
/// their messages are kept.
pub(super) fn restored(stored: Stored, totals: Arc<Totals>) -> Topic {
    let (now, calendar) = (Instant::now(), OffsetDateTime::now_utc());
    // The messages are the newest there were; without any, the next one follows the last there has been.
    let after = stored
        .messages
        .first()
        .map_or(stored.last.offset, |first| first.offset.saturating_sub(1));
    let resumed = |after| Log::resumed(stored.last.epoch, after, stored.bounds);
    let mut log = resumed(after);
    let mut keys = Keys::default();
    for kept in stored.messages {
        let age = Duration::try_from(calendar - kept.time).unwrap_or_default();
        let at = now.checked_sub(age).unwrap_or(now);
        let id = MessageId {
            offset: kept.offset,
            ..stored.last
        };
        if kept.offset != log.last().offset + 1 {
            // A log has no holes: what is before this one is as good as evicted.
            log = resumed(kept.offset.saturating_sub(1));
        }
        if let Some(key) = kept.key
            && age < Duration::from_secs(IDEMPOTENCY_S)
        {
            keys.remember(&Keyed::new(&key, &kept.new), id, at);
        }
        log.append(Arc::new(Message::taken(id, at, kept.time, kept.new)), now);
    }
    if log.last().offset < stored.last.offset {
        log = resumed(stored.last.offset);
    }
    Topic::of(stored.topic, totals, log, keys, Ack::Disk)
}

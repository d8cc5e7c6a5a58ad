//! What of topics is on disk: one redb file. A commit has everything or nothing, and returns when the disk has said that
//! it is there.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use redb::{
    Builder, Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition, TableError,
};
use time::OffsetDateTime;
use wire::topics::{HistoryBounds, MessageId};

use super::message::{Message, NewMessage};

/// The file below the data folder.
const FILE: &str = "topics.redb";
/// What redb may cache, in bytes: all that is read of it is read once, at the start.
const CACHE_BYTES: usize = 8 * 1024 * 1024;

/// Epoch, newest offset there has been, bounds of the history.
type TopicRow = (u32, u64, u64, u64, u64);
/// Time in microseconds since 1970, media type, idempotency key, payload.
type MessageRow = (i64, &'static str, Option<&'static str>, &'static [u8]);

/// By name.
const TOPICS: TableDefinition<&str, TopicRow> = TableDefinition::new("topics");
/// By name and offset.
const MESSAGES: TableDefinition<(&str, u64), MessageRow> = TableDefinition::new("messages");

/// Why something could not be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unstored {
    /// There is no room.
    #[error("the disk is full")]
    Full,
    /// It may not be written to.
    #[error("the disk cannot be written to")]
    ReadOnly,
    /// Another program has the file open.
    #[error("another Roundtrip uses this data folder")]
    InUse,
    /// Something else; the cause is in the log.
    #[error("the disk failed")]
    Failed,
}

/// One change of what is on disk.
#[derive(Debug)]
pub(super) enum Change {
    /// The topic's state.
    Topic {
        topic: Arc<str>,
        last: MessageId,
        bounds: HistoryBounds,
    },
    /// A message behind those that are there.
    Append {
        topic: Arc<str>,
        message: Arc<Message>,
        key: Option<Arc<str>>,
    },
    /// Messages before this offset are no longer kept.
    Trim { topic: Arc<str>, first: u64 },
    /// Messages behind this offset have not been published.
    Cut { topic: Arc<str>, last: u64 },
    /// The topic and all its messages.
    Remove { topic: Arc<str> },
}

/// A topic as it was at the last commit.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) topic: Arc<str>,
    pub(super) last: MessageId,
    pub(super) bounds: HistoryBounds,
    /// In order: offset, time, key and message.
    pub(super) messages: Vec<StoredMessage>,
}

#[derive(Debug)]
pub(super) struct StoredMessage {
    pub(super) offset: u64,
    pub(super) time: OffsetDateTime,
    pub(super) key: Option<String>,
    pub(super) new: NewMessage,
}

/// How the database is opened: from its file, or by a test over a storage of its own.
type Open = Box<dyn Fn() -> Result<Database, DatabaseError> + Send>;

/// The store. After a failure the database is opened anew, as what it holds in memory may not be what is on disk.
pub(super) struct Store {
    open: Open,
    database: Option<Database>,
}

impl Store {
    /// The store below this folder; made where it is not there when something is first stored.
    pub(super) fn in_folder(folder: &Path) -> Store {
        let (folder, path) = (folder.to_owned(), file(folder));
        Store::opened_by(move || {
            std::fs::create_dir_all(&folder).map_err(redb::StorageError::from)?;
            Builder::new().set_cache_size(CACHE_BYTES).create(&path)
        })
    }

    pub(super) fn opened_by(
        open: impl Fn() -> Result<Database, DatabaseError> + Send + 'static,
    ) -> Store {
        Store {
            open: Box::new(open),
            database: None,
        }
    }

    /// Does anything below this folder have to be read?
    pub(super) fn is_in(folder: &Path) -> bool {
        file(folder).exists()
    }

    /// Everything that was committed, or of one topic only.
    pub(super) fn load(&mut self, only: Option<&str>) -> Result<Vec<Stored>, Unstored> {
        self.with(|database| load(database, only))
    }

    /// Is there a topic of this name?
    pub(super) fn holds(&mut self, topic: &str) -> Result<bool, Unstored> {
        self.with(|database| match database.begin_read()?.open_table(TOPICS) {
            Err(TableError::TableDoesNotExist(_)) => Ok(false),
            topics => Ok(topics?.get(topic)?.is_some()),
        })
    }

    /// Applies the changes in their order, all of them or none, and syncs.
    pub(super) fn commit(&mut self, changes: &[Change]) -> Result<(), Unstored> {
        if changes.is_empty() {
            return Ok(());
        }
        self.with(|database| commit(database, changes))
    }

    fn with<R>(
        &mut self,
        act: impl FnOnce(&Database) -> Result<R, redb::Error>,
    ) -> Result<R, Unstored> {
        let database = match self.database.take() {
            Some(database) => Ok(database),
            None => (self.open)().map_err(redb::Error::from),
        };
        let result = database.and_then(|database| {
            let result = act(&database)?;
            self.database = Some(database);
            Ok(result)
        });
        result.map_err(|cause| {
            let unstored = why(&cause);
            tracing::error!(%cause, "topics cannot be kept on disk");
            unstored
        })
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

fn load(database: &Database, only: Option<&str>) -> Result<Vec<Stored>, redb::Error> {
    let transaction = database.begin_read()?;
    let (topics, messages) = match (
        transaction.open_table(TOPICS),
        transaction.open_table(MESSAGES),
    ) {
        (Err(TableError::TableDoesNotExist(_)), _) => return Ok(Vec::new()),
        (topics, messages) => (topics?, messages?),
    };
    let mut all = Vec::new();
    for row in topics.iter()? {
        let (name, state) = row?;
        if only.is_some_and(|only| only != name.value()) {
            continue;
        }
        let (epoch, offset, count, bytes, age_s) = state.value();
        let mut stored = Stored {
            topic: name.value().into(),
            last: MessageId { epoch, offset },
            bounds: HistoryBounds {
                count,
                bytes,
                age_s,
            },
            messages: Vec::new(),
        };
        for row in messages.range((name.value(), 1)..=(name.value(), offset))? {
            let (place, message) = row?;
            let (micros, content_type, key, payload) = message.value();
            stored.messages.push(StoredMessage {
                offset: place.value().1,
                time: time(micros),
                key: key.map(str::to_owned),
                new: NewMessage {
                    content_type: content_type.to_owned(),
                    payload: Bytes::copy_from_slice(payload),
                },
            });
        }
        all.push(stored);
    }
    Ok(all)
}

fn commit(database: &Database, changes: &[Change]) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        let mut topics = transaction.open_table(TOPICS)?;
        let mut messages = transaction.open_table(MESSAGES)?;
        for change in changes {
            match change {
                Change::Topic {
                    topic,
                    last,
                    bounds,
                } => {
                    let state = (
                        last.epoch,
                        last.offset,
                        bounds.count,
                        bounds.bytes,
                        bounds.age_s,
                    );
                    topics.insert(&**topic, state)?;
                }
                Change::Append {
                    topic,
                    message,
                    key,
                } => {
                    let row = (
                        micros(message.time()),
                        message.content_type(),
                        key.as_deref(),
                        &message.payload()[..],
                    );
                    messages.insert((&**topic, message.id.offset), row)?;
                }
                Change::Trim { topic, first } => {
                    messages.retain_in((&**topic, 0)..(&**topic, *first), |_, _| false)?;
                }
                Change::Cut { topic, last } => {
                    let first = last.saturating_add(1);
                    messages.retain_in((&**topic, first)..=(&**topic, u64::MAX), |_, _| false)?;
                }
                Change::Remove { topic } => {
                    topics.remove(&**topic)?;
                    messages.retain_in((&**topic, 0)..=(&**topic, u64::MAX), |_, _| false)?;
                }
            }
        }
    }
    transaction.commit()?;
    Ok(())
}

fn micros(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1_000).unwrap_or(i64::MAX)
}

fn time(micros: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn why(cause: &redb::Error) -> Unstored {
    match cause {
        redb::Error::DatabaseAlreadyOpen => Unstored::InUse,
        redb::Error::Io(error) => match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Unstored::Full
            }
            ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => Unstored::ReadOnly,
            _ => Unstored::Failed,
        },
        _ => Unstored::Failed,
    }
}

//! What the page knows of its runs.

use crate::{dom::State, run::Run};

/// A run that was opened from a file and stands on the screen in place of the live one.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    /// The file's name.
    pub(crate) name: String,
    /// What was in it.
    pub(crate) run: Run,
}

/// What the page knows of its runs, shared by all that shows them. Cheap to copy.
#[derive(Clone, Copy)]
pub(crate) struct RunStore {
    /// The page's own run. Fill it with `store.live.update(|run| { run.apply(event); })`.
    pub(crate) live: State<Run>,
    /// A run opened from a file, shown in place of the live one until it is closed.
    pub(crate) opened: State<Option<Opened>>,
    /// A run kept to be compared with the one on the screen.
    pub(crate) compare: State<Option<Run>>,
    /// The `seq` of the event in the inspector.
    pub(crate) selected: State<Option<u64>>,
}

impl RunStore {
    /// An empty run, nothing opened, nothing compared.
    pub(crate) fn new() -> RunStore {
        RunStore {
            live: State::new(Run::new()),
            opened: State::new(None),
            compare: State::new(None),
            selected: State::new(None),
        }
    }

    /// Reads the run that is on the screen, and follows it: the opened one where there is one, else the live one.
    pub(crate) fn with_shown<T>(&self, read: impl FnOnce(&Run) -> T) -> T {
        self.opened.track();
        if self.opened.peek(Option::is_none) {
            self.live.track();
        }
        self.peek_shown(read)
    }

    /// Reads the run that is on the screen, without following it.
    pub(crate) fn peek_shown<T>(&self, read: impl FnOnce(&Run) -> T) -> T {
        self.opened.peek(|opened| match opened {
            Some(opened) => read(&opened.run),
            None => self.live.peek(read),
        })
    }

    /// Is there a kept run with something in it? It is followed.
    pub(super) fn has_kept(&self) -> bool {
        self.compare.track();
        self.keeps()
    }

    /// Is there a kept run with something in it?
    pub(super) fn keeps(&self) -> bool {
        self.compare
            .peek(|kept| kept.as_ref().is_some_and(|kept| !kept.is_empty()))
    }
}

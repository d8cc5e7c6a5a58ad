//! What the page knows of its runs.

use leptos::prelude::*;

use crate::run::Run;

/// A run that was opened from a file and stands on the screen in place of the live one.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The file's name.
    pub name: String,
    /// What was in it.
    pub run: Run,
}

/// What the page knows of its runs, shared by all that shows them. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct RunStore {
    /// The page's own run. Fill it with `store.live.update(|run| { run.apply(event); })`.
    pub live: RwSignal<Run>,
    /// A run opened from a file, shown in place of the live one until it is closed.
    pub opened: RwSignal<Option<Opened>>,
    /// A run kept to be compared with the one on the screen.
    pub compare: RwSignal<Option<Run>>,
    /// The `seq` of the event in the inspector.
    pub selected: RwSignal<Option<u64>>,
}

impl RunStore {
    /// An empty run, nothing opened, nothing compared.
    pub fn new() -> RunStore {
        RunStore {
            live: RwSignal::new(Run::new()),
            opened: RwSignal::new(None),
            compare: RwSignal::new(None),
            selected: RwSignal::new(None),
        }
    }

    /// Reads the run that is on the screen, and follows it: the opened one where there is one, else the live one.
    pub fn with_shown<T>(&self, read: impl FnOnce(&Run) -> T) -> T {
        self.opened.with(|opened| match opened {
            Some(opened) => read(&opened.run),
            None => self.live.with(read),
        })
    }

    /// Reads the run that is on the screen, without following it.
    pub fn with_shown_untracked<T>(&self, read: impl FnOnce(&Run) -> T) -> T {
        untrack(|| self.with_shown(read))
    }
}

impl Default for RunStore {
    fn default() -> RunStore {
        RunStore::new()
    }
}

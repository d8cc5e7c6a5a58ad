//! Numbered steps with their durations, so that a long build is never silent.

use std::time::Instant;

use anyhow::Result;

use crate::sh;

/// Counts the steps of one command.
pub(crate) struct Progress {
    total: usize,
    done: usize,
    start: Instant,
}

impl Progress {
    pub(crate) fn of(total: usize) -> Self {
        Self {
            total,
            done: 0,
            start: Instant::now(),
        }
    }

    /// Says the title, does the work, says how long it took and what the work reported.
    pub(crate) fn step<T: Report>(
        &mut self,
        title: &str,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.done += 1;
        sh::say(&format!("[{}/{}] {title}", self.done, self.total));
        let start = Instant::now();
        let result = work()?;
        let took = sh::duration(start.elapsed());
        match result.report() {
            Some(report) => sh::say(&format!("      {took}: {report}")),
            None => sh::say(&format!("      {took}")),
        }
        Ok(result)
    }

    /// Counts steps that were not necessary.
    pub(crate) fn skip(&mut self, steps: usize, why: &str) {
        self.done += steps;
        sh::say(&format!("[{}/{}] {why}", self.done, self.total));
    }

    /// Since the first step, for the closing line.
    pub(crate) fn elapsed(&self) -> String {
        sh::duration(self.start.elapsed())
    }
}

/// What a step has to say about its result.
pub(crate) trait Report {
    fn report(&self) -> Option<String>;
}

impl Report for () {
    fn report(&self) -> Option<String> {
        None
    }
}

impl Report for String {
    fn report(&self) -> Option<String> {
        Some(self.clone())
    }
}

//! Several files, one after the other.

/// What the server has of a file that it has stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Where its preview is, if it has one.
    pub preview: Option<String>,
    /// Has it the same digest here and there? `None` where this page could not compute its own.
    pub is_equal: Option<bool>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It waits for those before it.
    Waits,
    /// It is the one that the page shows.
    Now,
    /// The server has it.
    Stored(Kept),
    /// It was cancelled, or could not go on.
    Stopped,
    /// It is larger than the server takes.
    TooLarge,
}

impl Fate {
    /// In words.
    pub const fn words(&self) -> &'static str {
        match self {
            Fate::Waits => "waits",
            Fate::Now => "is next, or under way",
            Fate::Stored(kept) => match kept.is_equal {
                Some(true) => "stored, same SHA-256",
                Some(false) => "stored, other SHA-256",
                None => "stored",
            },
            Fate::Stopped => "stopped",
            Fate::TooLarge => "not taken: too large",
        }
    }
}

/// Files in the order in which they go. At most one of them is [`Fate::Now`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue<T>(Vec<(T, Fate)>);

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue(Vec::new())
    }
}

impl<T: Clone> Queue<T> {
    /// Takes files, each with whether it is small enough: behind those that are there, or in the place of all where none is
    /// under way. Gives the one to show.
    pub fn take(&mut self, files: impl Iterator<Item = (T, bool)>, is_busy: bool) -> Option<T> {
        if !is_busy {
            self.0.clear();
        }
        let fate = |fits| if fits { Fate::Waits } else { Fate::TooLarge };
        self.0.extend(files.map(|(file, fits)| (file, fate(fits))));
        match is_busy {
            true => None,
            false => self.next(),
        }
    }

    /// What is under way has come to this. Gives the next.
    pub fn ended(&mut self, fate: Fate) -> Option<T> {
        if let Some((_, now)) = self.0.iter_mut().find(|(_, fate)| *fate == Fate::Now) {
            *now = fate;
        }
        self.next()
    }

    /// Is one of them the one that the page shows?
    pub fn has_one_under_way(&self) -> bool {
        self.0.iter().any(|(_, fate)| *fate == Fate::Now)
    }

    fn next(&mut self) -> Option<T> {
        let (file, fate) = self.0.iter_mut().find(|(_, fate)| *fate == Fate::Waits)?;
        *fate = Fate::Now;
        Some(file.clone())
    }

    /// All of them.
    pub fn files(&self) -> &[(T, Fate)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_one_after_the_other_and_late_ones_join() {
        let stored = || Fate::Stored(Kept::default());
        let mut queue = Queue::default();
        assert!(!queue.has_one_under_way());
        let fit = |files: &'static [&str]| files.iter().map(|file| (*file, true));
        assert_eq!(queue.take(fit(&["a", "b"]), false), Some("a"));
        assert_eq!(queue.take(fit(&["c"]), true), None);
        assert_eq!(queue.ended(stored()), Some("b"));
        assert!(queue.has_one_under_way());
        assert_eq!(queue.ended(Fate::Stopped), Some("c"));
        assert_eq!(queue.ended(stored()), None);
        assert!(!queue.has_one_under_way());
        let fates = queue.files().iter().map(|(_, fate)| fate.clone());
        assert!(fates.eq([stored(), Fate::Stopped, stored()]));
        assert_eq!(queue.take(fit(&["d"]), false), Some("d"));
        assert_eq!(queue.files(), [("d", Fate::Now)]);
        assert_eq!(queue.take(fit(&[]), false), None);
    }

    #[test]
    fn what_is_too_large_is_passed_over_and_said() {
        let mut queue = Queue::default();
        let files = [("a", false), ("b", true), ("c", false), ("d", true)];
        assert_eq!(queue.take(files.into_iter(), false), Some("b"));
        assert_eq!(queue.ended(Fate::Stopped), Some("d"));
        assert_eq!(queue.ended(Fate::Stopped), None);
        let fates = queue.files().iter().map(|(_, fate)| fate.words());
        let large = "not taken: too large";
        assert!(fates.eq([large, "stopped", large, "stopped"]));
    }
}

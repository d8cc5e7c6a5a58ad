//! Topics, their history and their subscribers. Knows no HTTP.

/// All topics.
#[derive(Debug, Default)]
pub struct Topics {}

impl Topics {
    /// No topic yet.
    pub fn new() -> Topics {
        Topics::default()
    }
}

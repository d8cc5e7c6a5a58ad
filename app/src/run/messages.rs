//! Events by the ids of their messages.

use std::cmp::Ordering;

/// Indexes of events by the id of the message that each is about. Ids mostly come rising, so that a sorted list does.
#[derive(Default)]
pub(super) struct ByMessage<'a>(Vec<(&'a str, u32)>);

impl<'a> ByMessage<'a> {
    /// Takes an event in, unless there is one of the same message.
    pub(super) fn insert(&mut self, id: &'a str, index: u32) {
        if let Err(place) = self.place_of(id) {
            self.0.insert(place, (id, index));
        }
    }

    /// The event of this message.
    pub(super) fn get(&self, id: &str) -> Option<u32> {
        Some(self.0.get(self.place_of(id).ok()?)?.1)
    }

    fn place_of(&self, id: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| order(other, id))
    }
}

/// Of two ids that differ in length the longer one has the greater number.
fn order(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_event_of_a_message_is_found() {
        let mut events = ByMessage::default();
        for (index, id) in (0..).zip(["a-9", "a-10", "a-2", "b-2", "a-10"]) {
            events.insert(id, index);
        }
        let found = ["a-9", "a-10", "a-2", "b-2", "a-1"].map(|id| events.get(id));
        assert_eq!(found, [Some(0), Some(1), Some(2), Some(3), None]);
    }
}

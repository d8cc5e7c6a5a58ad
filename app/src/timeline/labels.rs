//! Where words stand: beside their marks, in order, never one over another.
//!
//! In one column this has an exact answer: keep the order, keep the distance, move everything as little as possible.
//! That is isotonic regression, solved by pooling neighbours that collide. What would have to move too far is left out,
//! the least weighty first, and is there again when one zooms in.

use super::within;
use crate::order;

/// Words that want a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wish {
    /// Where the middle of the line wants to be, in pixels along the column.
    pub at_px: f64,
    /// Larger wins where there is no room for all.
    pub weight: u8,
    /// Whose words: the caller's own number.
    pub whose: usize,
}

/// A place found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// The middle of the line, in pixels.
    pub at_px: f64,
    /// The wish's `whose`.
    pub whose: usize,
}

/// A column's bounds and measures, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// Nothing stands before this.
    pub from_px: f64,
    /// Nothing stands after this.
    pub to_px: f64,
    /// The height of a line.
    pub line_px: f64,
    /// How far words may be moved from where they want to be.
    pub stray_px: f64,
}

/// How many words may compete for one line's room before the least weighty are left out at once.
const RIVALS: usize = 4;

/// Finds a place for as many wishes as possible. `wishes` are in the order of `at_px`; so are the places.
pub fn place(wishes: &[Wish], column: Column) -> Vec<Place> {
    let mut left = rivals(wishes, &column);
    let room = ((column.to_px - column.from_px) / column.line_px + 1e-9).floor();
    let room = if room < 1.0 { 0 } else { room as usize };
    drop_lightest(&mut left, room);
    loop {
        let places = spread(&left, &column);
        let strays: Vec<bool> = left
            .iter()
            .zip(&places)
            .map(|(wish, at)| (wish.at_px - at).abs() > column.stray_px)
            .collect();
        if !strays.contains(&true) {
            return left
                .iter()
                .zip(places)
                .map(|(wish, at_px)| Place {
                    at_px,
                    whose: wish.whose,
                })
                .collect();
        }
        // In each group of touching words with a stray in it, the lightest quarter goes.
        let mut kept = Vec::with_capacity(left.len());
        let mut start = 0;
        while start < left.len() {
            let mut end = start + 1;
            while end < left.len() && places[end] - places[end - 1] < column.line_px * 1.001 {
                end += 1;
            }
            let mut group = left[start..end].to_vec();
            if strays[start..end].contains(&true) {
                let keep = group.len() - group.len().div_ceil(4);
                drop_lightest(&mut group, keep);
            }
            kept.append(&mut group);
            start = end;
        }
        left = kept;
    }
}

/// Of those that want to be on the same line, the weightiest.
fn rivals(wishes: &[Wish], column: &Column) -> Vec<Wish> {
    let mut left = Vec::with_capacity(wishes.len());
    let line = |wish: &Wish| (wish.at_px / column.line_px).floor();
    for group in wishes.chunk_by(|a, b| line(a) == line(b)) {
        if group.len() <= RIVALS {
            left.extend_from_slice(group);
        } else {
            let mut group = group.to_vec();
            drop_lightest(&mut group, RIVALS);
            left.append(&mut group);
        }
    }
    left
}

/// Keeps this many, the weightiest; among equals the first.
fn drop_lightest(wishes: &mut Vec<Wish>, keep: usize) {
    if wishes.len() <= keep {
        return;
    }
    let mut weights: Vec<u8> = wishes.iter().map(|wish| wish.weight).collect();
    order::by_number(&mut weights, |weight| -i64::from(*weight));
    let Some(&least) = keep.checked_sub(1).and_then(|place| weights.get(place)) else {
        wishes.clear();
        return;
    };
    let above = weights.iter().filter(|weight| **weight > least).count();
    let mut equals = keep - above;
    wishes.retain(|wish| {
        if wish.weight == least && equals > 0 {
            equals -= 1;
            return true;
        }
        wish.weight > least
    });
}

/// The nearest places in order and at a distance, within the bounds.
fn spread(wishes: &[Wish], column: &Column) -> Vec<f64> {
    // Pools of neighbours: the sum of what they want, less their place in the row, and how many they are.
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (place, wish) in wishes.iter().enumerate() {
        pools.push((wish.at_px - place as f64 * column.line_px, 1));
        while let [.., (before, many), (last, few)] = pools.as_slice() {
            if before / (*many as f64) <= last / (*few as f64) {
                break;
            }
            let pooled = (before + last, many + few);
            pools.pop();
            pools.pop();
            pools.push(pooled);
        }
    }
    let half = column.line_px / 2.0;
    let first = column.from_px + half;
    let rest = wishes.len().saturating_sub(1) as f64 * column.line_px;
    let last = (column.to_px - half - rest).max(first);
    let mut places = Vec::with_capacity(wishes.len());
    for (sum, count) in pools {
        let at = within(sum / count as f64, first, last);
        for _ in 0..count {
            places.push(at + places.len() as f64 * column.line_px);
        }
    }
    places
}

/// How wide text is drawn, in pixels: a table of the letters' widths, filled by the browser from the font in use.
#[derive(Debug, Clone, PartialEq)]
pub struct Widths {
    ascii: [f32; 128],
    other: f32,
}

impl Widths {
    /// A table from a function that measures a letter.
    pub fn measured(mut letter: impl FnMut(char) -> f64) -> Widths {
        let mut ascii = [0.0; 128];
        for (code, width) in (0_u8..128).zip(&mut ascii) {
            *width = letter(char::from(code)) as f32;
        }
        // A wide one stands for all the others, so that text is never wider than thought.
        Widths {
            ascii,
            other: letter('m').max(letter('µ')) as f32,
        }
    }

    /// What a proportional font of this size roughly measures, for where there is no browser.
    pub fn rough(size_px: f64) -> Widths {
        Widths::measured(|letter| {
            size_px
                * match letter {
                    'i' | 'l' | 'j' | '.' | ',' | ':' | '\'' | '|' => 0.3,
                    'm' | 'w' | 'M' | 'W' | '@' => 0.9,
                    'A'..='Z' | '0'..='9' => 0.65,
                    _ => 0.56,
                }
        })
    }

    /// The width of a text.
    pub fn of(&self, text: &str) -> f64 {
        text.chars()
            .map(|letter| f64::from(self.letter(letter)))
            .sum()
    }

    fn letter(&self, letter: char) -> f32 {
        self.ascii
            .get(letter as usize)
            .copied()
            .unwrap_or(self.other)
    }

    /// The text in at most so many lines, broken at its spaces, none wider than `most_px`; `None` where that cannot be.
    pub fn wrap(&self, text: &str, most_px: f64, lines: usize) -> Option<Vec<String>> {
        let mut wrapped: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            if let Some(line) = wrapped.last_mut() {
                let longer = [line.as_str(), " ", word].concat();
                if self.of(&longer) <= most_px {
                    *line = longer;
                    continue;
                }
            }
            if wrapped.len() == lines || self.of(word) > most_px {
                return None;
            }
            wrapped.push(word.to_owned());
        }
        Some(wrapped)
    }

    /// The text, or its beginning and an ellipsis, so that it is not wider than `most_px`; `None` where not even three
    /// letters would be left.
    pub fn cut(&self, text: &str, most_px: f64) -> Option<String> {
        if self.of(text) <= most_px {
            return Some(text.to_owned());
        }
        let mut room = most_px - f64::from(self.other);
        let mut kept = 0;
        let mut letters = 0;
        for (place, letter) in text.char_indices() {
            room -= f64::from(self.letter(letter));
            if room < 0.0 {
                break;
            }
            kept = place + letter.len_utf8();
            letters += 1;
        }
        if letters < 3 {
            return None;
        }
        let mut cut = text.get(..kept)?.trim_end().to_owned();
        cut.push('…');
        Some(cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COLUMN: Column = Column {
        from_px: 0.0,
        to_px: 1_000.0,
        line_px: 20.0,
        stray_px: 40.0,
    };

    fn wishes(at: &[(f64, u8)]) -> Vec<Wish> {
        at.iter()
            .enumerate()
            .map(|(whose, (at_px, weight))| Wish {
                at_px: *at_px,
                weight: *weight,
                whose,
            })
            .collect()
    }

    #[test]
    fn words_that_collide_give_way_to_both_sides() {
        let places = place(&wishes(&[(100.0, 1), (100.0, 1), (300.0, 1)]), COLUMN);
        let at: Vec<f64> = places.iter().map(|place| place.at_px).collect();
        assert_eq!(at, [90.0, 110.0, 300.0]);
    }

    #[test]
    fn words_stay_within_their_column() {
        let places = place(&wishes(&[(-5.0, 1), (0.0, 1), (1_000.0, 1)]), COLUMN);
        let at: Vec<f64> = places.iter().map(|place| place.at_px).collect();
        assert_eq!(at, [10.0, 30.0, 990.0]);
    }

    #[test]
    fn the_light_ones_are_left_out_where_there_is_no_room() {
        let many: Vec<(f64, u8)> = (0..12).map(|n| (500.0 + f64::from(n), n as u8)).collect();
        let places = place(&wishes(&many), COLUMN);
        assert!(places.iter().any(|place| place.whose == 11), "{places:?}");
        assert!(places.len() < 12);
        let narrow = Column {
            to_px: 45.0,
            ..COLUMN
        };
        let places = place(&wishes(&[(0.0, 1), (10.0, 3), (20.0, 2)]), narrow);
        let whose: Vec<usize> = places.iter().map(|place| place.whose).collect();
        assert_eq!(whose, [1, 2]);
        let none = Column {
            to_px: 5.0,
            ..COLUMN
        };
        assert_eq!(place(&wishes(&[(0.0, 1)]), none), []);
    }

    #[test]
    fn text_is_cut_with_an_ellipsis_or_not_at_all() {
        let widths = Widths::rough(14.0);
        assert_eq!(widths.cut("GET", 100.0).as_deref(), Some("GET"));
        let cut = widths.cut("GET /api/echo", 60.0).expect("room for some");
        assert!(cut.ends_with('…') && widths.of(&cut) <= 60.0, "{cut}");
        assert_eq!(widths.cut("GET /api/echo", 20.0), None);
    }

    #[test]
    fn text_is_broken_at_its_spaces_or_not_at_all() {
        let widths = Widths::rough(14.0);
        let wrap = |text, most_px, lines| widths.wrap(text, most_px, lines);
        let one = wrap("GET /api/echo, 412 B", 200.0, 2);
        assert_eq!(one, Some(vec!["GET /api/echo, 412 B".to_owned()]));
        let two = wrap("200 OK, 640 B", 70.0, 2);
        assert_eq!(two, Some(vec!["200 OK,".to_owned(), "640 B".to_owned()]));
        assert_eq!(wrap("GET /api/echo, 412 B", 90.0, 2), None, "three lines");
        assert_eq!(wrap("GET /api/echo", 60.0, 2), None, "a word too wide");
    }

    proptest! {
        #[test]
        fn no_two_words_overlap_and_their_order_is_kept(
            mut at in prop::collection::vec((0.0_f64..1_000.0, 0_u8..10), 0..200),
        ) {
            at.sort_by(|a, b| a.0.total_cmp(&b.0));
            let wishes = wishes(&at);
            let places = place(&wishes, COLUMN);
            for two in places.windows(2) {
                prop_assert!(two[1].at_px - two[0].at_px >= 20.0 - 1e-6);
                prop_assert!(two[0].whose < two[1].whose);
            }
            for place in &places {
                prop_assert!((10.0 - 1e-6..=990.0 + 1e-6).contains(&place.at_px));
                prop_assert!((place.at_px - at[place.whose].0).abs() <= 40.0 + 1e-6);
            }
            prop_assert!(at.is_empty() || !places.is_empty());
        }
    }
}

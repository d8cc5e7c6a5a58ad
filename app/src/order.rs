//! Sorting: everything in one order, by whole numbers or by lengths, equals staying as they were.
//!
//! The standard library's sort is compiled for each type that is sorted, some kilobytes each. Here numbers are sorted,
//! by merging, and what belongs to them is put in their order.

/// Sorts by a number.
pub(crate) fn by_number<T>(items: &mut Vec<T>, number: impl Fn(&T) -> i64) {
    let order = order(&items.iter().map(number).collect::<Vec<_>>());
    let mut old: Vec<Option<T>> = items.drain(..).map(Some).collect();
    items.extend(order.iter().filter_map(|place| old[*place as usize].take()));
}

/// Sorts by a length, as [`f64::total_cmp`] does.
pub(crate) fn by_length<T>(items: &mut Vec<T>, length: impl Fn(&T) -> f64) {
    by_number(items, |item| {
        let bits = length(item).to_bits() as i64;
        // Of negative numbers the larger one has the smaller amount.
        bits ^ (((bits >> 63) as u64) >> 1) as i64
    });
}

/// The numbers themselves, the least first.
pub(crate) fn sorted(numbers: &[i64]) -> Vec<i64> {
    let places = order(numbers);
    places
        .iter()
        .map(|place| numbers[*place as usize])
        .collect()
}

/// The places of the numbers, the least first.
fn order(numbers: &[i64]) -> Vec<u32> {
    let count = numbers.len();
    let mut places: Vec<u32> = (0..count as u32).collect();
    let mut run = if numbers.is_sorted() { count } else { 1 };
    while run < count {
        let mut merged = Vec::with_capacity(count);
        for pair in places.chunks(2 * run) {
            let (mut left, mut right) = pair.split_at(run.min(pair.len()));
            while let (Some(one), Some(other)) = (left.first(), right.first()) {
                // Of equals the left one comes first, as it did.
                let from = match numbers[*one as usize] <= numbers[*other as usize] {
                    true => &mut left,
                    false => &mut right,
                };
                merged.push(from[0]);
                *from = &from[1..];
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        places = merged;
        run *= 2;
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_sorts_as_the_standard_library_does(lengths in prop::collection::vec(any::<f64>(), 0..50)) {
            let mut items: Vec<(f64, usize)> = lengths.into_iter().zip(0..).collect();
            let mut expected = items.clone();
            expected.sort_by(|a, b| a.0.total_cmp(&b.0));
            by_length(&mut items, |item| item.0);
            let places = |items: &[(f64, usize)]| items.iter().map(|item| item.1).collect::<Vec<_>>();
            prop_assert_eq!(places(&items), places(&expected));
        }

        #[test]
        fn equals_stay_as_they_were(numbers in prop::collection::vec(-3_i64..3, 0..50)) {
            let mut items: Vec<(i64, usize)> = numbers.into_iter().zip(0..).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|item| item.0);
            by_number(&mut items, |item| item.0);
            prop_assert_eq!(items, expected);
        }
    }
}

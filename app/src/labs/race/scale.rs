//! Where a dot stands: as high as its message was late, on a scale on which a millisecond and a second are both to be seen.

/// The least lateness that is told apart, in nanoseconds: 100 µs.
pub const LEAST_NS: u64 = 100_000;
/// The greatest: 10 s.
pub const MOST_NS: u64 = 10_000_000_000;

/// How high a lateness stands, in thousandths of the scale: its logarithm. What is beyond an end stands at it.
pub fn height(late_ns: i64) -> u64 {
    let late = u64::try_from(late_ns).unwrap_or(0).clamp(LEAST_NS, MOST_NS);
    let (least, most) = (log2(LEAST_NS), log2(MOST_NS));
    (log2(late) - least) * 1_000 / (most - least)
}

/// The binary logarithm in 1/4096, exact at powers of two and within 9 % of a doubling between them.
fn log2(number: u64) -> u64 {
    let whole = u64::from(number.ilog2());
    let rest = (number << (63 - whole)) >> 51;
    whole * 4_096 + (rest & 4_095)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_power_of_ten_is_a_fifth_of_it() {
        for (late_ns, expected) in [
            (-5, 0),
            (0, 0),
            (100_000, 0),
            (1_000_000, 200),
            (10_000_000, 400),
            (100_000_000, 600),
            (1_000_000_000, 800),
            (10_000_000_000, 1_000),
            (i64::MAX, 1_000),
        ] {
            assert!(
                height(late_ns).abs_diff(expected) <= 6,
                "{late_ns}: {}",
                height(late_ns)
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_later_never_stands_lower(one in 0..20_000_000_000_i64, other in 0..20_000_000_000_i64) {
            prop_assert!(height(one.min(other)) <= height(one.max(other)));
        }
    }
}

//! Words for durations and sizes: the same on the page, in summaries and in the server's log.

/// A duration in words with the unit that fits: `830 ns`, `41.2 µs`, `41.2 ms`, `3.20 s`, `2 min 5 s`.
pub fn duration(ns: i64) -> String {
    let sign = if ns < 0 { "−" } else { "" };
    let ns = ns.unsigned_abs();
    let text = match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => three_figures(ns, 1_000, "µs"),
        1_000_000..1_000_000_000 => three_figures(ns, 1_000_000, "ms"),
        1_000_000_000..60_000_000_000 => three_figures(ns, 1_000_000_000, "s"),
        _ => {
            let seconds = ns / 1_000_000_000;
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
    };
    format!("{sign}{text}")
}

/// A size in words, in powers of 1,000 as network figures are given: `412 B`, `1.2 kB`, `8.39 MB`.
pub fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => three_figures(count, 1_000, "kB"),
        1_000_000..1_000_000_000 => three_figures(count, 1_000_000, "MB"),
        _ => three_figures(count, 1_000_000_000, "GB"),
    }
}

/// Three significant figures at most, no trailing zeros after the point. In whole numbers: what prints fractions is large,
/// and the page has nothing else for it to do.
fn three_figures(count: u64, unit: u64, name: &str) -> String {
    // A figure that would be rounded up to the next power of ten has one decimal less.
    let decimals = if count >= unit / 100 * 9_995 {
        0
    } else if count >= unit / 1_000 * 9_995 {
        1
    } else {
        2
    };
    let parts = 10_u64.pow(decimals);
    let step = unit / parts;
    let rounded = count.saturating_add(step / 2) / step;
    let (whole, part) = (rounded / parts, rounded % parts);
    match (decimals, part) {
        (_, 0) => format!("{whole} {name}"),
        (2, part) if part % 10 > 0 => format!("{whole}.{part:02} {name}"),
        (2, part) => format!("{whole}.{} {name}", part / 10),
        (_, part) => format!("{whole}.{part} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        let cases = [
            (0, "0 ns"),
            (830, "830 ns"),
            (41_200, "41.2 µs"),
            (41_200_000, "41.2 ms"),
            (40_000_000, "40 ms"),
            (1_050_000, "1.05 ms"),
            (9_994_999, "9.99 ms"),
            (9_995_000, "10 ms"),
            (99_949_999, "99.9 ms"),
            (99_950_000, "100 ms"),
            (999_499_999, "999 ms"),
            (-1_500_000, "−1.5 ms"),
            (3_200_000_000, "3.2 s"),
            (125_000_000_000, "2 min 5 s"),
        ];
        for (ns, text) in cases {
            assert_eq!(duration(ns), text);
        }
    }

    #[test]
    fn sizes_use_decimal_units() {
        assert_eq!(bytes(412), "412 B");
        assert_eq!(bytes(1_234), "1.23 kB");
        assert_eq!(bytes(8_388_608), "8.39 MB");
        assert_eq!(bytes(1_000_000_000), "1 GB");
    }
}

//! Words for durations and sizes: the same on the page, in summaries and in the server's log.

/// A duration in words with the unit that fits: `830 ns`, `41.2 µs`, `41.2 ms`, `3.20 s`, `2 min 5 s`.
pub fn duration(ns: i64) -> String {
    let sign = if ns < 0 { "−" } else { "" };
    let ns = ns.unsigned_abs();
    let text = match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => three_figures(ns as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => three_figures(ns as f64 / 1e6, "ms"),
        1_000_000_000..60_000_000_000 => three_figures(ns as f64 / 1e9, "s"),
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
        1_000..1_000_000 => three_figures(count as f64 / 1e3, "kB"),
        1_000_000..1_000_000_000 => three_figures(count as f64 / 1e6, "MB"),
        _ => three_figures(count as f64 / 1e9, "GB"),
    }
}

/// Three significant figures at most, no trailing zeros after the point.
fn three_figures(value: f64, unit: &str) -> String {
    let decimals = if value >= 99.95 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    let mut text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    format!("{text} {unit}")
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

//! How many tests passed and failed, read from the closing lines of the tools that ran them.

/// Counts of one step.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    /// The tools' own summaries, as they printed them.
    pub(super) closing: Vec<String>,
}

/// Words after a count in a closing line, and whether they mean a test that did not pass.
const WORDS: [(&str, bool); 10] = [
    ("passed", false),
    ("failed", true),
    ("flaky", true),
    ("timed out", true),
    ("exec failed", true),
    ("error", true),
    ("errors", true),
    ("interrupted", true),
    ("did not run", true),
    ("xpassed", true),
];

impl Tally {
    /// Takes note of a line, where it is a closing line.
    pub(super) fn see(&mut self, line: &str) {
        if !is_closing(line) {
            return;
        }
        self.closing.push(line.trim().to_owned());
        for part in line.split([',', ';', '.', ':', '=', '(', ')']) {
            let part = part.trim();
            let Some((count, what)) = part.split_once(' ') else {
                continue;
            };
            let Ok(count) = count.parse::<u64>() else {
                continue;
            };
            // pytest: "4 passed in 1.20s".
            let what = what.split(" in ").next().unwrap_or_default().trim();
            match WORDS.iter().find(|(word, _)| *word == what) {
                Some((_, false)) => self.passed += count,
                Some((_, true)) => self.failed += count,
                None => {}
            }
        }
    }

    /// A step that runs no tests counts as one, and one that failed has at least one failure.
    pub(super) fn of_step(mut self, ok: bool) -> Self {
        if !ok {
            self.failed = self.failed.max(1);
        } else if self.closing.is_empty() {
            self.passed = 1;
        }
        self
    }
}

fn is_closing(line: &str) -> bool {
    let line = line.trim();
    // nextest
    line.starts_with("Summary [")
        // libtest and wasm-bindgen-test
        || line.starts_with("test result: ")
        // pytest
        || (line.starts_with("==") && line.ends_with("==") && line.contains(" in ") && line.contains(char::is_numeric))
        // Playwright: "12 passed (30.1s)", "1 failed", "2 did not run"
        || line.split_once(' ').is_some_and(|(count, rest)| {
            let what = rest.split(" (").next().unwrap_or_default();
            count.parse::<u64>().is_ok()
                && (what == "skipped" || WORDS.iter().any(|(word, _)| *word == what))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> (u64, u64, usize) {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.see(line));
        (tally.passed, tally.failed, tally.closing.len())
    }

    #[test]
    fn nextest() {
        assert_eq!(
            tally(&["     Summary [   0.059s] 14 tests run: 14 passed, 0 skipped"]),
            (14, 0, 1)
        );
        let line = "     Summary [   3.156s] 14 tests run: 11 passed (1 slow), 2 failed, 1 timed out, 0 skipped";
        assert_eq!(
            tally(&[line, "        PASS [   0.006s] (13/14) xtask 3 passed"]),
            (11, 3, 1)
        );
    }

    #[test]
    fn libtest_and_wasm_bindgen_test() {
        let lines = [
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out; finished in 0.11s",
        ];
        assert_eq!(tally(&lines), (4, 2, 2));
    }

    #[test]
    fn playwright() {
        assert_eq!(
            tally(&[
                "  1 failed",
                "  1 flaky",
                "  2 skipped",
                "  12 passed (30.1s)"
            ]),
            (12, 2, 4)
        );
    }

    #[test]
    fn pytest() {
        assert_eq!(
            tally(&["================= 1 failed, 4 passed in 1.20s ================="]),
            (4, 1, 1)
        );
        assert_eq!(
            tally(&["==== 1 passed, 1 error in 62.20s (0:01:02) ===="]),
            (1, 1, 1)
        );
    }

    #[test]
    fn other_lines_do_not_count() {
        assert_eq!(
            tally(&["12 files", "the 3 passed", "== 3 ==", "running 1 test"]),
            (0, 0, 0)
        );
    }

    #[test]
    fn a_check_without_tests_counts_as_one() {
        assert_eq!(Tally::default().of_step(true).passed, 1);
        assert_eq!(Tally::default().of_step(false).failed, 1);
    }
}

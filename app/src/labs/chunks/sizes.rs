//! Chunks of every size over the same line: what each came to, and where the best lies.

use wire::time::duration;

/// The sizes that are tried for a file, in KiB: from 64 KiB in doublings, to the size that holds all of it.
pub fn sizes(file_kib: u64) -> Vec<u64> {
    let mut sizes = Vec::new();
    let mut size = 64;
    while size < file_kib {
        sizes.push(size);
        size *= 2;
    }
    sizes.push(size);
    sizes
}

/// A size in words: `64 KiB`, `4 MiB`.
pub fn kib(size: u64) -> String {
    match size {
        1_024.. if size.is_multiple_of(1_024) => [&(size / 1_024).to_string(), " MiB"].concat(),
        _ => [&size.to_string(), " KiB"].concat(),
    }
}

/// What one size came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// The size of a chunk, in KiB.
    pub size: u64,
    /// How many chunks it took.
    pub chunks: u64,
    /// How long the file took over a line that held, in nanoseconds.
    pub held_ns: i64,
    /// How long it took where the line dropped once.
    pub cut_ns: i64,
}

impl Measured {
    /// What the cut cost, in nanoseconds: never less than nothing.
    pub fn cost_ns(&self) -> i64 {
        (self.cut_ns - self.held_ns).max(0)
    }

    /// What went through while the line held, in kilobits a second.
    pub fn kbit(&self, file: u64) -> u64 {
        (file * 8_000_000)
            .checked_div(self.held_ns.max(1).unsigned_abs())
            .unwrap_or(0)
    }
}

/// The place of the size that was quickest with one cut.
pub fn best(measured: &[Measured]) -> Option<usize> {
    let places = measured.iter().enumerate();
    Some(places.min_by_key(|(_, one)| one.cut_ns)?.0)
}

/// Where the best lies, and why. `keeps` is a server that keeps what arrived of a chunk that was cut.
pub fn words(measured: &[Measured], keeps: bool) -> String {
    let (Some(place), Some(first), Some(last)) =
        (best(measured), measured.first(), measured.last())
    else {
        return String::new();
    };
    let best = &measured[place];
    let mut words = [
        "Quickest here with one cut: ",
        &kib(best.size),
        ", in ",
        &duration(best.cut_ns),
        ".",
    ]
    .concat();
    if first.size < best.size {
        let more_ns = (first.held_ns - best.held_ns).max(0);
        words.push_str(
            &[
                " In chunks of ",
                &kib(first.size),
                " the file waits for ",
                &first.chunks.to_string(),
                " answers, which takes ",
                &duration(more_ns),
                " longer.",
            ]
            .concat(),
        );
    }
    if last.size > best.size && last.cost_ns() > best.cost_ns() {
        words.push_str(
            &[
                " At ",
                &kib(last.size),
                " a cut costs ",
                &duration(last.cost_ns()),
                " instead of ",
                &duration(best.cost_ns()),
                ".",
            ]
            .concat(),
        );
    } else if keeps {
        words.push_str(
            " What arrived before the cut is kept, so that larger chunks lose no more by it.",
        );
    } else {
        words.push_str(
            " A checked chunk that is cut is lost whole, which costs less here than more answers.",
        );
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn measured(size: u64, chunks: u64, held_ms: i64, cut_ms: i64) -> Measured {
        Measured {
            size,
            chunks,
            held_ns: held_ms * MS,
            cut_ns: cut_ms * MS,
        }
    }

    #[test]
    fn sizes_double_until_one_holds_the_file() {
        assert_eq!(sizes(64), [64]);
        assert_eq!(sizes(1_000), [64, 128, 256, 512, 1_024]);
        assert_eq!(sizes(16_384).last(), Some(&16_384));
        assert_eq!(kib(512), "512 KiB");
        assert_eq!(kib(4_096), "4 MiB");
    }

    #[test]
    fn the_best_is_named_with_what_the_ends_lose() {
        let all = [
            measured(64, 64, 4_000, 4_100),
            measured(512, 8, 2_000, 2_200),
            measured(4_096, 1, 1_700, 3_400),
        ];
        assert_eq!(best(&all), Some(1));
        assert_eq!(
            words(&all, true),
            "Quickest here with one cut: 512 KiB, in 2.2 s. In chunks of 64 KiB the file waits for 64 answers, which takes 2 s \
             longer. At 4 MiB a cut costs 1.7 s instead of 200 ms."
        );
        assert_eq!(all[1].kbit(4_000_000), 16_000);
    }

    #[test]
    fn where_a_cut_costs_no_more_it_is_said_why() {
        let all = [
            measured(64, 64, 4_000, 4_300),
            measured(4_096, 1, 1_700, 2_000),
        ];
        assert!(words(&all, true).ends_with("larger chunks lose no more by it."));
        assert!(words(&all, false).contains("lost whole"));
        assert_eq!(words(&[], true), "");
        assert_eq!(measured(64, 1, 20, 10).cost_ns(), 0);
    }
}

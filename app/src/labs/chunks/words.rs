//! What the comparison came to, in a sentence.

use wire::time::{bytes, duration};

use super::track::Track;

/// What one way came to: its track, and how long it took on the page's clock, once it is over.
pub type Came = (Track, Option<i64>);

/// What the cut cost each; before both are over, how they stand.
pub fn sentence(one: &Came, chunks: &Came) -> String {
    let ((whole, Some(whole_ns)), (parts, Some(parts_ns))) = (one, chunks) else {
        return String::new();
    };
    let cost = |track: &Track| {
        let recovery_ns = track.recovery_ns()?;
        Some([bytes(track.again()), duration(recovery_ns)])
    };
    let caught = match parts.refused {
        0 => "",
        _ => {
            " The corrupted chunk did not fit its checksum: the server refused it (460), and it was sent again."
        }
    };
    let words = match (whole.cut, cost(whole), cost(parts)) {
        (Some((_, place)), Some([again, took]), Some([again_too, took_too])) => [
            "The cut at ",
            &bytes(place),
            " cost the one request ",
            &again,
            " sent again and ",
            &took,
            "; the chunks ",
            &again_too,
            " and ",
            &took_too,
            ". In all: ",
            &duration(*whole_ns),
            " and ",
            &duration(*parts_ns),
            ".",
        ]
        .concat(),
        (None, ..) => [
            "The line held: one request took ",
            &duration(*whole_ns),
            ", the chunks ",
            &duration(*parts_ns),
            " for ",
            &parts.requests.to_string(),
            " requests with ",
            &bytes(parts.head),
            " of header.",
        ]
        .concat(),
        _ => "The run has no more room for what was measured. Clear it, and compare again."
            .to_owned(),
    };
    [&words, caught].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn came(cut: Option<(i64, u64)>, recovered_ns: Option<i64>, again: u64, took_ns: i64) -> Came {
        let track = Track {
            requests: 17,
            head: 5_600,
            read: 8_000_000 + again,
            high: 8_000_000,
            cut,
            recovered_ns,
            ..Track::default()
        };
        (track, Some(took_ns))
    }

    #[test]
    fn a_cut_has_its_price_each_way() {
        const MS: i64 = 1_000_000;
        let one = came(
            Some((100 * MS, 4_000_000)),
            Some(3_200 * MS),
            4_000_000,
            6_000 * MS,
        );
        let chunks = came(Some((100 * MS, 4_000_000)), Some(400 * MS), 0, 3_300 * MS);
        assert_eq!(
            sentence(&one, &chunks),
            "The cut at 4 MB cost the one request 4 MB sent again and 3.1 s; the chunks 0 B and 300 ms. In all: 6 s and 3.3 s."
        );
    }

    #[test]
    fn a_chunk_that_was_refused_is_told() {
        let mut chunks = came(None, None, 0, 1_000_000_000);
        chunks.0.refused = 1;
        assert!(
            sentence(&came(None, None, 0, 1), &chunks)
                .ends_with("refused it (460), and it was sent again.")
        );
    }

    #[test]
    fn without_a_cut_chunks_cost_their_requests() {
        let words = sentence(
            &came(None, None, 0, 1_000_000_000),
            &came(None, None, 0, 2_000_000_000),
        );
        assert_eq!(
            words,
            "The line held: one request took 1 s, the chunks 2 s for 17 requests with 5.6 kB of header."
        );
    }

    #[test]
    fn nothing_is_said_before_both_are_over() {
        let (track, _) = came(None, None, 0, 1);
        assert_eq!(sentence(&(track, None), &came(None, None, 0, 1)), "");
    }
}

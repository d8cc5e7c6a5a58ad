//! What the figures of short polling show.

use wire::time::duration;

use crate::components::topic::figures::Figures;

/// The row of its own.
pub fn row(figures: &Figures) -> (&'static str, String) {
    ("Waited for a poll", figures.waits.words())
}

/// The point, in a sentence.
pub fn point(figures: &Figures) -> String {
    let waited = match figures.waits.count {
        1 => format!(
            "waited {} for the next poll",
            duration(figures.waits.most_ns)
        ),
        _ => format!(
            "waited {} on average for the next poll (at most {})",
            duration(figures.waits.mean_ns()),
            duration(figures.waits.most_ns)
        ),
    };
    format!(
        "{} {waited}; {} of {} answers were empty; {}.",
        figures.subject(),
        figures.empty,
        figures.requests,
        figures.cost_words()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::topic::figures::Spread;

    #[test]
    fn the_point_is_the_waiting_and_the_empty_answers() {
        let spread = |count, total_ns, most_ns| Spread {
            count,
            total_ns,
            most_ns,
        };
        let figures = Figures {
            requests: 12,
            empty: 9,
            messages: 3,
            payload: 96,
            head: 11_400,
            waits: spread(3, 1_236_000_000, 980_000_000),
            ways: spread(3, 1_239_000_000, 981_000_000),
            ..Figures::default()
        };
        assert_eq!(
            point(&figures),
            "Each message waited 412 ms on average for the next poll (at most 980 ms); 9 of 12 answers were empty; \
             11.4 kB of header for 96 B of message."
        );
        let one = Figures {
            waits: spread(1, 5_000_000, 5_000_000),
            ways: spread(1, 6_000_000, 6_000_000),
            ..figures
        };
        assert!(point(&one).starts_with("The message waited 5 ms for the next poll; "));
        assert_eq!(row(&one), ("Waited for a poll", "5 ms".to_owned()));
    }
}

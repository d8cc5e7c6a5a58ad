//! What the figures of long polling show.

use wire::time::duration;

use crate::components::topic::figures::Figures;

/// The row of its own.
pub fn row(figures: &Figures) -> (&'static str, String) {
    ("Held by the server", figures.held.words())
}

/// The point, in a sentence.
pub fn point(figures: &Figures) -> String {
    let held = match figures.held.count {
        0 => "no request was held".to_owned(),
        1 => format!("the request was held {}", duration(figures.held.most_ns)),
        _ => format!(
            "each request was held {} on average",
            duration(figures.held.mean_ns())
        ),
    };
    format!(
        "{} arrived {} after the topic had it; {held}; {}.",
        figures.subject(),
        figures.way_words(),
        figures.cost_words()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::topic::figures::Spread;

    #[test]
    fn the_point_is_the_held_request() {
        let spread = |count, total_ns, most_ns| Spread {
            count,
            total_ns,
            most_ns,
        };
        let figures = Figures {
            requests: 4,
            messages: 1,
            payload: 12,
            head: 2_400,
            held: spread(1, 640_000_000, 640_000_000),
            ways: spread(1, 900_000, 900_000),
            error_ns: 100_000,
            ..Figures::default()
        };
        assert_eq!(
            point(&figures),
            "The message arrived 900 µs ± 100 µs after the topic had it; the request was held 640 ms; \
             2.4 kB of header for 12 B of message."
        );
        let several = Figures {
            held: spread(3, 1_800_000_000, 700_000_000),
            ..figures
        };
        assert!(point(&several).contains("; each request was held 600 ms on average; "));
    }
}

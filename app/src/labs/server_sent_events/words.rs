//! What the figures of server-sent events show.

use wire::time::duration;

use crate::components::topic::figures::Figures;

/// The row of its own.
pub fn row(figures: &Figures) -> (&'static str, String) {
    ("Stream open", figures.open.words())
}

/// The point, in a sentence.
pub fn point(figures: &Figures) -> String {
    let breaks = figures.requests.saturating_sub(1);
    let stream = match breaks {
        0 => format!(
            "one response stayed open {}",
            duration(figures.open.total_ns)
        ),
        1 => "the stream broke once".to_owned(),
        _ => format!("the stream broke {breaks} times"),
    };
    let recovered = match (breaks, figures.caught_up) {
        (0, _) => String::new(),
        (_, 0) => ", and nothing was published meanwhile".to_owned(),
        (_, 1) => ", and the 1 message that was missed came at once".to_owned(),
        (_, count) => format!(", and the {count} messages that were missed came at once"),
    };
    format!(
        "{} arrived {} after the topic had it; {stream}{recovered}; {}.",
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
    fn the_point_is_one_response_and_what_came_after_a_break() {
        let spread = |count, total_ns, most_ns| Spread {
            count,
            total_ns,
            most_ns,
        };
        let figures = Figures {
            requests: 1,
            messages: 3,
            payload: 42,
            head: 900,
            open: spread(1, 2_400_000_000, 2_400_000_000),
            ways: spread(3, 2_700_000, 1_400_000),
            error_ns: 100_000,
            ..Figures::default()
        };
        assert_eq!(
            point(&figures),
            "Each message arrived 900 µs on average (at most 1.4 ms) ± 100 µs after the topic had it; \
             one response stayed open 2.4 s; 900 B of header for 42 B of message."
        );
        let broken = Figures {
            requests: 2,
            caught_up: 1,
            ..figures
        };
        assert!(
            point(&broken).contains(
                "; the stream broke once, and the 1 message that was missed came at once; "
            )
        );
    }
}

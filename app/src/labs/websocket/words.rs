//! What the figures of a WebSocket show.

use wire::time::{bytes, duration};

use crate::components::topic::figures::Figures;

/// The row of its own.
pub fn row(figures: &Figures) -> (&'static str, String) {
    ("Socket open", figures.open.words())
}

/// The point, in a sentence.
pub fn point(figures: &Figures) -> String {
    let sockets = match figures.requests {
        1 => format!("one socket stayed open {}", duration(figures.open.total_ns)),
        count => format!("{count} sockets were opened"),
    };
    format!(
        "{} arrived {} after the topic had it; {sockets}; {} of header once, then {} of frames for {} of message.",
        figures.subject(),
        figures.way_words(),
        bytes(figures.head),
        bytes(figures.body),
        bytes(figures.payload)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::topic::figures::Spread;

    #[test]
    fn the_point_is_one_handshake_and_small_frames() {
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
            body: 720,
            open: spread(1, 2_400_000_000, 2_400_000_000),
            ways: spread(3, 2_700_000, 1_400_000),
            error_ns: 100_000,
            ..Figures::default()
        };
        assert_eq!(
            point(&figures),
            "Each message arrived 900 µs on average (at most 1.4 ms) ± 100 µs after the topic had it; one socket stayed \
             open 2.4 s; 900 B of header once, then 720 B of frames for 42 B of message."
        );
        assert!(
            point(&Figures {
                requests: 2,
                ..figures
            })
            .contains("; 2 sockets were opened; ")
        );
    }
}

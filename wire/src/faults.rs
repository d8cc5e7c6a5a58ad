//! The words that ask for faults: `latency=200ms,jitter=50ms,rate=56kbit,buffer=4KiB,cut=4096,cut_after=2s,slow_read=1KiB/s`.
//!
//! They stand in a request's query (`?faults=`) or in its header field `Roundtrip-Faults`, and are about the rest of that
//! one exchange. The server's tap does what they say and tells it on the timeline; the page writes them into its links.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use crate::limits::{
    FAULT_BUFFER_BYTES_MAX, FAULT_CUT_AFTER_MS_MAX, FAULT_CUT_BYTES_MAX, FAULT_JITTER_MS_MAX,
    FAULT_LATENCY_MS_MAX, FAULT_RATE_BITS_MAX, FAULT_RATE_BITS_MIN, FAULT_SLOW_READ_BYTES_MAX,
};

/// The header field that asks for faults.
pub const FAULTS_FIELD: &str = "roundtrip-faults";
/// The parameter of a query that asks for faults.
pub const FAULTS_PARAMETER: &str = "faults";

/// One thing that can be made to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Each piece comes this much later, in milliseconds, both ways; what was sent meanwhile is as late, not later.
    Latency,
    /// The latency varies by up to this much, in milliseconds, in either direction; the order is kept.
    Jitter,
    /// So many bits a second go through, each way.
    Rate,
    /// A proxy in between holds the response's body back until so many bytes have gathered, or it is over.
    Buffer,
    /// The connection is reset behind this many bytes of a body: the request's or the response's, whichever comes to it.
    Cut,
    /// The connection is reset after this time, in milliseconds, if the exchange is not over by then.
    CutAfter,
    /// The server reads so many bytes of the request's body a second.
    SlowRead,
}

impl Fault {
    /// Every fault, in the order in which they are written.
    pub const ALL: [Fault; 7] = [
        Fault::Latency,
        Fault::Jitter,
        Fault::Rate,
        Fault::Buffer,
        Fault::Cut,
        Fault::CutAfter,
        Fault::SlowRead,
    ];

    /// The word before the `=`.
    pub const fn name(self) -> &'static str {
        match self {
            Fault::Latency => "latency",
            Fault::Jitter => "jitter",
            Fault::Rate => "rate",
            Fault::Buffer => "buffer",
            Fault::Cut => "cut",
            Fault::CutAfter => "cut_after",
            Fault::SlowRead => "slow_read",
        }
    }

    /// What may be asked for, in milliseconds, bits a second, bytes or bytes a second.
    pub const fn bounds(self) -> RangeInclusive<u64> {
        match self {
            Fault::Latency => 1..=FAULT_LATENCY_MS_MAX,
            Fault::Jitter => 1..=FAULT_JITTER_MS_MAX,
            Fault::Rate => FAULT_RATE_BITS_MIN..=FAULT_RATE_BITS_MAX,
            Fault::Buffer => 1..=FAULT_BUFFER_BYTES_MAX,
            Fault::Cut => 0..=FAULT_CUT_BYTES_MAX,
            Fault::CutAfter => 1..=FAULT_CUT_AFTER_MS_MAX,
            Fault::SlowRead => 1..=FAULT_SLOW_READ_BYTES_MAX,
        }
    }

    /// What the bounds, and values, are counted in.
    pub const fn unit(self) -> &'static str {
        match self {
            Fault::Latency | Fault::Jitter | Fault::CutAfter => "ms",
            Fault::Rate => "bit/s",
            Fault::Buffer | Fault::Cut => "bytes",
            Fault::SlowRead => "bytes/s",
        }
    }

    /// The units in which it is said, the smallest first, each with what it stands for.
    const fn units(self) -> &'static [(&'static str, u64)] {
        const TIME: &[(&str, u64)] = &[("ms", 1), ("s", 1_000)];
        const BITS: &[(&str, u64)] = &[
            ("bit", 1),
            ("kbit", 1_000),
            ("Mbit", 1_000_000),
            ("Gbit", 1_000_000_000),
        ];
        const SIZE: &[(&str, u64)] = &[
            ("B", 1),
            ("KiB", 1 << 10),
            ("MiB", 1 << 20),
            ("GiB", 1 << 30),
        ];
        const PLACE: &[(&str, u64)] = &[("", 1)];
        const SPEED: &[(&str, u64)] = &[("B/s", 1), ("KiB/s", 1 << 10), ("MiB/s", 1 << 20)];
        match self {
            Fault::Latency | Fault::Jitter | Fault::CutAfter => TIME,
            Fault::Rate => BITS,
            Fault::Buffer => SIZE,
            Fault::Cut => PLACE,
            Fault::SlowRead => SPEED,
        }
    }

    /// Reads a value: a whole number and its unit. Where the unit is bytes, it may be left out.
    fn value(self, text: &str) -> Option<u64> {
        let end = text.bytes().take_while(u8::is_ascii_digit).count();
        // A split that may panic brings the words that it would panic with into the page.
        let (digits, unit) = text.split_at_checked(end)?;
        let units = self.units();
        let factor = match units.iter().find(|(name, _)| *name == unit) {
            Some((_, factor)) => *factor,
            // A place in a body is a count of bytes, which may be said in larger units too.
            None => match self {
                Fault::Cut => size(unit)?,
                Fault::Buffer if unit.is_empty() => 1,
                _ => return None,
            },
        };
        // What is too large for the number is too large for every bound.
        digits
            .parse()
            .ok()
            .map(|number: u64| number.saturating_mul(factor))
            .or_else(|| (!digits.is_empty()).then_some(u64::MAX))
    }

    /// A value in the largest unit that says it in a whole number: `56kbit`.
    pub fn in_words(self, value: u64) -> String {
        let mut words = String::new();
        for (unit, factor) in self.units() {
            if words.is_empty() || (value > 0 && value.is_multiple_of(*factor)) {
                words = [&(value / factor).to_string(), *unit].concat();
            }
        }
        words
    }
}

fn size(unit: &str) -> Option<u64> {
    let units = Fault::Buffer.units();
    units
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor)
}

/// The faults of one exchange: each at most once. `Display` writes what [`FromStr`] reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults([Option<u64>; Fault::ALL.len()]);

impl Faults {
    /// None.
    pub const NONE: Faults = Faults([None; Fault::ALL.len()]);

    /// Is none asked for?
    pub fn is_none(&self) -> bool {
        *self == Faults::NONE
    }

    /// How much of this fault is asked for, in the unit that it names.
    pub const fn get(&self, fault: Fault) -> Option<u64> {
        self.0[fault as usize]
    }

    /// Asks for this much of a fault, or for none of it. The value is taken as it is: what reads the words holds the
    /// bounds.
    pub const fn set(&mut self, fault: Fault, value: Option<u64>) {
        self.0[fault as usize] = value;
    }
}

/// Why words ask for no faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultsError {
    /// There is no such fault.
    Unknown(String),
    /// It is asked for twice.
    Twice(Fault),
    /// Its value is no whole number with a unit that it knows.
    Unreadable(Fault, String),
    /// Its value is out of its bounds.
    OutOfBounds(Fault, u64),
}

impl FromStr for Faults {
    type Err = FaultsError;

    fn from_str(text: &str) -> Result<Faults, FaultsError> {
        let mut faults = Faults::NONE;
        for word in text.split(',').map(str::trim) {
            if word.is_empty() {
                continue;
            }
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let fault = Fault::ALL
                .into_iter()
                .find(|fault| fault.name() == name)
                .ok_or_else(|| FaultsError::Unknown(name.to_owned()))?;
            if faults.get(fault).is_some() {
                return Err(FaultsError::Twice(fault));
            }
            let number = fault
                .value(value)
                .ok_or_else(|| FaultsError::Unreadable(fault, value.to_owned()))?;
            if !fault.bounds().contains(&number) {
                return Err(FaultsError::OutOfBounds(fault, number));
            }
            faults.set(fault, Some(number));
        }
        Ok(faults)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for fault in Fault::ALL {
            if let Some(value) = self.get(fault) {
                f.write_str(&[comma, fault.name(), "=", &fault.in_words(value)].concat())?;
                comma = ",";
            }
        }
        Ok(())
    }
}

/// `latency: from 1ms to 10s`.
impl fmt::Display for FaultsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fault, said) = match self {
            FaultsError::Unknown(name) => {
                let mut names = String::new();
                for fault in Fault::ALL {
                    names.push_str(if names.is_empty() { "" } else { ", " });
                    names.push_str(fault.name());
                }
                let words = [
                    "There is no fault ",
                    &shown(name),
                    ". There are ",
                    &names,
                    "; for example latency=200ms,rate=56kbit.",
                ];
                return f.write_str(&words.concat());
            }
            FaultsError::Twice(fault) => (
                fault,
                ["The fault ", fault.name(), " is asked for twice"].concat(),
            ),
            FaultsError::Unreadable(fault, value) => (
                fault,
                [
                    "The fault ",
                    fault.name(),
                    "=",
                    &shown(value),
                    " is no whole number with its unit",
                ]
                .concat(),
            ),
            FaultsError::OutOfBounds(fault, value) => (
                fault,
                [
                    "The fault ",
                    fault.name(),
                    "=",
                    &fault.in_words(*value),
                    " is beyond its bounds",
                ]
                .concat(),
            ),
        };
        let (start, end) = fault.bounds().into_inner();
        let words = [
            said.as_str(),
            ": once, from ",
            &fault.in_words(start),
            " to ",
            &fault.in_words(end),
            if *fault == Fault::Cut { " bytes." } else { "." },
        ];
        f.write_str(&words.concat())
    }
}

impl std::error::Error for FaultsError {}

/// What somebody wrote, fit to be shown: short, and without what steers a terminal.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (place, c) in text.chars().enumerate() {
        if place == 32 {
            shown.push('…');
            break;
        }
        shown.push(if c.is_control() { '\u{fffd}' } else { c });
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: &str =
        "latency=200ms,jitter=50ms,rate=56kbit,buffer=4KiB,cut=4096,cut_after=2s,slow_read=1KiB/s";

    fn parsed(text: &str) -> Faults {
        text.parse().expect("words that ask for faults")
    }

    fn refused(text: &str) -> String {
        text.parse::<Faults>().expect_err("no faults").to_string()
    }

    #[test]
    fn the_contracts_own_words_are_read_and_written() {
        let faults = parsed(ALL);
        let values = Fault::ALL.map(|fault| faults.get(fault).expect("each is asked for"));
        assert_eq!(values, [200, 50, 56_000, 4_096, 4_096, 2_000, 1_024]);
        assert_eq!(faults.to_string(), ALL);
    }

    #[test]
    fn nothing_asks_for_nothing() {
        for text in ["", " ", ",", " , "] {
            assert!(parsed(text).is_none(), "{text:?}");
        }
        assert_eq!(Faults::NONE.to_string(), "");
    }

    #[test]
    fn units_are_the_largest_that_say_it_whole() {
        for (text, written) in [
            ("latency=1000ms", "latency=1s"),
            ("latency=1500ms", "latency=1500ms"),
            (" rate=1000kbit , jitter=7ms", "jitter=7ms,rate=1Mbit"),
            ("buffer=1024", "buffer=1KiB"),
            ("buffer=1000B", "buffer=1000B"),
            ("cut=4KiB", "cut=4096"),
            ("cut=0", "cut=0"),
            ("slow_read=1024KiB/s", "slow_read=1MiB/s"),
        ] {
            assert_eq!(parsed(text).to_string(), written);
        }
    }

    #[test]
    fn each_bound_holds_at_the_limit_and_not_one_past_it() {
        for fault in Fault::ALL {
            let unit = fault.units()[0].0;
            let word = |value: u64| format!("{}={value}{unit}", fault.name());
            let (start, end) = fault.bounds().into_inner();
            for value in [start, end] {
                assert_eq!(parsed(&word(value)).get(fault), Some(value));
            }
            let wrong = [start.checked_sub(1), Some(end + 1)];
            for value in wrong.into_iter().flatten() {
                let why = refused(&word(value));
                assert!(why.contains(fault.name()), "{why}");
                assert!(why.contains(&fault.in_words(start)), "{why}");
                assert!(why.contains(&fault.in_words(end)), "{why}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        assert_eq!(
            refused("latency=11s"),
            "The fault latency=11s is beyond its bounds: once, from 1ms to 10s."
        );
        assert_eq!(
            refused("rate=56kbit/s"),
            "The fault rate=56kbit/s is no whole number with its unit: once, from 1kbit to 1Gbit."
        );
        assert_eq!(
            refused("cut=1,cut=1"),
            "The fault cut is asked for twice: once, from 0 to 1073741824 bytes."
        );
        assert!(refused("delay=1s").starts_with(
            "There is no fault delay. There are latency, jitter, rate, buffer, cut, cut_after, slow_read;"
        ));
        let endless = "9".repeat(40);
        assert!(refused(&format!("latency={endless}ms")).contains("beyond"));
        for text in [
            "latency",
            "latency=",
            "latency=ms",
            "latency=200",
            "latency=-1ms",
            "latency=1.5s",
            "buffer=4kib",
        ] {
            assert!(refused(text).contains("no whole number"), "{text}");
        }
        let long = refused(&format!("\u{1b}[31m{}", "x".repeat(100)));
        assert!(
            long.contains("\u{fffd}[31m") && !long.contains(&"x".repeat(33)),
            "{long}"
        );
    }

    fn some_faults() -> impl Strategy<Value = Faults> {
        let values = Fault::ALL.map(|fault| prop::option::of(fault.bounds()));
        values.prop_map(Faults)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(faults in some_faults()) {
            prop_assert_eq!(faults.to_string().parse(), Ok(faults));
        }

        #[test]
        fn no_words_panic(text in "\\PC*", word in "(latency|rate|cut|buffer|slow_read)=[0-9]{0,30}[a-zA-Z/]{0,6}") {
            for text in [text, word] {
                if let Ok(faults) = text.parse::<Faults>() {
                    prop_assert_eq!(faults.to_string().parse(), Ok(faults));
                }
            }
        }
    }
}

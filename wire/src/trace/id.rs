//! The ids of W3C Trace Context, level 1 (§3.2): 16 bytes for a trace, 8 for a span, in lower-case hex, never all zero.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// Why a text is not an id or not a `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidId(&'static str);

impl fmt::Display for InvalidId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for InvalidId {}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $int:ty, $digits:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name($int);

        impl $name {
            /// The id with this value; `None` for zero, which the standard reserves for "no id".
            pub const fn new(value: $int) -> Option<Self> {
                if value == 0 { None } else { Some(Self(value)) }
            }

            /// The id as a number.
            pub const fn get(self) -> $int {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{:0", $digits, "x}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                const WRONG: InvalidId =
                    InvalidId(concat!("an id is ", $digits, " lower-case hex digits, not all of them zero"));
                let lower_hex = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                if text.len() != $digits || !lower_hex {
                    return Err(WRONG);
                }
                <$int>::from_str_radix(text, 16).ok().and_then(Self::new).ok_or(WRONG)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                std::borrow::Cow::<str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

hex_id!(
    /// A run: the trace id of W3C Trace Context. 128 random bits, which are also the key to read the run.
    TraceId, u128, 32
);
hex_id!(
    /// An exchange within a run: the parent id of the `traceparent` that the request carried.
    SpanId, u64, 16
);
hex_id!(
    /// One browser page among those that watch a run: 64 random bits that the page drew for itself.
    ClientId, u64, 16
);

/// The `traceparent` header field (W3C Trace Context §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traceparent {
    /// The run.
    pub run: TraceId,
    /// The exchange.
    pub exchange: SpanId,
    /// The `sampled` flag: false asks that nothing be recorded.
    pub recorded: bool,
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{}-{}-{:02x}",
            self.run,
            self.exchange,
            u8::from(self.recorded)
        )
    }
}

impl FromStr for Traceparent {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        const WRONG: InvalidId =
            InvalidId("a traceparent is 00-{32 hex digits}-{16 hex digits}-{2 hex digits}");
        let mut fields = text.split('-');
        let (Some(version), Some(run), Some(exchange), Some(flags)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err(WRONG);
        };
        let hex_byte = |text: &str| {
            let lower_hex =
                text.len() == 2 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            if lower_hex {
                u8::from_str_radix(text, 16).ok()
            } else {
                None
            }
        };
        // A version above 00 may carry more fields; `ff` is forbidden (§3.2.2.1).
        let version = hex_byte(version)
            .filter(|version| *version != 0xff)
            .ok_or(WRONG)?;
        if version == 0 && fields.next().is_some() {
            return Err(WRONG);
        }
        let flags = hex_byte(flags).ok_or(WRONG)?;
        Ok(Traceparent {
            run: run.parse()?,
            exchange: exchange.parse()?,
            recorded: flags & 1 == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_comes_back_as_it_was() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parsed: Traceparent = text.parse().expect("valid");
        assert!(parsed.recorded);
        assert_eq!(parsed.to_string(), text);
        let unsampled: Traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
            .parse()
            .expect("valid");
        assert!(!unsampled.recorded);
    }

    #[test]
    fn what_the_standard_forbids_is_refused() {
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert!(bad.parse::<Traceparent>().is_err(), "{bad}");
        }
        assert!(
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what"
                .parse::<Traceparent>()
                .is_ok()
        );
    }
}

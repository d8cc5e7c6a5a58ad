//! The order in which header fields came. The map that handlers get keeps the fields of one name together; the bytes that
//! the tap kept tell where each of them stood.

use std::collections::HashMap;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use wire::http1::{Answers, Direction, PartKind, split};

/// Does a name occur twice? Else the map's order is that of the message.
pub(super) fn is_grouped(fields: &HeaderMap) -> bool {
    fields.len() > fields.keys_len()
}

/// The fields' names as they stand in a request's head.
pub(super) fn names(head: &[u8]) -> Vec<HeaderName> {
    let parts = split(head, Direction::Request, Answers::Other).parts;
    let fields = parts.into_iter().filter_map(|part| match part.kind {
        PartKind::Field { name, .. } => HeaderName::from_bytes(&head[name]).ok(),
        _ => None,
    });
    fields.collect()
}

/// The fields in the order of these names; in the map's own where the names are not all of them, of a head that was
/// too long to be kept.
pub(super) fn sorted<'a>(
    fields: &'a HeaderMap,
    names: &'a [HeaderName],
) -> Vec<(&'a HeaderName, &'a HeaderValue)> {
    let mut values = HashMap::new();
    let next = |name| {
        let of_name = values.entry(name);
        let of_name = of_name.or_insert_with(|| fields.get_all(name).iter());
        Some((name, of_name.next()?))
    };
    let sorted: Vec<_> = names.iter().filter_map(next).collect();
    if sorted.len() == fields.len() {
        sorted
    } else {
        fields.iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nA: 1\r\nb: 2\r\na: 3\r\nC: 4\r\nB:5\r\n\r\n";

    fn fields() -> HeaderMap {
        let mut fields = HeaderMap::new();
        for (name, value) in [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4"), ("b", "5")] {
            fields.append(name, HeaderValue::from_static(value));
        }
        fields
    }

    fn told(fields: &HeaderMap, names: &[HeaderName]) -> String {
        let sorted = sorted(fields, names).into_iter();
        sorted
            .map(|(name, value)| format!("{name}{} ", value.to_str().expect("text")))
            .collect()
    }

    #[test]
    fn fields_stand_where_they_stood() {
        let fields = fields();
        assert!(is_grouped(&fields));
        assert_eq!(told(&fields, &names(HEAD)), "a1 b2 a3 c4 b5 ");
    }

    #[test]
    fn half_a_head_tells_nothing() {
        assert_eq!(told(&fields(), &names(&HEAD[..30])), "a1 a3 b2 b5 c4 ");
    }
}

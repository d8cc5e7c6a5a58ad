//! The order of a module's functions: like beside like, where brotli finds what it has seen. Worth some 2 % of it.
//!
//! wasm-opt orders functions by their names, so each is named by its place.

use std::collections::HashMap;

use anyhow::Result;
use wasm_encoder::{NameMap, NameSection, Section};
use wasmparser::{Parser, Payload, TypeRef};

/// How many bytes have to be the same to count.
const PIECE_BYTES: usize = 6;

/// What so many functions have says nothing about any two of them.
const COMMON: usize = 200;

/// The module, which has no names, with names for wasm-opt's `--reorder-functions-by-name`.
pub(super) fn named(module: &[u8]) -> Result<Vec<u8>> {
    let (imported, bodies) = functions(module)?;
    let mut places = vec![0; bodies.len()];
    for (place, function) in order(&bodies).into_iter().enumerate() {
        places[function] = place;
    }
    let mut names = NameMap::new();
    for (function, place) in (imported..).zip(&places) {
        names.append(function, &format!("{place:08}"));
    }
    let mut section = NameSection::new();
    section.functions(&names);
    let mut named = module.to_vec();
    section.append_to(&mut named);
    Ok(named)
}

/// How many functions are imported, and the bodies of the others.
fn functions(module: &[u8]) -> Result<(u32, Vec<&[u8]>)> {
    let mut imported = 0;
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.as_bytes()),
            _ => {}
        }
    }
    Ok((imported, bodies))
}

/// The longest one first, and behind each the one that shares the most with it.
fn order(bodies: &[&[u8]]) -> Vec<usize> {
    let pieces: Vec<Vec<&[u8]>> = bodies.iter().map(|body| pieces(body)).collect();
    let mut owners: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (function, pieces) in pieces.iter().enumerate() {
        for piece in pieces {
            owners.entry(piece).or_default().push(function);
        }
    }
    owners.retain(|_, owners| owners.len() < COMMON);

    let mut by_length: Vec<usize> = (0..bodies.len()).collect();
    by_length.sort_by_key(|function| std::cmp::Reverse(bodies[*function].len()));
    let mut is_placed = vec![false; bodies.len()];
    let mut order = Vec::with_capacity(bodies.len());
    for first in by_length {
        let mut next = (!is_placed[first]).then_some(first);
        while let Some(function) = next {
            is_placed[function] = true;
            order.push(function);
            let mut shared = vec![0; bodies.len()];
            let known = pieces[function].iter().filter_map(|it| owners.get(it));
            for other in known.flatten() {
                shared[*other] += 1;
            }
            let likeness = |other: &usize| {
                let all = pieces[function].len() + pieces[*other].len() - shared[*other];
                shared[*other] * 1_000_000 / all.max(1)
            };
            next = (0..bodies.len())
                .filter(|other| !is_placed[*other] && shared[*other] > 0)
                .max_by_key(likeness);
        }
    }
    order
}

/// Each piece of a body once.
fn pieces(body: &[u8]) -> Vec<&[u8]> {
    let mut pieces: Vec<&[u8]> = body.windows(PIECE_BYTES).collect();
    pieces.sort_unstable();
    pieces.dedup();
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_stands_beside_like_and_each_once() {
        let bodies: [&[u8]; 4] = [
            b"first, a very long one",
            b"second, another one",
            b"a very long one",
            b"short",
        ];
        assert_eq!(order(&bodies), [0, 2, 1, 3]);
    }
}

//! Which documents there are, and the shelf on which rendered ones are kept.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::Markup;
use parking_lot::Mutex;
use wire::Lab;

use super::{home, lab, problems, run, shell, stored::Stored};
use crate::{AppState, Error};

/// How many rendered documents are kept. One host name needs about as many as there are documents; a visitor who makes
/// up names gets each document rendered and no more memory than this.
const SHELF_MAX: usize = 256;

/// A document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Page {
    /// `/`
    Home,
    /// `/labs/{slug}`
    Lab(Lab),
    /// `/run`
    Run,
    /// `/problems/{slug}`
    Problem(problems::Explained),
    /// `/credits`
    Credits,
    /// Any address that nothing has.
    NotFound,
}

/// What a document says about the server that it came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Visit {
    /// The server's address as the visitor spelled it, `127.0.0.1:3000`.
    pub(super) authority: String,
    /// Where the server listens.
    pub(super) listen: SocketAddr,
}

impl Visit {
    fn new(state: &AppState, headers: &HeaderMap) -> Visit {
        let listen = state.config().listen;
        let authority = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .filter(|host| is_authority(host))
            .map_or_else(|| listen.to_string(), str::to_owned);
        Visit { authority, listen }
    }

    /// `http://127.0.0.1:3000`, without a slash behind it.
    pub(super) fn origin(&self) -> String {
        format!("http://{}", self.authority)
    }
}

/// Host and port, of which a command for a shell can be made without quoting anything.
fn is_authority(host: &str) -> bool {
    (1..=255).contains(&host.len())
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']'))
}

impl Page {
    fn markup(self, visit: &Visit) -> Markup {
        match self {
            Page::Home => home::document(visit),
            Page::Lab(lab) => lab::document(lab, visit),
            Page::Run => run::document(),
            Page::Problem(problem) => problems::document(problem),
            Page::Credits => shell::credits(),
            Page::NotFound => shell::not_found(),
        }
    }

    /// Renders and compresses. Takes some milliseconds: not for an async thread.
    fn render_for(self, visit: &Visit) -> Stored {
        let status = match self {
            Page::NotFound => StatusCode::NOT_FOUND,
            _ => StatusCode::OK,
        };
        Stored::new(status, self.markup(visit).into_string())
    }
}

/// Rendered documents by what they show and to whom.
#[derive(Debug, Default)]
pub(super) struct Documents {
    shelf: Mutex<HashMap<(Page, Visit), Arc<Stored>>>,
}

impl Documents {
    /// The document as an answer to a request with these header fields.
    pub(super) async fn answer(
        &self,
        page: Page,
        state: &AppState,
        headers: &HeaderMap,
    ) -> Response {
        let key = (page, Visit::new(state, headers));
        let kept = self.shelf.lock().get(&key).cloned();
        if let Some(stored) = kept {
            return stored.answer(headers);
        }
        let visit = key.1.clone();
        match tokio::task::spawn_blocking(move || page.render_for(&visit)).await {
            Ok(stored) => {
                let stored = Arc::new(stored);
                let mut shelf = self.shelf.lock();
                if shelf.len() >= SHELF_MAX {
                    shelf.clear();
                }
                shelf.insert(key, Arc::clone(&stored));
                drop(shelf);
                stored.answer(headers)
            }
            Err(cause) => {
                Error::Internal(anyhow::Error::new(cause).context("rendering a document"))
                    .into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_shell_leaves_alone_is_an_authority() {
        for good in ["127.0.0.1:3000", "localhost", "[::1]:80", "a-b.example:1"] {
            assert!(is_authority(good), "{good}");
        }
        for bad in [
            "",
            "a b",
            "a;b",
            "$(x)",
            "a/b",
            "\"",
            "a'b",
            &"x".repeat(256),
        ] {
            assert!(!is_authority(bad), "{bad}");
        }
    }
}

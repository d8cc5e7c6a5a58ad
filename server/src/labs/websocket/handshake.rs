//! How a GET becomes a WebSocket (RFC 6455 §4.2).

use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{Request, request::Parts},
    response::Response,
};
use hyper::upgrade::OnUpgrade;
use tungstenite::handshake::server::create_response;

use super::peer::{Bounds, Peer};
use crate::{Error, connection::streams::Upgraded};

/// A request that asks to become a WebSocket, rightly.
pub(super) struct Handshake {
    upgrade: OnUpgrade,
    /// 101, with the proof that the server understood the key.
    response: Response,
}

impl<S: Send + Sync> FromRequestParts<S> for Handshake {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        let refuse = |why: &dyn std::fmt::Display| {
            Error::UpgradeRequired(format!(
                "This address speaks WebSocket (RFC 6455, version 13): connect with ws:// rather than http://. {why}."
            ))
        };
        let mut request = Request::new(());
        request.method_mut().clone_from(&parts.method);
        *request.version_mut() = parts.version;
        request.headers_mut().clone_from(&parts.headers);
        let response = create_response(&request).map_err(|error| refuse(&error))?;
        let upgrade = parts.extensions.remove::<OnUpgrade>();
        Ok(Handshake {
            upgrade: upgrade.ok_or_else(|| refuse(&"This connection cannot be upgraded"))?,
            response: response.map(|()| Body::empty()),
        })
    }
}

impl Handshake {
    /// Answers 101, and lets `converse` have the peer once the connection is upgraded.
    pub(super) fn accept<F, C>(self, bounds: Bounds, converse: C) -> Response
    where
        F: Future<Output = ()> + Send,
        C: FnOnce(Peer) -> F + Send + 'static,
    {
        let Handshake { upgrade, response } = self;
        tokio::spawn(async move {
            match upgrade.await {
                Ok(upgraded) => converse(Peer::new(Upgraded::of(upgraded), bounds)).await,
                // The peer left before the response was out.
                Err(error) => tracing::debug!(%error, "a WebSocket did not open"),
            }
        });
        response
    }
}

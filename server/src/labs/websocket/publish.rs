//! What a client sends up a topic's socket, and what it is answered.

use std::net::IpAddr;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use serde::Deserialize;
use tungstenite::Message;
use wire::socket::{Ref, SocketAnswer, SocketPublish, SocketPublished, SocketUp};

use super::super::topic::{
    delivery,
    request::{checked_content_type, checked_key, guessed_content_type},
};
use crate::{
    AppState, Error, Result,
    connection::Exchange,
    topics::{NewMessage, Publishing},
};

/// The answer that is on its way.
pub(super) type Answering = BoxFuture<'static, SocketAnswer>;

/// Whom it came from.
pub(super) struct From<'a> {
    pub(super) exchange: &'a Exchange,
    /// The address that a topic which it begins counts under.
    pub(super) address: Option<IpAddr>,
}

/// Takes what came up. A publish has its place in the topic's order from here on.
pub(super) fn take(app: &AppState, from: From<'_>, topic: &str, message: &Message) -> Answering {
    let (reference, publishing) = match read(message) {
        Ok(up) => (up.reference, publish(app, from.address, topic, up.publish)),
        Err((reference, error)) => (reference, Err(error)),
    };
    let (exchange, topic) = (from.exchange.clone(), topic.to_owned());
    async move {
        let published = match publishing {
            Ok(publishing) => publishing.await.map_err(Error::from),
            Err(error) => Err(error),
        };
        match published {
            Ok(published) => {
                delivery::published(&exchange, &topic, &published);
                SocketAnswer::Published {
                    published: SocketPublished {
                        reference,
                        id: published.id(),
                    },
                }
            }
            Err(error) => SocketAnswer::Refused {
                error: error.problem(),
                reference,
            },
        }
    }
    .boxed()
}

fn read(message: &Message) -> Result<SocketUp, (Option<Ref>, Error)> {
    /// Whatever else a frame holds, an error about it carries its `ref`.
    #[derive(Deserialize)]
    struct Referred {
        #[serde(rename = "ref")]
        reference: Option<Ref>,
    }
    let Message::Text(text) = message else {
        return Err((
            None,
            Error::BadRequest("This socket takes JSON in text frames, no binary frames.".into()),
        ));
    };
    let too_long = |reference: &Ref| match reference {
        Ref::Text(text) => text.len() > Ref::TEXT_MAX,
        Ref::Number(_) => false,
    };
    match serde_json::from_str::<SocketUp>(text) {
        Ok(up) if up.reference.as_ref().is_some_and(too_long) => Err((
            None,
            Error::BadRequest(format!("A ref has at most {} bytes.", Ref::TEXT_MAX)),
        )),
        Ok(up) => Ok(up),
        Err(wrong) => {
            let reference = serde_json::from_str(text)
                .ok()
                .and_then(|Referred { reference }| reference)
                .filter(|reference| !too_long(reference));
            Err((
                reference,
                Error::BadRequest(format!(
                    "That frame is not one that this socket takes, {{\"publish\":{{\"data\":…}},\"ref\":…}}: {wrong}."
                )),
            ))
        }
    }
}

fn publish(
    app: &AppState,
    address: Option<IpAddr>,
    topic: &str,
    publish: SocketPublish,
) -> Result<Publishing> {
    let payload = match (publish.data, publish.data_base64) {
        (Some(text), None) => Bytes::from(text),
        (None, Some(coded)) => STANDARD
            .decode(coded)
            .map_err(|wrong| Error::BadRequest(format!("data_base64 is no base64: {wrong}.")))?
            .into(),
        _ => {
            return Err(Error::BadRequest(
                "A publish has data or data_base64, one of the two.".into(),
            ));
        }
    };
    let content_type = match &publish.content_type {
        Some(said) => checked_content_type(said)?,
        None => guessed_content_type(&payload),
    };
    let message = NewMessage {
        content_type: content_type.to_owned(),
        payload,
    };
    let key = publish.idempotency_key.as_deref();
    let key = key.map(checked_key).transpose()?;
    // Its own topic may have ended a moment ago.
    app.topics().begin(topic, address)?;
    Ok(app.topics().publish(topic, message, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    #[tokio::test]
    async fn a_topic_that_a_frame_begins_counts_under_its_address() {
        let data = tempfile::tempdir().expect("a temporary folder");
        let mut config = Config {
            data_dir: data.path().to_owned(),
            ..Config::default()
        };
        config.topics.topics_per_address = 1;
        let app = AppState::new(config).expect("storage opens");
        let take = async |topic: &str, address: &str| {
            let from = From {
                exchange: &Exchange::default(),
                address: address.parse().ok(),
            };
            let up = Message::text(r#"{"publish":{"data":"x"},"ref":1}"#);
            match take(&app, from, topic, &up).await {
                SocketAnswer::Published { .. } => None,
                SocketAnswer::Refused { error, reference } => {
                    assert_eq!(reference, Some(Ref::Number(1)));
                    Some((error.status, error.limit))
                }
            }
        };
        assert_eq!(take("a", "192.0.2.1").await, None);
        assert_eq!(take("b", "192.0.2.1").await, Some((429, Some(1))));
        assert_eq!(take("a", "192.0.2.1").await, None);
        assert_eq!(take("b", "192.0.2.2").await, None);
    }
}

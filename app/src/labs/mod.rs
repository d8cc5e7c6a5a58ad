//! One lab, one folder: what can be set, how it starts, what it shows. A lab never imports another lab.

#[cfg(feature = "chunks")]
pub mod chunks;
#[cfg(feature = "image-upload")]
pub mod image_upload;
#[cfg(feature = "limits")]
pub mod limits;
#[cfg(feature = "long-polling")]
pub mod long_polling;
#[cfg(feature = "publish-subscribe")]
pub mod publish_subscribe;
#[cfg(feature = "race")]
pub mod race;
#[cfg(feature = "request-response")]
pub mod request_response;
#[cfg(feature = "server-sent-events")]
pub mod server_sent_events;
#[cfg(feature = "short-polling")]
pub mod short_polling;
#[cfg(feature = "websocket")]
pub mod websocket;

#[cfg(target_arch = "wasm32")]
pub(crate) use page::mount;

#[cfg(target_arch = "wasm32")]
mod page {
    use wasm_bindgen::JsCast;
    use web_sys::HtmlElement;
    use wire::Lab;

    #[cfg(feature = "chunks")]
    use super::chunks;
    #[cfg(feature = "image-upload")]
    use super::image_upload;
    #[cfg(feature = "limits")]
    use super::limits;
    #[cfg(feature = "long-polling")]
    use super::long_polling;
    #[cfg(feature = "publish-subscribe")]
    use super::publish_subscribe;
    #[cfg(feature = "race")]
    use super::race;
    #[cfg(feature = "request-response")]
    use super::request_response;
    #[cfg(feature = "server-sent-events")]
    use super::server_sent_events;
    #[cfg(feature = "short-polling")]
    use super::short_polling;
    #[cfg(feature = "websocket")]
    use super::websocket;
    use crate::{
        browser::{document, location},
        components::{
            lab::{self, Shared},
            query::Reader,
            viewer,
        },
        session::Session,
    };

    /// Mounts what the document has a place for.
    pub(crate) fn mount() {
        let Some(host) = document()
            .get_element_by_id("lab")
            .and_then(|host| host.dyn_into::<HtmlElement>().ok())
        else {
            return;
        };
        if host.get_attribute("data-page").as_deref() == Some("run") {
            viewer::mount(&host);
            return;
        }
        let slug = host.get_attribute("data-lab").unwrap_or_default();
        if let Some(lab) = Lab::from_slug(&slug) {
            let mut reader = Reader::new(&location().search().unwrap_or_default());
            let session = Session::open(&mut reader);
            let sample = host.get_attribute("data-sample");
            if let Some(shared) = page(lab, session, &mut reader, sample) {
                lab::mount(&host, session, shared, &reader.into_complaints());
            }
        }
    }

    /// The lab, unless this module is another one's: a release has a module for each.
    fn page(
        lab: Lab,
        session: Session,
        reader: &mut Reader,
        sample: Option<String>,
    ) -> Option<Shared> {
        match lab {
            #[cfg(feature = "request-response")]
            Lab::RequestResponse => Some(request_response::page(session, reader)),
            #[cfg(feature = "limits")]
            Lab::Limits => Some(limits::page(session, reader)),
            #[cfg(feature = "short-polling")]
            Lab::ShortPolling => Some(short_polling::page(session, reader)),
            #[cfg(feature = "long-polling")]
            Lab::LongPolling => Some(long_polling::page(session, reader)),
            #[cfg(feature = "server-sent-events")]
            Lab::ServerSentEvents => Some(server_sent_events::page(session, reader)),
            #[cfg(feature = "websocket")]
            Lab::Websocket => Some(websocket::page(session, reader)),
            #[cfg(feature = "publish-subscribe")]
            Lab::PublishSubscribe => Some(publish_subscribe::page(session, reader)),
            #[cfg(feature = "race")]
            Lab::Race => Some(race::page(session, reader)),
            #[cfg(feature = "image-upload")]
            Lab::ImageUpload => Some(image_upload::page(session, reader, sample)),
            #[cfg(feature = "chunks")]
            Lab::Chunks => Some(chunks::page(session, reader)),
            #[cfg(not(all(
                feature = "request-response",
                feature = "limits",
                feature = "short-polling",
                feature = "long-polling",
                feature = "server-sent-events",
                feature = "websocket",
                feature = "publish-subscribe",
                feature = "race",
                feature = "image-upload",
                feature = "chunks"
            )))]
            _ => None,
        }
    }
}

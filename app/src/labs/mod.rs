//! One lab, one folder: what can be set, how it starts, what it shows. A lab never imports another lab.

pub mod image_upload;
pub mod publish_subscribe;
pub mod request_response;

#[cfg(target_arch = "wasm32")]
pub(crate) use page::mount;

#[cfg(target_arch = "wasm32")]
mod page {
    use leptos::prelude::{document, location};
    use wasm_bindgen::JsCast;
    use web_sys::HtmlElement;
    use wire::Lab;

    use super::{image_upload, publish_subscribe, request_response};
    use crate::{
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
            let shared = page(lab, session, &mut reader, sample);
            lab::mount(&host, session, shared, &reader.into_complaints());
        }
    }

    fn page(lab: Lab, session: Session, reader: &mut Reader, sample: Option<String>) -> Shared {
        match lab {
            Lab::RequestResponse => request_response::page(session, reader),
            Lab::PublishSubscribe => publish_subscribe::page(session, reader),
            Lab::ImageUpload => image_upload::page(session, reader, sample),
        }
    }
}

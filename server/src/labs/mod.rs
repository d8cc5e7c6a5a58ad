//! One pattern, one file, its lesson in Markdown beside it. A lab never imports another lab; what those on topics share is
//! in [`topic`], the one address that two of them answer in [`polling`], and what a client may say of waiting in [`wait`].

use utoipa_axum::router::OpenApiRouter;
use wire::Lab;

use crate::AppState;

mod chunks;
pub mod image_upload;
pub mod limits;
mod long_polling;
mod polling;
pub mod publish_subscribe;
pub mod race;
pub mod request_response;
pub mod server_sent_events;
mod short_polling;
mod topic;
mod wait;
pub mod websocket;

/// The endpoints of all labs.
pub fn router() -> OpenApiRouter<AppState> {
    Lab::ALL
        .into_iter()
        .map(|lab| tagged(lab, lab_router(lab)))
        .fold(OpenApiRouter::new(), OpenApiRouter::merge)
}

/// A lab's endpoints stand under its name in the API's description.
fn tagged(lab: Lab, mut router: OpenApiRouter<AppState>) -> OpenApiRouter<AppState> {
    // Some labs answer at the same addresses.
    let labs: &[Lab] = match lab {
        Lab::ShortPolling => &[Lab::ShortPolling, Lab::LongPolling],
        Lab::ImageUpload => &[Lab::ImageUpload, Lab::Chunks],
        _ => &[lab],
    };
    let tags: Vec<String> = labs.iter().map(|lab| lab.title().to_owned()).collect();
    let paths = &mut router.get_openapi_mut().paths.paths;
    for item in paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.options,
            &mut item.head,
            &mut item.patch,
            &mut item.trace,
        ];
        for operation in operations.into_iter().flatten() {
            operation.tags = Some(tags.clone());
        }
    }
    router
}

fn lab_router(lab: Lab) -> OpenApiRouter<AppState> {
    match lab {
        Lab::RequestResponse => request_response::router(),
        Lab::Limits => limits::router(),
        Lab::ShortPolling => polling::router(),
        // Short polling's router has its one address.
        Lab::LongPolling => OpenApiRouter::new(),
        Lab::ServerSentEvents => server_sent_events::router(),
        Lab::Websocket => websocket::router(),
        Lab::PublishSubscribe => publish_subscribe::router(),
        Lab::Race => race::router(),
        Lab::ImageUpload => image_upload::router(),
        Lab::Chunks => chunks::router(),
    }
}

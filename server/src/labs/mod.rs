//! One pattern, one file, its lesson in Markdown beside it. A lab never imports another lab.

use utoipa_axum::router::OpenApiRouter;
use wire::Lab;

use crate::AppState;

pub mod image_upload;
pub mod publish_subscribe;
pub mod request_response;

/// The endpoints of all labs.
pub fn router() -> OpenApiRouter<AppState> {
    Lab::ALL
        .into_iter()
        .map(lab_router)
        .fold(OpenApiRouter::new(), OpenApiRouter::merge)
}

fn lab_router(lab: Lab) -> OpenApiRouter<AppState> {
    match lab {
        Lab::RequestResponse => request_response::router(),
        Lab::PublishSubscribe => publish_subscribe::router(),
        Lab::ImageUpload => image_upload::router(),
    }
}

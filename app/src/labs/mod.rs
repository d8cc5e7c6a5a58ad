//! One lab, one folder: what can be set, how it starts, what it shows. A lab never imports another lab.

pub mod image_upload;
pub mod request_response;

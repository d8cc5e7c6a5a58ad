//! Decoding what may be a picture, and encoding a small one anew. Everything here runs on a blocking thread.
//!
//! The file is a stranger's: its dimensions and its decoded size are checked before a pixel is decoded. Whatever the
//! original carried besides pixels (Exif with its place and time, profiles, comments) is not in the preview.

use std::io::{self, BufReader, Cursor};

use fast_image_resize::Resizer;
use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits,
    codecs::{jpeg::JpegEncoder, png::PngEncoder},
};
use serde::{Deserialize, Serialize};

use super::storage::Content;
use wire::limits::{PREVIEW_DECODED_MAX, PREVIEW_FILE_MAX, PREVIEW_PIXELS_MAX, PREVIEW_SIDE};

/// The longest side of a picture that is decoded, in pixels: what a JPEG can say.
const SIDE_MAX: u32 = 65_535;

/// The quality of a JPEG preview, of 100.
const JPEG_QUALITY: u8 = 82;

/// What is known about a file as a picture.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// The media type that the bytes themselves show.
    pub media_type: Option<String>,
    /// Width as it is looked at (the orientation applied), in pixels.
    pub width: Option<u32>,
    /// Height as it is looked at, in pixels.
    pub height: Option<u32>,
    /// The preview, where there is one.
    pub preview: Option<Preview>,
    /// Why there is none.
    pub why: Option<String>,
}

/// A re-encoded picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// `image/jpeg`, or `image/png` where there is transparency.
    pub media_type: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Length in bytes.
    pub bytes: u64,
}

impl Picture {
    /// No preview, because of this.
    pub(super) fn none(why: impl Into<String>) -> Picture {
        Picture {
            why: Some(why.into()),
            ..Picture::default()
        }
    }
}

/// A decoder that has read a picture's head and no pixel yet.
pub(super) struct Opened {
    decoder: Box<dyn ImageDecoder>,
    picture: Picture,
}

impl Opened {
    /// What decoding it will take in memory at most, in bytes: the pixels, and for a progressive JPEG or an animation
    /// another copy in a wider form.
    pub(super) fn memory_bytes(&self) -> u64 {
        self.decoder.total_bytes().saturating_mul(3)
    }
}

/// Reads the head. `Err` is a picture without preview, and says why.
pub(super) fn open(content: Content, bytes: u64) -> io::Result<Result<Opened, Picture>> {
    if bytes == 0 {
        return Ok(Err(Picture::none("The file is empty.")));
    }
    let reader = ImageReader::new(BufReader::new(content)).with_guessed_format()?;
    let media_type = match reader.format() {
        Some(
            format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP | ImageFormat::Gif),
        ) => format.to_mime_type(),
        _ => {
            return Ok(Err(Picture::none(
                "The bytes are not a JPEG, PNG, WebP or GIF, which is what this server decodes.",
            )));
        }
    };
    let mut picture = Picture {
        media_type: Some(media_type.to_owned()),
        ..Picture::default()
    };
    let refused = |picture: Picture, why: String| {
        Ok(Err(Picture {
            why: Some(why),
            ..picture
        }))
    };
    if bytes > PREVIEW_FILE_MAX {
        let why = format!(
            "The file is larger than {}, the most this server decodes.",
            wire::time::bytes(PREVIEW_FILE_MAX)
        );
        return refused(picture, why);
    }
    let mut reader = reader;
    reader.limits(limits());
    let mut decoder = match reader.into_decoder() {
        Ok(decoder) => decoder,
        Err(error) => return refused(picture, undecodable(&error)),
    };
    let (width, height) = decoder.dimensions();
    let swapped = matches!(
        decoder.orientation(),
        Ok(image::metadata::Orientation::Rotate90
            | image::metadata::Orientation::Rotate270
            | image::metadata::Orientation::Rotate90FlipH
            | image::metadata::Orientation::Rotate270FlipH)
    );
    let (shown_width, shown_height) = if swapped {
        (height, width)
    } else {
        (width, height)
    };
    picture.width = Some(shown_width);
    picture.height = Some(shown_height);
    if u64::from(width) * u64::from(height) > PREVIEW_PIXELS_MAX {
        let why = format!(
            "{width} × {height} pixels are more than {} million, the most this server decodes.",
            PREVIEW_PIXELS_MAX / 1_000_000
        );
        return refused(picture, why);
    }
    if decoder.total_bytes() > PREVIEW_DECODED_MAX {
        let why = format!(
            "Decoded it would take more than {}, the most this server spends on a picture.",
            wire::time::bytes(PREVIEW_DECODED_MAX)
        );
        return refused(picture, why);
    }
    Ok(Ok(Opened {
        decoder: Box::new(decoder),
        picture,
    }))
}

/// Decodes, shrinks, turns upright and encodes anew: the picture, and the preview's bytes where there are any.
pub(super) fn make(opened: Opened) -> (Picture, Option<Vec<u8>>) {
    let Opened {
        mut decoder,
        mut picture,
    } = opened;
    let orientation = decoder.orientation();
    let made = DynamicImage::from_decoder(decoder)
        .map_err(|error| undecodable(&error))
        .and_then(|whole| shrink(&whole))
        .and_then(|mut small| {
            if let Ok(orientation) = orientation {
                small.apply_orientation(orientation);
            }
            encode(&small)
        });
    match made {
        Ok((preview, bytes)) => {
            picture.preview = Some(preview);
            (picture, Some(bytes))
        }
        Err(why) => {
            picture.why = Some(why);
            (picture, None)
        }
    }
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_image_width = Some(SIDE_MAX);
    limits.max_image_height = Some(SIDE_MAX);
    limits.max_alloc = Some(PREVIEW_DECODED_MAX);
    limits
}

/// At most [`PREVIEW_SIDE`] on its longest side; never larger than it was.
fn shrink(whole: &DynamicImage) -> Result<DynamicImage, String> {
    let (width, height) = (whole.width(), whole.height());
    let longest = width.max(height);
    if longest <= PREVIEW_SIDE {
        return Ok(whole.clone());
    }
    let scaled = |side: u32| {
        let side = u64::from(side) * u64::from(PREVIEW_SIDE) / u64::from(longest);
        u32::try_from(side).unwrap_or(PREVIEW_SIDE).max(1)
    };
    let mut small = DynamicImage::new(scaled(width), scaled(height), whole.color());
    Resizer::new()
        .resize(whole, &mut small, None)
        .map_err(|error| format!("The picture could not be made smaller: {error}."))?;
    Ok(small)
}

fn encode(small: &DynamicImage) -> Result<(Preview, Vec<u8>), String> {
    let mut bytes = Cursor::new(Vec::new());
    let (media_type, encoded) = if small.color().has_alpha() {
        let image = small.to_rgba8();
        (
            "image/png",
            image.write_with_encoder(PngEncoder::new(&mut bytes)),
        )
    } else {
        let image = small.to_rgb8();
        let encoder = JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY);
        ("image/jpeg", image.write_with_encoder(encoder))
    };
    encoded.map_err(|error| format!("The preview could not be encoded: {error}."))?;
    let bytes = bytes.into_inner();
    let preview = Preview {
        media_type: media_type.to_owned(),
        width: small.width(),
        height: small.height(),
        bytes: bytes.len() as u64,
    };
    Ok((preview, bytes))
}

fn undecodable(error: &image::ImageError) -> String {
    format!("The picture cannot be decoded: {error}.")
}

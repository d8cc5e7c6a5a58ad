//! Pictures, good and hostile.

use std::io::{Cursor, Read};

use image::{
    DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage,
    codecs::jpeg::JpegEncoder,
};

use super::*;

/// Left half red, right half blue.
fn two_colours(width: u32, height: u32) -> DynamicImage {
    RgbImage::from_fn(width, height, |x, _| {
        if x < width / 2 {
            Rgb([255, 0, 0])
        } else {
            Rgb([0, 0, 255])
        }
    })
    .into()
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("it encodes");
    bytes.into_inner()
}

async fn upload(bench: &Bench, file: &[u8]) -> Picture {
    let id = bench.create(file.len() as u64).await.expect("created");
    bench.append(id, 0, chunks(file)).await.expect("stored");
    assert_eq!(bench.sha256(id).await, digest(file));
    let picture = bench.uploads.picture(id, &silent()).await;
    picture.expect("a picture or a reason")
}

async fn preview(bench: &Bench, file: &[u8]) -> (Picture, DynamicImage) {
    let id = bench.create(file.len() as u64).await.expect("created");
    bench.append(id, 0, chunks(file)).await.expect("stored");
    let (preview, mut file) = bench
        .uploads
        .preview(id, &silent())
        .await
        .expect("a preview");
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).expect("it reads");
    assert_eq!(bytes.len() as u64, preview.bytes);
    let format = ImageFormat::from_mime_type(&preview.media_type).expect("known");
    let decoded = image::load_from_memory_with_format(&bytes, format).expect("it decodes");
    assert_eq!(
        (decoded.width(), decoded.height()),
        (preview.width, preview.height)
    );
    let picture = bench.uploads.picture(id, &silent()).await.expect("known");
    (picture, decoded)
}

fn is_red(pixel: Rgba<u8>) -> bool {
    pixel[0] > 200 && pixel[1] < 60 && pixel[2] < 60
}

#[tokio::test]
async fn every_format_becomes_a_preview_of_at_most_1024_pixels() {
    let bench = Bench::new(|_| {});
    let image = two_colours(2_000, 1_000);
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP] {
        let (picture, small) = preview(&bench, &encoded(&image, format)).await;
        assert_eq!(picture.media_type.as_deref(), Some(format.to_mime_type()));
        assert_eq!((picture.width, picture.height), (Some(2_000), Some(1_000)));
        assert_eq!((small.width(), small.height()), (1_024, 512));
        assert!(is_red(small.to_rgba8()[(100, 100)]));
        assert!(!is_red(small.to_rgba8()[(900, 100)]));
    }
    let gif = encoded(&two_colours(40, 20).to_rgba8().into(), ImageFormat::Gif);
    let (picture, small) = preview(&bench, &gif).await;
    assert_eq!(picture.media_type.as_deref(), Some("image/gif"));
    assert_eq!(
        (small.width(), small.height()),
        (40, 20),
        "never larger than it was"
    );
}

#[tokio::test]
async fn transparency_is_kept() {
    let bench = Bench::new(|_| {});
    let clear = RgbaImage::from_pixel(2_000, 10, Rgba([0, 255, 0, 0]));
    let (picture, small) = preview(&bench, &encoded(&clear.into(), ImageFormat::Png)).await;
    assert_eq!(
        picture.preview.map(|p| p.media_type).as_deref(),
        Some("image/png")
    );
    assert_eq!(small.to_rgba8()[(0, 0)][3], 0);
    assert_eq!((small.width(), small.height()), (1_024, 5));
}

#[tokio::test]
async fn a_photograph_that_was_taken_upright_is_shown_upright_and_tells_no_more() {
    // Orientation 6: to be turned by 90° clockwise. In Exif: TIFF, little endian, one entry.
    let mut exif = b"II*\0\x08\0\0\0\x02\0".to_vec();
    exif.extend(b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0");
    exif.extend(b"\x0e\x01\x02\0\x04\0\0\0GPS\0");
    exif.extend([0; 4]);
    let image = two_colours(400, 200);
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif).expect("it takes Exif");
    encoder
        .write_image(image.as_bytes(), 400, 200, ExtendedColorType::Rgb8)
        .expect("it encodes");
    assert!(bytes.windows(3).any(|window| window == b"GPS"));

    let bench = Bench::new(|_| {});
    let id = bench.create(bytes.len() as u64).await.expect("created");
    bench.append(id, 0, chunks(&bytes)).await.expect("stored");
    let (_, mut file) = bench
        .uploads
        .preview(id, &silent())
        .await
        .expect("a preview");
    let mut small = Vec::new();
    file.read_to_end(&mut small).expect("it reads");
    assert!(!small.windows(4).any(|window| window == b"Exif"));
    assert!(!small.windows(3).any(|window| window == b"GPS"));
    let (picture, turned) = preview(&bench, &bytes).await;
    assert_eq!((picture.width, picture.height), (Some(200), Some(400)));
    // The left half is at the top now.
    assert!(is_red(turned.to_rgba8()[(100, 50)]));
    assert!(!is_red(turned.to_rgba8()[(100, 350)]));
}

#[tokio::test]
async fn what_is_no_picture_is_stored_and_says_why_it_has_no_preview() {
    let bench = Bench::new(|_| {});
    for (file, why) in [
        (&b""[..], "empty"),
        (b"just words", "not a JPEG, PNG, WebP or GIF"),
        (
            b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>",
            "not a JPEG",
        ),
        (b"BM\x1e\0\0\0\0\0\0\0\x1a\0\0\0\x0c\0\0\0", "not a JPEG"),
        (
            b"\x89PNG\r\n\x1a\nand then nothing of it",
            "cannot be decoded",
        ),
        (b"GIF89a", "cannot be decoded"),
        (b"\xff\xd8\xff\xe0", "cannot be decoded"),
        (b"RIFF\xff\xff\xff\xffWEBPVP8X", "cannot be decoded"),
    ] {
        let picture = upload(&bench, file).await;
        assert_eq!(picture.preview, None);
        assert!(
            picture
                .why
                .as_deref()
                .is_some_and(|said| said.contains(why)),
            "{picture:?}"
        );
    }
}

/// A PNG of this size, whole down to its checksums, with as many pixels as fit into nothing.
fn png_of(width: u32, height: u32) -> Vec<u8> {
    let mut png = encoded(&two_colours(1, 1), ImageFormat::Png);
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    png
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & 0u32.wrapping_sub(crc & 1))
        })
    })
}

#[tokio::test]
async fn dimensions_are_checked_before_a_pixel_is_decoded() {
    let bench = Bench::new(|_| {});
    // At the bound it is decoded, and fails for want of pixels; past it nobody tries.
    let at = upload(&bench, &png_of(10_000, 10_000)).await;
    assert!(
        at.why
            .as_deref()
            .is_some_and(|why| why.contains("cannot be decoded")),
        "{at:?}"
    );
    let past = upload(&bench, &png_of(10_000, 10_001)).await;
    assert_eq!((past.width, past.height), (Some(10_000), Some(10_001)));
    assert!(
        past.why
            .as_deref()
            .is_some_and(|why| why.contains("100 million")),
        "{past:?}"
    );
    let wide = upload(&bench, &png_of(65_536, 1)).await;
    assert_eq!(wide.preview, None);
    let huge = upload(&bench, &png_of(u32::MAX >> 1, u32::MAX >> 1)).await;
    assert_eq!(huge.preview, None);
    assert!(huge.why.is_some());

    // A GIF of 43 bytes that claims 65,535 × 65,535 pixels.
    let mut bomb = b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff".to_vec();
    bomb.extend(b"\x2c\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x44\x01\0\x3b");
    let picture = upload(&bench, &bomb).await;
    assert!(
        picture
            .why
            .as_deref()
            .is_some_and(|why| why.contains("100 million")),
        "{picture:?}"
    );
}

#[tokio::test]
async fn a_picture_that_breaks_off_does_no_harm() {
    let bench = Bench::new(|_| {});
    let jpeg = encoded(&two_colours(600, 400), ImageFormat::Jpeg);
    for end in [3, 20, 200, jpeg.len() / 2, jpeg.len() - 1] {
        let picture = upload(&bench, &jpeg[..end]).await;
        // A decoder may make something of half a JPEG; then there is a preview, else a reason.
        assert_ne!(
            picture.preview.is_some(),
            picture.why.is_some(),
            "{end}: {picture:?}"
        );
    }
    let png = encoded(&two_colours(600, 400), ImageFormat::Png);
    let picture = upload(&bench, &png[..png.len() / 2]).await;
    assert!(picture.why.is_some());
}

#[tokio::test]
async fn the_preview_is_made_once_and_survives_a_restart() {
    let mut bench = Bench::new(|_| {});
    let file = encoded(&two_colours(100, 100), ImageFormat::Png);
    let id = bench.create(file.len() as u64).await.expect("created");
    bench.append(id, 0, chunks(&file)).await.expect("stored");
    let (tell, mut events) = told();
    let (one, other) = tokio::join!(
        bench.uploads.picture(id, &tell),
        bench.uploads.picture(id, &tell)
    );
    let picture = one.expect("known");
    assert_eq!(other.expect("known"), picture);
    assert_eq!(bench.files().len(), 3);
    bench.reopen();
    let again = bench.uploads.picture(id, &tell).await.expect("known");
    assert_eq!(again, picture);
    drop(tell);
    let previewed = events.recv().await.expect("one event");
    assert_eq!(previewed.kind, Kind::Previewed);
    assert!(previewed.duration.is_some());
    assert!(events.recv().await.is_none(), "and no other");

    bench.uploads.remove(id, &silent()).await.expect("removed");
    assert_eq!(bench.uploads.inner.room.taken(), 0);
    assert_eq!(bench.files(), [""; 0]);
}

#[tokio::test]
async fn without_room_there_is_the_file_and_no_preview() {
    let file = encoded(&two_colours(100, 100), ImageFormat::Png);
    let bench = Bench::new(|limits| limits.total_bytes = file.len() as u64);
    let picture = upload(&bench, &file).await;
    assert_eq!((picture.width, picture.preview), (Some(100), None));
    assert!(picture.why.is_some_and(|why| why.contains("room")));
    assert_eq!(bench.uploads.inner.room.taken(), file.len() as u64);
}

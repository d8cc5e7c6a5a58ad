//! The finished site as a folder: content-hashed names, compressed variants beside them, a manifest of which is which.
//!
//! `manifest.json` maps each logical name to its hashed one: `{"app.js": "app-1f2e3d4c5b6a7980.js"}`. A variant has the
//! hashed name plus `.br` or `.gz`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use super::Mode;
use super::fingerprint::files;
use crate::sh;

/// Where the server answers for the site's files.
pub(super) const PREFIX: &str = "/assets/";

/// The name of the manifest within the site's folder.
pub(super) const MANIFEST: &str = "manifest.json";

/// Hex digits of the hash in a name: 64 bits of SHA-256.
const HASH_DIGITS: usize = 16;

/// Types that compress; photographs and fonts in woff2 are compressed already.
const COMPRESSIBLE: [&str; 11] = [
    "css", "html", "ico", "js", "json", "md", "svg", "ttf", "txt", "wasm", "xml",
];

/// Below this a variant saves nothing that matters.
const WORTH_COMPRESSING_BYTES: usize = 256;

/// Files by logical name.
#[derive(Default)]
pub(super) struct Site {
    files: BTreeMap<String, File>,
}

struct File {
    hashed: String,
    content: Vec<u8>,
}

impl Site {
    /// Adds a file; returns its hashed name.
    pub(super) fn add(&mut self, name: &str, content: Vec<u8>) -> Result<String> {
        ensure!(
            !self.files.contains_key(name),
            "two files of the site are called {name}"
        );
        let hashed = hashed_name(name, &content);
        self.files.insert(
            name.to_owned(),
            File {
                hashed: hashed.clone(),
                content,
            },
        );
        Ok(hashed)
    }

    /// Adds every file below a folder, named by its path within it.
    pub(super) fn add_folder(&mut self, folder: &Path) -> Result<()> {
        for file in files(folder)? {
            let name = file
                .strip_prefix(folder)?
                .to_string_lossy()
                .replace('\\', "/");
            self.add(
                &name,
                fs::read(&file).with_context(|| format!("reading {}", file.display()))?,
            )?;
        }
        Ok(())
    }

    /// The hashed name, where there is such a file.
    pub(super) fn hashed(&self, name: &str) -> Option<&str> {
        self.files.get(name).map(|file| file.hashed.as_str())
    }

    /// Writes the folder anew. Returns what to say about it.
    pub(super) fn write(&self, folder: &Path, mode: Mode) -> Result<String> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        let sizes = Mutex::new(BTreeMap::new());
        let names: Vec<&String> = self.files.keys().collect();
        let next = AtomicUsize::new(0);
        // Brotli's best is slow and each file is on its own: one thread a core.
        let work = || -> Result<()> {
            while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                let file = &self.files[*name];
                let compressed = write_file(folder, file, mode)?;
                sizes
                    .lock()
                    .expect("no thread panics with the lock")
                    .insert(name.as_str(), compressed);
            }
            Ok(())
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().expect("compressing does not panic"))
        })?;
        let manifest: BTreeMap<&str, &str> = self
            .files
            .iter()
            .map(|(name, file)| (name.as_str(), file.hashed.as_str()))
            .collect();
        // Last, because its being there says that the folder is complete.
        fs::write(
            folder.join(MANIFEST),
            serde_json::to_string_pretty(&manifest)?,
        )?;
        let sizes = sizes
            .into_inner()
            .expect("no thread panicked with the lock");
        Ok(self.summary(&sizes))
    }

    fn summary(&self, compressed: &BTreeMap<&str, Option<usize>>) -> String {
        let total: usize = self.files.values().map(|file| file.content.len()).sum();
        let mut summary = format!("{} files, {}", self.files.len(), sh::size(total as u64));
        for (name, file) in &self.files {
            let told = [".wasm", ".js", "main.css"];
            if let (true, Some(Some(brotli))) = (
                told.iter().any(|end| name.ends_with(end)),
                compressed.get(name.as_str()),
            ) {
                let plain = sh::size(file.content.len() as u64);
                let brotli = sh::size(*brotli as u64);
                summary += &format!("\n      {name}: {plain}, {brotli} in brotli");
            }
        }
        summary
    }
}

fn hashed_name(name: &str, content: &[u8]) -> String {
    let hash = format!("{:x}", Sha256::digest(content));
    let hash = &hash[..HASH_DIGITS];
    let file_at = name.rfind('/').map_or(0, |slash| slash + 1);
    match name[file_at..].rfind('.').filter(|&dot| dot > 0) {
        Some(dot) => format!(
            "{}-{hash}{}",
            &name[..file_at + dot],
            &name[file_at + dot..]
        ),
        None => format!("{name}-{hash}"),
    }
}

/// Writes the file and its variants; returns the size in brotli where there is such a variant.
fn write_file(folder: &Path, file: &File, mode: Mode) -> Result<Option<usize>> {
    let path = folder.join(&file.hashed);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&path, &file.content)?;
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    if mode == Mode::Dev
        || file.content.len() < WORTH_COMPRESSING_BYTES
        || !COMPRESSIBLE.contains(&&*extension)
    {
        return Ok(None);
    }
    let variant = |suffix: &str, content: &[u8]| {
        fs::write(folder.join(format!("{}.{suffix}", file.hashed)), content)
    };
    let brotli = brotli(&file.content)?;
    let gzip = gzip(&file.content)?;
    if gzip.len() < file.content.len() {
        variant("gz", &gzip)?;
    }
    if brotli.len() >= file.content.len() {
        return Ok(None);
    }
    variant("br", &brotli)?;
    Ok(Some(brotli.len()))
}

fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: content.len(),
        ..Default::default()
    };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*content, &mut compressed, &parameters)?;
    Ok(compressed)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_stands_before_the_last_suffix() {
        let hash = "2cf24dba5fb0a30e";
        assert_eq!(hashed_name("app.js", b"hello"), format!("app-{hash}.js"));
        assert_eq!(
            hashed_name("fonts/a.b/x.woff2", b"hello"),
            format!("fonts/a.b/x-{hash}.woff2")
        );
        assert_eq!(
            hashed_name("a.b/CREDITS", b"hello"),
            format!("a.b/CREDITS-{hash}")
        );
    }

    #[test]
    fn variants_hold_the_same_content() {
        use std::io::Read;
        let content = "the same words, and the same words again. "
            .repeat(50)
            .into_bytes();
        let mut plain = Vec::new();
        brotli::Decompressor::new(&*brotli(&content).expect("compresses"), 4096)
            .read_to_end(&mut plain)
            .expect("brotli");
        assert_eq!(plain, content);
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&*gzip(&content).expect("compresses"))
            .read_to_end(&mut plain)
            .expect("gzip");
        assert_eq!(plain, content);
    }

    #[test]
    fn a_name_can_be_taken_once() {
        let mut site = Site::default();
        site.add("main.css", vec![1]).expect("free");
        assert!(site.add("main.css", vec![2]).is_err());
    }
}

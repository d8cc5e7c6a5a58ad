//! `style/main.css` and what it imports, as one file, its `url()`s pointing to hashed names.
//!
//! A `url()` is either relative to the file it stands in and leads into `public/`, or it is `/assets/<name>` with the
//! name below `public/`. Anything else, another host above all, stops the build.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use lightningcss::bundler::{Bundler, FileProvider};
use lightningcss::dependencies::{Dependency, DependencyOptions};
use lightningcss::stylesheet::{MinifyOptions, ParserOptions, PrinterOptions};
use lightningcss::targets::{Browsers, Targets};

use super::Mode;
use super::publish::{PREFIX, Site};
use crate::paths::Project;

/// The style sheet's name in the manifest.
const NAME: &str = "main.css";

/// Browsers of mid-2024: nesting, `light-dark()` and layers are theirs already and stay as written.
const BROWSERS: Browsers = Browsers {
    android: None,
    chrome: Some(125 << 16),
    edge: Some(125 << 16),
    firefox: Some(128 << 16),
    ie: None,
    ios_saf: Some(17 << 16 | 5 << 8),
    opera: None,
    safari: Some(17 << 16 | 5 << 8),
    samsung: None,
};

/// Bundles, minifies where this is a release, adds the result to the site. Without a `style/main.css` there is none.
pub(super) fn bundle(project: &Project, mode: Mode, site: &mut Site) -> Result<()> {
    let main = project.root.join("style").join(NAME);
    if !main.is_file() {
        return Ok(());
    }
    let code = compile(&main, &project.root.join("public"), mode, site)?;
    site.add(NAME, code.into_bytes())?;
    Ok(())
}

fn compile(main: &Path, public: &Path, mode: Mode, site: &Site) -> Result<String> {
    let provider = FileProvider::new();
    let mut bundler = Bundler::new(&provider, None, ParserOptions::default());
    let mut sheet = bundler.bundle(main).map_err(|error| anyhow!("{error}"))?;
    let targets = Targets::from(BROWSERS);
    sheet
        .minify(MinifyOptions {
            targets,
            ..MinifyOptions::default()
        })
        .map_err(|error| anyhow!("{error}"))?;
    let printed = sheet
        .to_css(PrinterOptions {
            minify: mode == Mode::Release,
            targets,
            analyze_dependencies: Some(DependencyOptions {
                remove_imports: false,
            }),
            ..PrinterOptions::default()
        })
        .map_err(|error| anyhow!("{error}"))?;
    let mut code = printed.code;
    for dependency in printed.dependencies.unwrap_or_default() {
        match dependency {
            Dependency::Url(url) => {
                let place = format!("{}:{}", url.loc.file_path, url.loc.start.line);
                let hashed = resolve(&url.url, Path::new(&url.loc.file_path), public, site)
                    .with_context(|| place)?;
                code = code.replace(&url.placeholder, &hashed);
            }
            Dependency::Import(import) => {
                bail!(
                    "{}: @import of {:?} cannot be bundled",
                    import.loc.file_path,
                    import.url
                )
            }
        }
    }
    Ok(code)
}

fn resolve(url: &str, sheet: &Path, public: &Path, site: &Site) -> Result<String> {
    // `#id` names something in the document, and `data:` carries its own content.
    if url.starts_with('#') || url.starts_with("data:") {
        return Ok(url.to_owned());
    }
    // What follows `#` picks a part of the file, as in an SVG sprite.
    let (path, fragment) = url.find('#').map_or((url, ""), |at| url.split_at(at));
    let name = match path.strip_prefix(PREFIX) {
        Some(name) => name.to_owned(),
        None => {
            let file = normal(&sheet.parent().unwrap_or(Path::new("")).join(path));
            let inside = file.strip_prefix(public).with_context(|| {
                format!("url({url}) leads out of public/: write it relative to this file, or as {PREFIX}<name>")
            })?;
            inside.to_string_lossy().replace('\\', "/")
        }
    };
    let hashed = site
        .hashed(&name)
        .with_context(|| format!("url({url}): there is no public/{name}"))?;
    Ok(format!("{PREFIX}{hashed}{fragment}"))
}

/// The path without `.` and `..`, without asking the disk.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn with(files: &[(&str, &str)]) -> Self {
            let name = format!(
                "roundtrip-css-{}-{:?}",
                std::process::id(),
                std::thread::current().id()
            );
            let root = std::env::temp_dir().join(name);
            for (file, content) in files {
                let path = root.join(file);
                fs::create_dir_all(path.parent().expect("a file has a folder"))
                    .expect("temporary folder");
                fs::write(path, content).expect("temporary file");
            }
            Self(root)
        }

        fn compile(&self) -> Result<String> {
            let mut site = Site::default();
            site.add_folder(&self.0.join("public"))?;
            compile(
                &self.0.join("style/main.css"),
                &self.0.join("public"),
                Mode::Release,
                &site,
            )
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn imports_become_layers_of_one_file_and_urls_get_hashed_names() {
        let folder = Folder::with(&[
            (
                "style/main.css",
                "@layer tokens, base;\n@import \"./parts/base.css\" layer(base);\n.a { & .b { color: red } }",
            ),
            (
                "style/parts/base.css",
                "@font-face { font-family: F; src: url(\"../../public/fonts/f.woff2\") }",
            ),
            ("public/fonts/f.woff2", "font"),
        ]);
        let css = folder.compile().expect("bundles");
        assert!(!css.contains("@import"), "{css}");
        assert!(css.contains("@layer base{@font-face{"), "{css}");
        assert!(css.contains("/assets/fonts/f-"), "{css}");
        assert!(css.contains("& .b{color:red}"), "{css}");
    }

    #[test]
    fn another_host_stops_the_build() {
        let folder = Folder::with(&[(
            "style/main.css",
            "a { background: url(https://example.com/x.png) }",
        )]);
        let error = format!("{:#}", folder.compile().expect_err("must not build"));
        assert!(
            error.contains("main.css:1") && error.contains("public/"),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_is_not_there_stops_the_build() {
        let folder = Folder::with(&[("style/main.css", "a { background: url(/assets/x.png) }")]);
        let error = format!("{:#}", folder.compile().expect_err("must not build"));
        assert!(error.contains("there is no public/x.png"), "{error}");
    }

    #[test]
    fn data_and_fragments_stay() {
        let folder = Folder::with(&[
            (
                "style/main.css",
                "a { mask: url(\"data:image/png;base64,AA==\"); fill: url(#hatch); cursor: url(/assets/i.svg#p) }",
            ),
            ("public/i.svg", "<svg/>"),
        ]);
        let css = folder.compile().expect("bundles");
        assert!(css.contains("data:image/png;base64,AA=="), "{css}");
        assert!(css.contains("#hatch"), "{css}");
        assert!(
            css.contains("/assets/i-") && css.contains(".svg#p"),
            "{css}"
        );
    }
}

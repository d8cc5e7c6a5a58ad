//! What every lab of the catalogue has: one word for it everywhere, a lesson, a page, endpoints, tests.

use std::{collections::HashSet, fs, path::PathBuf};

use server::testing::serve;
use wire::Lab;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn module(lab: Lab) -> String {
    lab.slug().replace('-', "_")
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn a_slug_is_one_labs_own() {
    let slugs: HashSet<&str> = Lab::ALL.iter().map(|lab| lab.slug()).collect();
    assert_eq!(slugs.len(), Lab::ALL.len());
    let titles: HashSet<&str> = Lab::ALL.iter().map(|lab| lab.title()).collect();
    assert_eq!(titles.len(), Lab::ALL.len());
}

#[test]
fn every_lab_has_its_file_a_lesson_beside_it_and_its_half_in_the_browser() {
    for lab in Lab::ALL {
        let module = module(lab);
        let source = text(&format!("server/src/labs/{module}.rs"));
        // The page shows this file: it begins by saying what the pattern is.
        assert!(source.starts_with("//! "), "{module}");
        let lesson = text(&format!("server/src/labs/{module}.md"));
        assert!(
            lesson.split_whitespace().count() >= 100,
            "{module}: the lesson is too short to be one"
        );
        let app = root().join("app/src/labs");
        let file = app.join(format!("{module}.rs"));
        assert!(
            file.exists() || app.join(&module).join("mod.rs").exists(),
            "{module}"
        );
    }
}

#[test]
fn every_lab_has_its_spec() {
    let is_spec = |name: &str| name.ends_with(".spec.ts");
    let specs: Vec<String> = fs::read_dir(root().join("end2end"))
        .expect("a folder")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| is_spec(name))
        .collect();
    if specs.is_empty() {
        return;
    }
    for lab in Lab::ALL {
        let spec = format!("{}.spec.ts", lab.slug());
        assert!(specs.contains(&spec), "{spec} is not among {specs:?}");
    }
}

#[tokio::test]
async fn every_lab_has_a_page_and_described_endpoints() {
    let server = serve().await;
    let description = reqwest::get(server.url("/openapi.json"))
        .await
        .expect("an answer");
    let description: serde_json::Value = description.json().await.expect("JSON");
    let tagged: HashSet<&str> = description["paths"]
        .as_object()
        .expect("paths")
        .values()
        .flat_map(|item| item.as_object().expect("operations").values())
        .flat_map(|operation| operation["tags"].as_array().expect("tags"))
        .filter_map(|tag| tag.as_str())
        .collect();
    for lab in Lab::ALL {
        assert!(
            tagged.contains(lab.title()),
            "{}: no endpoint is described",
            lab.slug()
        );
        let page = reqwest::get(server.url(&lab.path()))
            .await
            .expect("an answer");
        assert_eq!(page.status(), 200, "{}", lab.path());
        let page = page.text().await.expect("HTML");
        assert!(page.contains(lab.when_to_use()), "{}", lab.path());
    }
}

//! `/openapi.json`, `/api` and `/healthz`.

use server::testing::serve;

#[tokio::test]
async fn the_description_is_openapi_3_1_and_names_the_runs() {
    let server = serve().await;
    let response = reqwest::get(server.url("/openapi.json"))
        .await
        .expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    let document: serde_json::Value = response.json().await.expect("JSON");
    let version = document["openapi"].as_str().expect("a version");
    assert!(version.starts_with("3.1"), "{version}");
    for path in ["/healthz", "/api/runs/{run}", "/api/runs/{run}/feed"] {
        assert!(document["paths"][path]["get"].is_object(), "{path}");
    }
    assert!(document["components"]["schemas"]["Problem"].is_object());
}

#[tokio::test]
async fn every_operation_says_what_it_is_and_every_error_is_a_problem() {
    let server = serve().await;
    let response = reqwest::get(server.url("/openapi.json"))
        .await
        .expect("an answer");
    let document: serde_json::Value = response.json().await.expect("JSON");
    let mut ids = std::collections::HashSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let name = format!("{method} {path}");
            assert!(operation["summary"].is_string(), "{name} has no summary");
            assert!(operation["tags"][0].is_string(), "{name} has no tag");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let schema = &parameter["schema"];
                assert!(!schema.to_string().contains("null"), "{name}: {parameter}");
            }
            let id = operation["operationId"].as_str().expect("an id");
            assert!(ids.insert(id.to_owned()), "{name}: the id {id} is taken");
            for (status, response) in operation["responses"].as_object().expect("responses") {
                assert!(response["description"].is_string(), "{name} {status}");
                let content = response["content"].as_object();
                let error = status.starts_with('4') || status.starts_with('5');
                if let (true, Some(content)) = (error, content) {
                    assert!(
                        content.contains_key("application/problem+json"),
                        "{name} {status}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn what_every_request_may_ask_for_is_described_once() {
    let server = serve().await;
    let response = reqwest::get(server.url("/openapi.json"))
        .await
        .expect("an answer");
    let document: serde_json::Value = response.json().await.expect("JSON");
    let components = &document["components"];
    for (key, name, place) in [
        ("FaultsInQuery", "faults", "query"),
        ("FaultsInHeader", "Roundtrip-Faults", "header"),
    ] {
        let parameter = &components["parameters"][key];
        assert_eq!(parameter["name"], name);
        assert_eq!(parameter["in"], place);
        assert_eq!(parameter["schema"]["$ref"], "#/components/schemas/Faults");
    }
    let words = components["schemas"]["Faults"]["description"].to_string();
    for fault in wire::Fault::ALL {
        let bounds = fault.bounds();
        assert!(words.contains(&format!("`{}` (", fault.name())), "{words}");
        for bound in [bounds.start(), bounds.end()] {
            let bound = fault.in_words(*bound);
            assert!(words.contains(&bound), "{bound}: {words}");
        }
    }
}

#[tokio::test]
async fn the_page_loads_only_files_of_this_server() {
    let server = serve().await;
    let response = reqwest::get(server.url("/api")).await.expect("an answer");
    assert_eq!(response.status(), 200);
    let policy = response.headers()["content-security-policy"]
        .to_str()
        .expect("text")
        .to_owned();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self';"),
        "{policy}"
    );
    let page = response.text().await.expect("HTML");
    let files: Vec<&str> = page
        .split(['"', '\''])
        .filter(|text| text.starts_with("/api/reference/"))
        .collect();
    assert_eq!(files.len(), 4, "{page}");
    assert!(!page.contains("://"), "{page}");
    for file in files {
        let response = reqwest::get(server.url(file)).await.expect("an answer");
        assert_eq!(response.status(), 200, "{file}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
    let none = reqwest::get(server.url("/api/reference/none.js"))
        .await
        .expect("an answer");
    assert_eq!(none.status(), 404);
    assert_eq!(none.headers()["content-type"], "application/problem+json");
}

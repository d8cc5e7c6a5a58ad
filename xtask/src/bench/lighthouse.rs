//! Lighthouse on every page that a visitor reaches from `/`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Bench;
use crate::server::Server;
use crate::setup::{browser, npm};
use crate::sh;

const CATEGORIES: [&str; 3] = ["performance", "accessibility", "best-practices"];

/// A score varies from run to run: the median of this many is what counts.
const RUNS: usize = 5;

/// Of 100, in each category.
const AIM: u64 = 95;

const CHROME_FLAGS: &str = "--headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
                            --disable-component-update --disable-sync";

pub(super) fn run(bench: &Bench<'_>) -> Result<()> {
    let chromium = browser::chromium()?;
    let tools = npm::lighthouse(bench.project)?;
    let server = Server::start(bench.project, &bench.program, &[])?;
    let mut missed = Vec::new();
    sh::say(&format!(
        "Phone, simulated slow 4G, {RUNS} runs: the median (all of them)"
    ));
    for page in pages(&server)? {
        let mut scores = vec![Vec::new(); CATEGORIES.len()];
        for _ in 0..RUNS {
            let mut lighthouse = Command::new(tools.program("lighthouse"));
            lighthouse
                .env("CHROME_PATH", &chromium)
                .arg(format!("{}{page}", server.url()));
            let run = measure(
                &mut lighthouse,
                &bench.project.target.join("xtask/lighthouse.json"),
            )?;
            for (all, score) in scores.iter_mut().zip(run) {
                all.push(score);
            }
        }
        sh::say(&page);
        for (category, mut scores) in CATEGORIES.iter().zip(scores) {
            let all = scores
                .iter()
                .map(u64::to_string)
                .collect::<Vec<_>>()
                .join(" ");
            scores.sort_unstable();
            let median = scores[RUNS / 2];
            sh::say(&format!("  {category:<15} {median:>3} ({all})"));
            if median < AIM {
                missed.push(format!("{page} {category} {median}"));
            }
        }
    }
    if !missed.is_empty() {
        bail!("below {AIM}: {}", missed.join(", "));
    }
    Ok(())
}

/// `/` and the labs that it links to.
fn pages(server: &Server) -> Result<BTreeSet<String>> {
    let home = server.get("/")?;
    let links = home.split("href=").skip(1).filter_map(|rest| {
        let path = rest
            .trim_start_matches(['"', '\''])
            .split(['"', '\'', ' ', '>', '?', '#'])
            .next()?;
        path.starts_with("/labs/").then(|| path.to_owned())
    });
    let pages: BTreeSet<String> = std::iter::once("/".to_owned()).chain(links).collect();
    if pages.len() == 1 {
        bail!("the page / links to no lab");
    }
    Ok(pages)
}

/// One run's scores, of 100, in the order of [`CATEGORIES`]. What cost points is said.
fn measure(lighthouse: &mut Command, report: &Path) -> Result<Vec<u64>> {
    lighthouse
        .args(["--quiet", "--output=json", "--form-factor=mobile"])
        .arg(format!("--output-path={}", report.display()))
        .arg(format!("--only-categories={}", CATEGORIES.join(",")))
        .arg(format!("--chrome-flags={CHROME_FLAGS}"));
    sh::output(lighthouse)?;
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(report)?)?;
    CATEGORIES
        .iter()
        .map(|category| {
            let category = &report["categories"][category];
            let score = category["score"]
                .as_f64()
                .context("a category without a score")?;
            let score = (score * 100.0).round() as u64;
            if score < AIM {
                say_what_cost_points(&report, category);
            }
            Ok(score)
        })
        .collect()
}

fn say_what_cost_points(report: &serde_json::Value, category: &serde_json::Value) {
    for audit in category["auditRefs"].as_array().into_iter().flatten() {
        let result = &report["audits"][audit["id"].as_str().unwrap_or_default()];
        let counts = audit["weight"].as_f64().is_some_and(|weight| weight > 0.0);
        if let (true, Some(score), Some(title)) = (
            counts,
            result["score"].as_f64().filter(|score| *score < 0.9),
            result["title"].as_str(),
        ) {
            let value = result["displayValue"].as_str().unwrap_or_default();
            sh::say(&format!("  costs points: {title} {value} ({score})"));
        }
    }
}

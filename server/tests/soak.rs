//! The hub under everything that goes wrong in a classroom, for some seconds: `cargo xtask soak` does it with a thousand
//! subscribers for as long as one likes.
//!
//! Two topics are published to, one acknowledged in memory, one on disk, while subscribers over all five transports follow
//! them. They lose their connections every now and then; others are killed with their process; the program itself is
//! killed and started again, and one topic is restarted alone. What happens when is decided by a seed.

#[path = "support/program.rs"]
mod program;

use std::{env, net::SocketAddr, sync::Arc, time::Duration};

use program::{Program, command, start, start_at};
use rand::{Rng, SeedableRng, rngs::StdRng};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use server::swarm::{Cuts, Plan, Report, Server, Swarm};
use tokio::{
    process::Child,
    time::{interval, timeout},
};
use wire::{race::Way, topics::MessageId};

/// Of each topic.
const SUBSCRIBERS: usize = 25;
/// Subscribers that are killed with their process.
const VICTIMS: &str = "5";
/// How often each topic is published to, and how fast.
const ROUNDS: usize = 300;
const ROUND: Duration = Duration::from_millis(25);
/// How long a connection lasts on average.
const LIFE: Duration = Duration::from_millis(700);
/// In one of so many rounds the victims are killed.
const VICTIMS_LIVE: u32 = 40;
/// How long subscribers may take to hear the rest: no less than their longest pause.
const PATIENCE: Duration = Duration::from_secs(30);

/// Acknowledged in memory, with a history so short that who was away has a gap.
const MEMORY: &str = "soak-memory";
const DISK: &str = "soak-disk";

/// `ROUNDTRIP_SOAK_SEED` does again what has failed.
fn seed() -> u64 {
    let given = env::var("ROUNDTRIP_SOAK_SEED").ok();
    let seed = given.map_or_else(rand::random, |seed| seed.parse().expect("a number"));
    println!("ROUNDTRIP_SOAK_SEED={seed}");
    seed
}

async fn ask(address: &str, method: Method, path: &str, body: String) -> (StatusCode, Value) {
    // A connection for each: none is left of a program that was killed.
    let request = Client::new().request(method, format!("http://{address}/api/topics/{path}"));
    let request = request.header("content-type", "application/json");
    let answer = request.body(body).send().await.expect("an answer");
    (answer.status(), answer.json().await.expect("JSON"))
}

async fn settle(address: &str, topic: &str, settings: Value) {
    let (status, _) = ask(address, Method::PUT, topic, settings.to_string()).await;
    assert_eq!(status, StatusCode::OK, "{topic}");
}

async fn publish(address: &str, topic: &str, number: usize) -> MessageId {
    let path = format!("{topic}/messages");
    let (status, answer) = ask(address, Method::POST, &path, number.to_string()).await;
    assert_eq!(status, StatusCode::CREATED, "{topic}");
    answer["id"]
        .as_str()
        .expect("an id")
        .parse()
        .expect("an id")
}

async fn follow(at: SocketAddr, topic: &str, seed: u64) -> Swarm {
    let plan = Plan {
        server: Server {
            at,
            authority: at.to_string(),
        },
        topic: topic.to_owned(),
        subscribers: SUBSCRIBERS,
        ways: Way::ALL.into(),
        time: Duration::from_secs(600),
        publish: None,
        cuts: Some(Cuts { mean: LIFE, seed }),
        same_clock: true,
    };
    Swarm::begin(plan).await.expect("it can be followed")
}

/// Subscribers in a process of their own.
fn victims(program: &Program) -> Child {
    let swarm = ["swarm", &program.url, "--topic", DISK];
    let more = ["--subscribers", VICTIMS, "--seconds", "600"];
    command(&[&swarm[..], &more].concat())
        .spawn()
        .expect("starts")
}

/// What a swarm has seen when each of its subscribers has heard of everything up to this message.
async fn heard(swarm: &Swarm, last: MessageId) -> Report {
    let all = async {
        let mut look = interval(Duration::from_millis(10));
        loop {
            look.tick().await;
            let report = swarm.report();
            if report.last == Some(last) && report.sum(|figures| figures.waiting) == 0 {
                return report;
            }
        }
    };
    let heard = timeout(PATIENCE, all).await;
    heard.unwrap_or_else(|_| panic!("they never heard the rest: {:?}", swarm.report()))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_without_a_gap_and_nothing_comes_twice_whatever_is_killed() {
    let seed = seed();
    let mut dice = StdRng::seed_from_u64(seed);
    let mut program = start(&["--log", "error"]).await;
    let address = program.address().to_owned();
    let at = address.parse().expect("an address");
    settle(&address, MEMORY, json!({"history": {"count": 20}})).await;
    settle(&address, DISK, json!({"ack": "disk"})).await;
    let memory = follow(at, MEMORY, seed).await;
    let disk = follow(at, DISK, !seed).await;
    let mut victims_alive = victims(&program);

    // Far enough from each other that everybody has come back.
    let crashes = [20..ROUNDS / 2 - 40, ROUNDS / 2 + 40..ROUNDS - 20];
    let crashes = crashes.map(|rounds| dice.random_range(rounds));
    let restart = dice.random_range(0..ROUNDS);
    let (mut acknowledged, mut last) = (Vec::new(), None);
    let mut beat = interval(ROUND);
    for round in 0..ROUNDS {
        beat.tick().await;
        if crashes.contains(&round) {
            program.child.kill().await.expect("killed");
            let data = Arc::clone(&program.data);
            program = start_at(&address, data, &["--log", "error"]).await;
            settle(&address, MEMORY, json!({"history": {"count": 20}})).await;
        }
        if dice.random_ratio(1, VICTIMS_LIVE) {
            victims_alive.kill().await.expect("killed");
            victims_alive = victims(&program);
        }
        if round == restart {
            let path = format!("{MEMORY}/restart");
            let (status, _) = ask(&address, Method::POST, &path, String::new()).await;
            assert_eq!(status, StatusCode::OK);
        }
        last = Some(publish(&address, MEMORY, round).await);
        acknowledged.push(publish(&address, DISK, round).await);
    }

    let in_memory = heard(&memory, last.expect("published")).await;
    let on_disk = heard(&disk, acknowledged[ROUNDS - 1]).await;
    for report in [&in_memory, &on_disk] {
        assert!(report.is_sound(), "{report:?}");
        let broken = report.sum(|figures| figures.broken);
        assert!(broken > SUBSCRIBERS as u64, "{report:?}");
    }
    // The disk has all of it, and so has everybody.
    let received = on_disk.sum(|figures| figures.messages);
    assert_eq!(received, (ROUNDS * SUBSCRIBERS) as u64);
    assert_eq!(on_disk.sum(|figures| figures.gaps), 0);
    let path = format!("{DISK}/messages?limit=1000");
    let (_, page) = ask(&address, Method::GET, &path, String::new()).await;
    let messages = page["messages"].as_array().expect("messages");
    assert_eq!(messages.len(), ROUNDS);
    for (round, (message, id)) in messages.iter().zip(&acknowledged).enumerate() {
        assert_eq!(message["id"], id.to_string());
        assert_eq!(message["data"], round.to_string());
    }
    // In memory each life but the last ended in a gap for everybody.
    assert!(in_memory.sum(|figures| figures.gaps) >= SUBSCRIBERS as u64);
}

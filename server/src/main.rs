//! `roundtrip`: flags -> config -> bind -> serve -> exit code. Or a command in place of serving.

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use clap::Parser;
use server::{AppState, cli, connection};
use tokio::runtime::Runtime;

/// How long the end waits for what a thread still does for nobody, a preview say: with `--drain` no more than the ten
/// seconds that whoever stops services usually grants.
const LAST_WORK: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let flags = cli::Flags::parse();
    match run(&flags) {
        Ok(code) => code,
        Err(error) => {
            // The alternate form joins causes: "what happened: why: why".
            eprintln!("roundtrip: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: &cli::Flags) -> anyhow::Result<ExitCode> {
    cli::init_log(&flags.log, flags.log_format);
    let runtime = Runtime::new().context("The system gives no threads")?;
    let done = runtime.block_on(async {
        match &flags.command {
            None => serve(flags).await.map(|()| ExitCode::SUCCESS),
            Some(cli::Command::Swarm(swarm)) => cli::fly(swarm).await,
        }
    });
    runtime.shutdown_timeout(LAST_WORK);
    done
}

async fn serve(flags: &cli::Flags) -> anyhow::Result<()> {
    let config = flags.config();
    let data_dir = config.data_dir.clone();
    let listener = cli::listen(config.listen)?;
    let address = listener.local_addr()?;
    let state = AppState::new(config).with_context(|| {
        format!(
            "The folder {} cannot be used for uploads and topics. Choose another one with --data-dir",
            data_dir.display()
        )
    })?;
    let asked_to_stop = stop_signals()?;
    // Whoever started the program may have closed its standard output: it serves all the same.
    if let Err(cause) = cli::announce(address, &data_dir) {
        tracing::debug!(%cause, "nobody reads standard output");
    }
    connection::serve(listener, state, asked_to_stop)
        .await
        .context("The server cannot go on")
}

/// Resolves on the first SIGINT or SIGTERM. The second one ends the program at once.
fn stop_signals() -> anyhow::Result<impl Future<Output = ()> + Send + 'static> {
    let mut signals = Signals::new().context("The system does not hand over signals")?;
    Ok(async move {
        signals.next().await;
        tracing::info!("stopping: requests under way are finished, a second signal stops at once");
        tokio::spawn(async move {
            signals.next().await;
            std::process::exit(130);
        });
    })
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

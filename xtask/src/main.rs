//! Roundtrip's build task. `cargo xtask --help` lists what it does.

mod bench;
mod build;
mod dev;
mod paths;
mod progress;
mod run;
mod server;
mod setup;
mod sh;
mod soak;
mod test;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, runs and tests Roundtrip. What is missing on this machine is installed where that is allowed; otherwise the
/// exact command to run is printed.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    disable_help_subcommand = true
)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build everything and serve it: the command to start with. Unchanged, it serves within seconds.
    Run {
        /// Passed on to roundtrip, for example `--lan`.
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "ROUNDTRIP FLAGS"
        )]
        args: Vec<OsString>,
    },
    /// Build the site and the server with the site inside: `release/roundtrip` in cargo's target directory.
    Build,
    /// Build for development, serve, and do both again at each change; open pages reload.
    Dev {
        /// Passed on to roundtrip.
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "ROUNDTRIP FLAGS"
        )]
        args: Vec<OsString>,
    },
    /// Everything that CI checks; or the named steps alone.
    Test {
        /// Steps to run; all when none is named.
        #[arg(value_name = "STEP")]
        steps: Vec<test::Step>,
    },
    /// Measure: timings, ratios and scores, which are no part of the tests.
    Bench {
        /// What to measure; everything when nothing is named.
        #[arg(value_name = "NAME")]
        names: Vec<bench::Name>,
    },
    /// A thousand subscribers while clients, connections and the server are killed: nothing lost, nothing twice.
    #[command(args_conflicts_with_subcommands = true, subcommand_value_name = "PART")]
    Soak {
        /// For how long.
        #[arg(default_value = "10", value_parser = clap::value_parser!(u64).range(1..=1440))]
        minutes: u64,
        #[command(subcommand)]
        part: Option<soak::Part>,
    },
}

fn main() -> ExitCode {
    match execute(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Not `fn main() -> Result`: that would add a backtrace to a message meant for a person.
        Err(error) => {
            sh::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli) -> anyhow::Result<()> {
    let project = paths::Project::find()?;
    match cli.command {
        Task::Run { args } => run::run(&project, &args),
        Task::Build => build::release(&project).map(drop),
        Task::Dev { args } => dev::run(&project, &args),
        Task::Bench { names } => bench::run(&project, &names),
        Task::Soak {
            part: None,
            minutes,
        } => soak::run(&project, minutes),
        Task::Soak {
            part: Some(soak::Part::Uploads { kills }),
            ..
        } => soak::uploads::run(&project, kills),
        Task::Test { steps } => test::run(&project, &steps),
    }
}

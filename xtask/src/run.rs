//! `cargo xtask run`: the release build, then the program itself.

use std::ffi::OsString;
use std::process::Command;

use anyhow::Result;

use crate::paths::Project;
use crate::{build, sh};

/// Builds, then becomes `roundtrip` where the system can do that, so that signals and the exit code are its own.
pub(crate) fn run(project: &Project, args: &[OsString]) -> Result<()> {
    let mut program = Command::new(build::release(project)?);
    program.args(args);
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        Err(anyhow::Error::from(program.exec())
            .context(format!("`{}` could not be started", sh::shown(&program))))
    }
    #[cfg(not(unix))]
    sh::run(&mut program)
}

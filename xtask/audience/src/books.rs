//! What the kernel's books say of a process (`proc(5)`).

use std::fs;

use anyhow::{Context, Result};

/// The CPU time of these processes until now, of all their threads, in nanoseconds.
pub(crate) fn cpu(processes: &[u32]) -> Result<u64> {
    let mut sum = 0;
    for process in processes {
        let tasks = fs::read_dir(format!("/proc/{process}/task")).context("this needs Linux")?;
        for task in tasks {
            // A thread may end meanwhile.
            let books = fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
            let ran = books.split(' ').next().unwrap_or_default();
            sum += ran.parse().unwrap_or(0);
        }
    }
    Ok(sum)
}

/// The memory of these processes, in bytes; what several of them share counts once (`Pss`).
pub(crate) fn memory(processes: &[u32]) -> Result<u64> {
    let mut sum = 0;
    for process in processes {
        let books = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
        let line = books.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        let kilobytes: u64 = kilobytes.context("no Pss in smaps_rollup")?.parse()?;
        sum += kilobytes * 1024;
    }
    Ok(sum)
}

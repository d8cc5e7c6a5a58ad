//! Uploads to the program as a process of its own: killed, watched for its memory, on a disk that is full.

#[cfg(unix)]
mod killed;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(unix)]
mod process;
#[cfg(target_os = "linux")]
mod small_disk;

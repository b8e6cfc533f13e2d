//! Reading a file, and nothing but a file, from where files may be read.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::SourceError;
use crate::limits::MAX_FILE_BYTES;

/// Reads a component file that a person names, wherever it lies.
///
/// # Errors
/// When it cannot be read, or is larger than any component should be.
pub fn read_file(path: &Path) -> Result<Vec<u8>, SourceError> {
    read_within(path, None)
}

/// Reads a file if it lies in one of the folders.
///
/// What is checked is the file that was opened, not its path, so that nobody can exchange it in between.
pub(super) fn read_within(path: &Path, folders: Option<&[PathBuf]>) -> Result<Vec<u8>, SourceError> {
    check_spelling(path)?;
    // Opening a pipe would wait for its writer.
    let flags = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.map_err(SourceError::Unreadable)?;
    if let Some(folders) = folders {
        check_place(&file, folders)?;
    }
    read(file)
}

/// A path is what the file system has; whoever writes an escape means to get past a check.
fn check_spelling(path: &Path) -> Result<(), SourceError> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.contains(&0) {
        return Err(SourceError::OddPath { found: "one with a NUL in it" });
    }
    let is_escape = |three: &[u8]| three[0] == b'%' && three[1..].iter().all(u8::is_ascii_hexdigit);
    if bytes.windows(3).any(is_escape) {
        return Err(SourceError::OddPath { found: "one with URL escapes, such as %2e" });
    }
    Ok(())
}

/// Where the file lies after every link and every `..`.
fn check_place(file: &File, folders: &[PathBuf]) -> Result<(), SourceError> {
    let found =
        fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(SourceError::Unreadable)?;
    // A folder that is not there holds nothing.
    let is_inside = |folder: &PathBuf| fs::canonicalize(folder).is_ok_and(|folder| found.starts_with(folder));
    if folders.iter().any(is_inside) {
        return Ok(());
    }
    let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    Err(SourceError::Outside { folders: folders.join(" or "), found })
}

fn read(file: File) -> Result<Vec<u8>, SourceError> {
    let found = file.metadata().map_err(SourceError::Unreadable)?;
    if !found.is_file() {
        return Err(SourceError::NotAFile);
    }
    let too_large = |found| SourceError::TooLarge { limit: MAX_FILE_BYTES, found };
    if found.len() > MAX_FILE_BYTES {
        return Err(too_large(found.len()));
    }
    let mut bytes = Vec::new();
    // It may grow while it is read.
    let read: io::Result<usize> = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
    let read = u64::try_from(read.map_err(SourceError::Unreadable)?).unwrap_or(u64::MAX);
    if read > MAX_FILE_BYTES { Err(too_large(read)) } else { Ok(bytes) }
}

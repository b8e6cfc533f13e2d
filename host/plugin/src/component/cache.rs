//! Compiled components by the digest of what they were compiled from.
//!
//! An entry is one file, `DIGEST-ENGINE-CONTENT.cwasm`: the digest of the component, a hash of everything about this engine that code
//! depends on (version, settings, kind of processor), and the digest of the file itself. What lies here is run without further checks, so
//! trust rests on the folder: it belongs to this user, who alone can enter it. The digest in the name is no proof against somebody who can
//! write there; it tells a file that a full disk or a crash left torn.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash as _, Hasher as _};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use sha2::{Digest as _, Sha256};
use tempfile::{NamedTempFile, TempDir};
use wasmtime::Engine;

use super::CacheSettings;
use crate::digest;
use crate::engine::EngineError;

/// End of the name of an entry.
const ENDING: &str = ".cwasm";

/// Begin of the name of a file that is being written.
const DRAFT: &str = "draft-";

/// Rights of others than the owner.
const OTHERS: u32 = 0o077;

/// Why a folder cannot be the cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Nothing can be compiled at all.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It cannot be made or read.
    #[error("the folder {} of components.cache cannot be used ({error}); choose one that this user can write", folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Somebody else owns it.
    #[error(
        "the folder {} of components.cache has to belong to user {expected}, and it belongs to user {found}; choose another, because \
         whoever can write there could have any code run",
        folder.display()
    )]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// Our user id.
        expected: u32,
        /// That of its owner.
        found: u32,
    },
    /// Others may enter it.
    #[error(
        "the folder {} of components.cache has to be closed to other users, and has mode {mode:o}; empty it and run `chmod 700` on it, \
         because whoever can write there could have any code run",
        folder.display()
    )]
    Open {
        /// The folder.
        folder: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

/// What an entry is found by.
#[derive(Clone, Debug)]
pub(super) struct Key(String);

impl Key {
    /// Of a component and the engine that it is compiled for.
    pub(super) fn new(digest: &str, engine: &Engine) -> Self {
        // Without random keys: the same in every process of this release.
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Self(format!("{digest}-{:016x}-", hasher.finish()))
    }
}

/// A file with compiled code that has passed every check.
#[derive(Debug)]
pub(super) struct Entry {
    path: PathBuf,
}

impl Entry {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// A file that is being written. It vanishes unless it is kept.
#[derive(Debug)]
pub(super) struct Draft(NamedTempFile);

impl Draft {
    /// Where to write to.
    pub(super) fn output(&self) -> io::Result<File> {
        self.0.as_file().try_clone()
    }
}

/// The folder. Several processes may use it at once.
#[derive(Debug)]
pub(super) struct Cache {
    folder: PathBuf,
    max_bytes: u64,
    /// Removes the folder with the value.
    _temporary: Option<TempDir>,
}

impl Cache {
    /// Makes the folder, or checks that it is ours alone.
    pub(super) fn open(settings: &CacheSettings) -> Result<Self, CacheError> {
        let folder = settings.folder.clone();
        let unusable = |error| CacheError::Unusable { folder: folder.clone(), error };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(unusable)?;
        let found = fs::metadata(&folder).map_err(unusable)?;
        let (expected, found, mode) = (our_user(), found.uid(), found.mode() & 0o7777);
        if found != expected {
            return Err(CacheError::Foreign { folder, expected, found });
        }
        if mode & OTHERS != 0 {
            return Err(CacheError::Open { folder, mode });
        }
        Ok(Self { folder, max_bytes: settings.max_bytes, _temporary: None })
    }

    /// A folder that goes away with the value.
    pub(super) fn temporary() -> io::Result<Self> {
        let folder = tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o700)).tempdir()?;
        Ok(Self { folder: folder.path().to_owned(), max_bytes: u64::MAX, _temporary: Some(folder) })
    }

    /// The entry of a key. What is torn, or is not ours, is removed where it can be, and not found.
    pub(super) fn find(&self, key: &Key) -> Option<Entry> {
        let names = self.files().ok()?.into_iter().map(|file| file.name);
        let found = names.filter_map(|name| {
            let content = name.strip_prefix(&key.0)?.strip_suffix(ENDING)?;
            let entry = Entry { path: self.folder.join(&name) };
            match check(&entry.path, content) {
                Ok(()) => Some(entry),
                Err(error) => {
                    tracing::warn!(file = %entry.path.display(), %error, "a cached component is damaged; it is compiled again");
                    self.forget(&entry);
                    None
                }
            }
        });
        found.into_iter().next()
    }

    /// Begins an entry.
    pub(super) fn draft(&self) -> io::Result<Draft> {
        tempfile::Builder::new().prefix(DRAFT).tempfile_in(&self.folder).map(Draft)
    }

    /// Makes an entry of a draft that has been written, and removes others when there is no room.
    pub(super) fn keep(&self, key: &Key, draft: Draft) -> io::Result<Entry> {
        let Draft(written) = draft;
        written.as_file().sync_all()?;
        let content = digest_of(&mut File::open(written.path())?)?;
        let path = self.folder.join(format!("{}{content}{ENDING}", key.0));
        written.persist(&path).map_err(|error| error.error)?;
        self.trim(&path);
        Ok(Entry { path })
    }

    /// Removes an entry.
    pub(super) fn forget(&self, entry: &Entry) {
        if let Err(error) = fs::remove_file(&entry.path) {
            tracing::warn!(file = %entry.path.display(), %error, "a cached component cannot be removed; remove it");
        }
    }

    /// Removes what was not used for longest until the rest has room. Drafts that a crash left behind go the same way.
    fn trim(&self, newest: &Path) {
        let Ok(mut files) = self.files() else { return };
        files.sort_by_key(|file| file.used);
        let mut total: u64 = files.iter().map(|file| file.bytes).sum();
        for file in files {
            let path = self.folder.join(&file.name);
            if total <= self.max_bytes {
                return;
            }
            if path != newest && fs::remove_file(&path).is_ok() {
                tracing::debug!(file = %path.display(), "a cached component made room");
                total -= file.bytes;
            }
        }
    }

    /// Everything in the folder that is ours by its name.
    fn files(&self) -> io::Result<Vec<Stored>> {
        let mut files = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            let file = file?;
            let Ok(name) = file.file_name().into_string() else { continue };
            let ours = name.ends_with(ENDING) || name.starts_with(DRAFT);
            // Another process may have removed it meanwhile.
            let Some(found) = file.metadata().ok().filter(|_| ours) else { continue };
            files.push(Stored { name, bytes: found.len(), used: found.modified()? });
        }
        Ok(files)
    }
}

/// A file of the folder.
struct Stored {
    name: String,
    bytes: u64,
    /// When it was written, or used last.
    used: SystemTime,
}

/// Checks that a file is what we wrote, and notes that it is used.
fn check(path: &Path, content: &str) -> io::Result<()> {
    let flags = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let mut file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.uid() != our_user() || found.mode() & OTHERS != 0 {
        let message = format!("expected a file of user {} with mode 600", our_user());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    if digest_of(&mut file)? != content {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "its content does not have the digest in its name",
        ));
    }
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let unchanged = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    rustix::fs::futimens(&file, &Timestamps { last_access: unchanged, last_modification: now })?;
    Ok(())
}

fn our_user() -> u32 {
    rustix::process::geteuid().as_raw()
}

fn digest_of(file: &mut File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 256 << 10];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(digest::hex(&hasher.finalize())),
            read => hasher.update(&piece[..read]),
        }
    }
}

#[cfg(test)]
mod tests;

//! Where the bytes of a component come from, and what has to be true of them before anybody looks into them.

mod file;
mod signer;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use file::read_file;
pub use signer::{Signer, SignerError};

use crate::digest;
use crate::load::LoadError;

/// One component, as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The component file.
    pub path: PathBuf,
    /// SHA-256 that it has to have, in lower-case hex; `None`: any.
    pub sha256: Option<String>,
}

impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Self {
        Self { path, sha256: None }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

/// What holds for every source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceRules {
    /// Component files lie in these folders or below; `None`: anywhere, for tools that a person calls with a path.
    pub folders: Option<Vec<PathBuf>>,
    /// When there are any, one of them has to have signed every component.
    pub signers: Vec<Signer>,
}

/// Why a component was not read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be opened or read.
    #[error(
        "expected a component file, but it cannot be read ({0}); build it with `cargo xtask plugins`, or correct the path"
    )]
    Unreadable(io::Error),
    /// The path is not written as one.
    #[error("expected the path of a component file, found {found}; write the path as the file system has it")]
    OddPath {
        /// What is odd about it.
        found: &'static str,
    },
    /// It lies, after every link, where components must not lie.
    #[error(
        "expected a component file in {folders}, found one that really lies at {}; move it there, or name its folder in \
         components.folders",
        found.display()
    )]
    Outside {
        /// Where components may lie.
        folders: String,
        /// Where it lies.
        found: PathBuf,
    },
    /// A folder, a pipe, a device.
    #[error("expected a component file, found something that is no regular file; correct the path")]
    NotAFile,
    /// It is larger than any component should be.
    #[error(
        "expected a component of at most {limit} bytes, found {found}; build it in release mode and without debug information"
    )]
    TooLarge {
        /// Most that is read.
        limit: u64,
        /// Size of the file.
        found: u64,
    },
    /// It is not what was pinned.
    #[error(
        "expected the component with sha256 {expected}, found one with {found}; if it was replaced on purpose, write its digest into \
         the configuration"
    )]
    OtherDigest {
        /// The pin.
        expected: String,
        /// Of the bytes.
        found: String,
    },
    /// There is no signature.
    #[error(
        "expected a signature of the component in {}, but it cannot be read ({error}); components.signers demands one of every component",
        file.display()
    )]
    Unsigned {
        /// Where it should be.
        file: PathBuf,
        /// Why it is not there.
        error: String,
    },
    /// None of those who may has signed these bytes.
    #[error(
        "expected {} to be the ed25519 signature of one of components.signers over this component, and it is not; sign the component \
         again, or do not use it",
        file.display()
    )]
    BadSignature {
        /// The signature.
        file: PathBuf,
    },
}

/// The bytes of a component that has passed every rule.
pub(crate) struct Fetched {
    pub(crate) bytes: Arc<[u8]>,
    /// SHA-256 in hex.
    pub(crate) digest: String,
}

/// Reads a component once; everything after works on these bytes, whatever happens to the file.
///
/// # Errors
/// When a rule forbids it, or it cannot be read.
pub(crate) fn fetch(source: &Source, rules: &SourceRules) -> Result<Fetched, LoadError> {
    let folders = rules.folders.as_deref();
    let bytes = file::read_within(&source.path, folders)?;
    let digest = digest::of(&bytes);
    if let Some(expected) = source.sha256.as_ref().filter(|expected| **expected != digest) {
        return Err(SourceError::OtherDigest { expected: expected.clone(), found: digest }.into());
    }
    if !rules.signers.is_empty() {
        check_signature(&source.path, &bytes, rules)?;
    }
    Ok(Fetched { bytes: bytes.into(), digest })
}

/// The signature lies beside the component, its name with `.sig` behind it.
fn check_signature(component: &Path, bytes: &[u8], rules: &SourceRules) -> Result<(), SourceError> {
    let mut file = component.as_os_str().to_owned();
    file.push(".sig");
    let file = PathBuf::from(file);
    let signature = file::read_within(&file, rules.folders.as_deref())
        .map_err(|error| SourceError::Unsigned { file: file.clone(), error: error.to_string() })?;
    if rules.signers.iter().any(|signer| signer.signed(bytes, &signature)) {
        return Ok(());
    }
    Err(SourceError::BadSignature { file })
}

//! A test's folder, and its turn.
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::artifacts;

/// The place of one test. While it exists no other test of this kind runs on this machine from the same build, also not in
/// another process: two cores do not carry several PBXs with several softphones each.
pub struct Stage {
    folder: PathBuf,
    _turn: File,
}

impl Stage {
    /// Waits for its turn, then makes an empty folder `target/interop/<name>`.
    ///
    /// # Panics
    /// When the folder cannot be made.
    pub fn new(name: &str) -> Self {
        let all = artifacts::target_directory().join("interop");
        fs::create_dir_all(&all).expect("the target directory can be written");
        let turn = File::create(all.join("turn.lock")).expect("the target directory can be written");
        turn.lock().expect("the file system of the target directory has locks");
        let folder = all.join(name);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                panic!("cannot empty {}: {error}", folder.display())
            }
            _ => fs::create_dir_all(&folder).expect("the target directory can be written"),
        }
        Self { folder, _turn: turn }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file into the folder.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.file(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).expect("the folder can be written");
        }
        fs::write(&path, content).expect("the folder can be written");
        path
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the logs of all programs of this test are kept in {}", self.folder.display());
        } else if std::env::var_os("CORDBOARD_KEEP_LOGS").is_none() {
            // A folder that cannot be removed is only untidy, and the next run empties it.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

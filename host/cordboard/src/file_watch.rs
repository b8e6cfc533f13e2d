//! Loads plugins again when their files change.
//!
//! What is watched are folders, because a file that is replaced as a whole (written beside, renamed) is another file. A change is acted
//! upon when it has been quiet for a moment, so that a file which is copied piece by piece is read once. Nothing depends on the watch
//! being exact: a file that has not really changed is recognised by its digest.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cordboard_plugin::Plugins;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

use crate::config::Config;

/// How long a folder has to be quiet before its files are read.
const QUIET: Duration = Duration::from_millis(300);

/// Room for the events of one reading; each takes 16 bytes and its name.
const EVENTS: usize = 16 << 10;

/// The files of one plugin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Watched {
    plugin: String,
    files: Vec<PathBuf>,
}

/// What a configuration wants to be watched.
pub(crate) fn watched(config: &Config) -> Vec<Watched> {
    let plugins = config.plugins.iter().filter(|plugin| plugin.watch);
    let files = plugins.map(|plugin| Watched {
        plugin: plugin.name.clone(),
        files: std::iter::once(&plugin.source)
            .chain(plugin.candidate.as_ref().map(|candidate| &candidate.source))
            .map(|source| source.path.clone())
            .collect(),
    });
    files.collect()
}

/// Watches what `list` says, until its sender is gone.
///
/// # Errors
/// When the kernel gives no watch at all.
pub(crate) async fn run(plugins: Arc<Plugins>, mut list: watch::Receiver<Vec<Watched>>) -> io::Result<()> {
    loop {
        let wanted = list.borrow_and_update().clone();
        let mut folders = Folders::watch(&wanted)?;
        // What has changed since it was loaded and before it was watched.
        reload(&plugins, &wanted.iter().map(|watched| watched.plugin.clone()).collect()).await;
        loop {
            tokio::select! {
                changed = folders.changed(&wanted) => reload(&plugins, &changed?).await,
                next = list.changed() => match next {
                    Ok(()) => break,
                    Err(_) => return Ok(()),
                },
            }
        }
    }
}

/// What came of it is told as events.
async fn reload(plugins: &Plugins, names: &BTreeSet<String>) {
    for name in names {
        tracing::debug!(plugin = name.as_str(), "the file of a plugin is looked at");
        // A refusal is told as an event.
        let _ = plugins.reload(name, false).await;
    }
}

/// The folders of the watched files.
struct Folders {
    kernel: AsyncFd<OwnedFd>,
    paths: BTreeMap<i32, PathBuf>,
}

impl Folders {
    fn watch(wanted: &[Watched]) -> io::Result<Self> {
        let kernel = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let folders: BTreeSet<&Path> =
            wanted.iter().flat_map(|watched| &watched.files).map(|file| folder_of(file)).collect();
        let mut paths = BTreeMap::new();
        for folder in folders {
            let flags =
                WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO | WatchFlags::CREATE | WatchFlags::ONLYDIR;
            match inotify::add_watch(&kernel, folder, flags) {
                Ok(id) => drop(paths.insert(id, folder.to_owned())),
                Err(error) => {
                    tracing::warn!(folder = %folder.display(), %error, "a folder of plugins cannot be watched");
                }
            }
        }
        #[expect(
            deprecated,
            reason = "sound for a descriptor that is owned; what takes its place is unsafe to call"
        )]
        let kernel = AsyncFd::new(kernel)?;
        Ok(Self { kernel, paths })
    }

    /// Waits until files have changed and are quiet again. The plugins that they belong to.
    async fn changed(&mut self, wanted: &[Watched]) -> io::Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        loop {
            let more = match names.is_empty() {
                true => self.next(wanted).await?,
                false => match tokio::time::timeout(QUIET, self.next(wanted)).await {
                    Ok(more) => more?,
                    Err(_) => return Ok(names),
                },
            };
            names.extend(more);
        }
    }

    async fn next(&self, wanted: &[Watched]) -> io::Result<BTreeSet<String>> {
        let mut ready = self.kernel.readable().await?;
        let mut names = BTreeSet::new();
        let mut buffer = [MaybeUninit::uninit(); EVENTS];
        let mut reader = inotify::Reader::new(self.kernel.get_ref(), &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
                    if let (Some(folder), Some(name)) = (self.paths.get(&event.wd()), name) {
                        names.extend(concerned(wanted, folder, name));
                    }
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    ready.clear_ready();
                    return Ok(names);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The plugins that a change in a folder is about. A signature lies beside its component as `NAME.sig`. Kubernetes exchanges a link called `..data` when a mounted file changes.
fn concerned<'a>(
    wanted: &'a [Watched],
    folder: &Path,
    name: &OsStr,
) -> impl Iterator<Item = String> + use<'a> {
    let (folder, name) = (folder.to_owned(), name.to_owned());
    let is_link_of_all = name.as_bytes().starts_with(b"..");
    let component =
        name.as_bytes().strip_suffix(b".sig").map_or(name.clone(), |name| OsStr::from_bytes(name).to_owned());
    let is_meant = move |file: &PathBuf| {
        folder_of(file) == folder && (is_link_of_all || file.file_name() == Some(&component))
    };
    wanted
        .iter()
        .filter(move |watched| watched.files.iter().any(&is_meant))
        .map(|watched| watched.plugin.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_about_the_plugins_whose_files_it_names() {
        let watched = |plugin: &str, files: &[&str]| Watched {
            plugin: plugin.to_owned(),
            files: files.iter().map(PathBuf::from).collect(),
        };
        let wanted = [
            watched("a", &["/p/a.wasm", "/p/b.wasm"]),
            watched("b", &["/p/b.wasm"]),
            watched("c", &["c.wasm"]),
        ];
        for (folder, name, expected) in [
            ("/p", "a.wasm", &["a"][..]),
            ("/p", "b.wasm", &["a", "b"]),
            ("/p", "a.wasm.new", &[]),
            ("/q", "a.wasm", &[]),
            (".", "c.wasm", &["c"]),
            ("/p", "a.wasm.sig", &["a"]),
            ("/p", "..data", &["a", "b"]),
        ] {
            let names: Vec<_> = concerned(&wanted, Path::new(folder), OsStr::new(name)).collect();
            assert_eq!(names, expected, "{folder} {name}");
        }
    }
}

//! The section `components`: where the components of plugins may come from, and where their code is kept once it is compiled.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cordboard_plugin::{Aside, CacheSettings, Compiler, ComponentSettings, Signer, SignerError, SourceRules};

use super::Environment;
use super::section::Section;
use super::value;

/// How long the compiler may take. It runs at the lowest priority, beside whatever the machine does.
const COMPILE_LIMIT: Duration = Duration::from_secs(600);

/// Where the code of plugins is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ComponentConfig {
    /// The folder of compiled components; `None`: they are not kept.
    pub(crate) cache: Option<PathBuf>,
    /// Bytes of all of them together.
    pub(crate) cache_bytes: u64,
    /// Where components may lie, the folder of the configuration first.
    pub(crate) folders: Vec<PathBuf>,
    /// Who may sign components. None: nobody needs to.
    pub(crate) signers: Vec<Signer>,
}

/// Reads `components`. Paths are relative to `folder`.
pub(super) fn read_components(
    section: Section<'_>,
    folder: &Path,
    environment: &Environment,
) -> ComponentConfig {
    let cache = match section.optional("cache", value::or_off(value::text)) {
        None => usual_cache(environment),
        Some(written) => written.map(|path| folder.join(path)),
    };
    let size = section.value("cache_size", 1 << 30, value::size(1 << 20..=1 << 40));
    let beside = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let named = section.list("folders", Vec::new(), value::text).into_iter().map(|path| folder.join(path));
    let signer = |text: &str| text.parse().map_err(|expected: SignerError| expected.to_string());
    let config = ComponentConfig {
        cache,
        cache_bytes: u64::try_from(size).unwrap_or(u64::MAX),
        folders: std::iter::once(beside.to_owned()).chain(named).collect(),
        signers: section.list("signers", Vec::new(), signer),
    };
    section.finish();
    config
}

/// Where programs of this user keep what they can make again: as systemd says, as the desktop says, or as everybody does.
fn usual_cache(environment: &Environment) -> Option<PathBuf> {
    let folder = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    folder("CACHE_DIRECTORY")
        .or_else(|| Some(folder("XDG_CACHE_HOME")?.join("cordboard")))
        .or_else(|| Some(folder("HOME")?.join(".cache/cordboard")))
}

impl ComponentConfig {
    /// The settings for the sandbox: this very program compiles, started once more.
    pub(crate) fn settings(&self) -> ComponentSettings {
        let compiler = Aside {
            // The file of the running program, even when another release has been installed over it.
            program: "/proc/self/exe".into(),
            arguments: crate::plugin::COMPILE_ASIDE.map(Into::into).into(),
            time_limit: COMPILE_LIMIT,
        };
        let cache = self.cache.clone();
        ComponentSettings {
            compiler: Compiler::Aside(compiler),
            cache: cache.map(|folder| CacheSettings { folder, max_bytes: self.cache_bytes }),
            client: None,
            rules: SourceRules { folders: Some(self.folders.clone()), signers: self.signers.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_lies_where_the_system_wants_it() {
        let environment = |variables: &[(&str, &str)]| {
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        for (variables, expected) in [
            (&[("CACHE_DIRECTORY", "/var/cache/pbx"), ("HOME", "/root")][..], Some("/var/cache/pbx")),
            (&[("XDG_CACHE_HOME", "/c"), ("HOME", "/root")], Some("/c/cordboard")),
            (&[("XDG_CACHE_HOME", "relative"), ("HOME", "/root")], Some("/root/.cache/cordboard")),
            (&[("HOME", "")], None),
            (&[], None),
        ] {
            assert_eq!(usual_cache(&environment(variables)), expected.map(PathBuf::from), "{variables:?}");
        }
    }
}

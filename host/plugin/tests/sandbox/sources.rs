//! Goal S13: where components may come from. What is refused is refused before anything is compiled, and never read twice.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cordboard_plugin::{
    CacheSettings, ComponentSettings, LoadError, PluginSettings, Plugins, Source, SourceError, SourceRules,
};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use tempfile::TempDir;

use crate::support::{Tables, chains, component, router};

/// A folder of components with a good one, a cache, and another folder that components must not come from.
struct Place {
    root: TempDir,
    rules: SourceRules,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder for the test");
        let place = Self {
            rules: SourceRules { folders: Some(vec![root.path().join("plugins")]), signers: Vec::new() },
            root,
        };
        for folder in ["plugins", "elsewhere"] {
            fs::create_dir(place.at(folder)).expect("it is made");
            fs::copy(component("test/misbehaving-router"), place.at(folder).join("good.wasm"))
                .expect("it is copied");
        }
        place
    }

    fn at(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(path)
    }

    /// Loads a plugin. What is wrong with it, and how many components were compiled.
    async fn load(&self, source: Source) -> (Option<LoadError>, usize) {
        let cache = self.at("cache");
        let settings = ComponentSettings {
            cache: Some(CacheSettings { folder: cache.clone(), max_bytes: 1 << 30 }),
            rules: self.rules.clone(),
            ..ComponentSettings::default()
        };
        let plugin = PluginSettings { source, ..router("r") };
        let tables = Arc::new(Tables::default());
        let loaded = Plugins::load(&[plugin], chains(&["r"], &[]), tables, &settings).await;
        let (_, mut problems) = loaded.expect("the engine starts");
        (problems.pop().map(|problem| problem.error), fs::read_dir(cache).expect("it is made").count())
    }

    /// Why a path is refused before anything is compiled.
    async fn refused(&self, path: impl Into<PathBuf>) -> LoadError {
        let path = path.into();
        let (error, compiled) = self.load(path.clone().into()).await;
        assert_eq!(compiled, 0, "{}", path.display());
        error.unwrap_or_else(|| panic!("{} is loaded", path.display()))
    }

    async fn loads(&self, source: impl Into<Source>) {
        let (error, compiled) = self.load(source.into()).await;
        assert!(error.is_none() && compiled == 1, "{error:?}");
    }
}

#[tokio::test]
async fn a_component_of_a_plugin_folder_loads_however_its_path_is_written() {
    let place = Place::new();
    place.loads(place.at("plugins/good.wasm")).await;
    place.loads(place.at("plugins/../plugins/./good.wasm")).await;
    symlink(place.at("plugins/good.wasm"), place.at("plugins/current.wasm")).expect("a link can be made");
    place.loads(place.at("plugins/current.wasm")).await;
    symlink(place.at("plugins"), place.at("link")).expect("a link can be made");
    place.loads(place.at("link/good.wasm")).await;
}

#[tokio::test]
async fn a_path_that_leaves_the_plugin_folders_is_refused() {
    let place = Place::new();
    symlink(place.at("elsewhere/good.wasm"), place.at("plugins/link.wasm")).expect("a link can be made");
    symlink(place.at("elsewhere"), place.at("plugins/folder")).expect("a link can be made");
    fs::create_dir(place.at("plugins-too")).expect("it is made");
    fs::copy(place.at("elsewhere/good.wasm"), place.at("plugins-too/good.wasm")).expect("it is copied");
    for path in [
        "plugins/../elsewhere/good.wasm",
        "elsewhere/good.wasm",
        "plugins/link.wasm",
        "plugins/folder/good.wasm",
        "plugins-too/good.wasm",
    ] {
        let error = place.refused(place.at(path)).await;
        assert!(matches!(error, LoadError::Source(SourceError::Outside { .. })), "{path}: {error}");
        assert!(error.to_string().contains("components.folders"), "{error}");
    }
    let error = place.refused("/etc/hostname").await;
    assert!(
        matches!(error, LoadError::Source(SourceError::Outside { .. } | SourceError::Unreadable(_))),
        "{error}"
    );
}

#[tokio::test]
async fn a_path_with_a_nul_or_url_escapes_is_refused() {
    let place = Place::new();
    for path in ["plugins/good.wasm\0.txt", "plugins/%2e%2e/elsewhere/good.wasm", "plugins%2Fgood.wasm"] {
        let error = place.refused(place.at(path)).await;
        assert!(matches!(error, LoadError::Source(SourceError::OddPath { .. })), "{path}: {error}");
    }
}

#[tokio::test]
async fn what_is_no_whole_component_is_refused_before_it_is_compiled() {
    let place = Place::new();
    let whole = fs::read(place.at("plugins/good.wasm")).expect("it is there");
    fs::write(place.at("plugins/half.wasm"), &whole[..whole.len() / 2]).expect("it is written");
    fs::write(place.at("plugins/text.wasm"), "plugins: []").expect("it is written");
    let sparse = fs::File::create(place.at("plugins/huge.wasm")).expect("it is made");
    sparse.set_len(1 << 30).expect("it is made sparse");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        place.at("plugins/pipe.wasm"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .expect("a pipe can be made");
    for (path, says) in [
        ("half.wasm", "goes beyond the end of the file"),
        ("text.wasm", "found a file that begins with \"plugins: []\""),
        ("huge.wasm", "at most 33554432 bytes, found 1073741824"),
        ("pipe.wasm", "no regular file"),
        ("", "no regular file"),
        ("missing.wasm", "No such file"),
    ] {
        let error = place.refused(place.at("plugins").join(path)).await.to_string();
        assert!(error.contains(says), "{path}: {error}");
    }
}

#[tokio::test]
async fn a_pinned_component_is_used_and_another_is_not() {
    let place = Place::new();
    let path = place.at("plugins/good.wasm");
    let pinned = |digest: &str| Source { path: path.clone(), sha256: Some(digest.to_owned()) };
    let (error, compiled) = place.load(pinned(&"0".repeat(64))).await;
    let Some(LoadError::Source(SourceError::OtherDigest { found, .. })) = error else { panic!("{error:?}") };
    assert_eq!(compiled, 0);
    place.loads(pinned(&found)).await;
}

#[tokio::test]
async fn where_signatures_are_demanded_only_signed_components_are_used() {
    let mut place = Place::new();
    let [ours, theirs] = [1, 2].map(|seed| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key"));
    let public = BASE64_STANDARD.encode(ours.public_key());
    place.rules.signers = vec![public.parse().expect("it is a key")];
    let path = place.at("plugins/good.wasm");
    let error = place.refused(&path).await;
    assert!(matches!(error, LoadError::Source(SourceError::Unsigned { .. })), "{error}");

    let bytes = fs::read(&path).expect("it is there");
    let signature = place.at("plugins/good.wasm.sig");
    for bad in [theirs.sign(&bytes).as_ref(), ours.sign(&bytes[1..]).as_ref(), b"", &[0; 64]] {
        fs::write(&signature, bad).expect("it is written");
        let error = place.refused(&path).await;
        assert!(matches!(error, LoadError::Source(SourceError::BadSignature { .. })), "{error}");
    }
    fs::write(&signature, ours.sign(&bytes)).expect("it is written");
    place.loads(path).await;
}

//! From the sources under `plugins/` to components under `target/plugins/`.
//!
//! Cargo makes core modules and knows which of them are still fresh; `wit-component` makes components of them, inside this program. A
//! component file is written only when its content changes, so that nobody who watches the files is woken for nothing.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use wit_component::ComponentEncoder;

use crate::step;
use crate::toolchain::Toolchain;

/// Above this a reference plugin has pulled in something that it should not have.
const LARGEST: usize = 512 << 10;

/// Builds everything under `plugins/`: the reference plugins to `target/plugins/<name>.wasm`, and the guests that only the tests of the
/// sandbox use to `target/plugins/test/<name>.wasm`. Returns the files of the reference plugins.
///
/// # Errors
/// When something does not compile, or is no component for Cordboard.
pub(crate) fn build(toolchain: &Toolchain) -> anyhow::Result<Vec<PathBuf>> {
    let sources = step::root().join("plugins");
    let scratch = step::root().join("target/plugins-build");
    let mut cargo = toolchain.cargo_build();
    cargo.current_dir(&sources).args(["--locked", "--target-dir"]).arg(&scratch);
    // Flags meant for the host, such as those of coverage, do not compile for the sandbox.
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
    step::run("compile the plugins", &mut cargo)?;

    let modules = scratch.join("wasm32-unknown-unknown/release");
    let components = step::root().join("target/plugins");
    encode_all(&sources.join("test-guests"), &modules, &components.join("test"))?;
    encode_all(&sources, &modules, &components)
}

/// Encodes the packages that lie directly under a folder.
fn encode_all(packages: &Path, modules: &Path, components: &Path) -> anyhow::Result<Vec<PathBuf>> {
    fs::create_dir_all(components).with_context(|| format!("cannot make {}", components.display()))?;
    let mut written = Vec::new();
    for name in package_names(packages)? {
        let module = modules.join(format!("{}.wasm", name.replace('-', "_")));
        let component = components.join(format!("{name}.wasm"));
        encode(&module, &component).with_context(|| format!("plugin {name}"))?;
        written.push(component);
    }
    Ok(written)
}

/// Names of the packages in the folders under `directory`, in order.
fn package_names(directory: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    let entries = fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let manifest = entry?.path().join("Cargo.toml");
        let Ok(text) = fs::read_to_string(&manifest) else { continue };
        let name = text.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
        names.push(
            name.with_context(|| format!("{} has no line `name = \"...\"`", manifest.display()))?.to_owned(),
        );
    }
    names.sort();
    Ok(names)
}

fn encode(module: &Path, component: &Path) -> anyhow::Result<()> {
    let core = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    let encoded = ComponentEncoder::default().validate(true).module(&core)?.encode()?;
    if encoded.len() > LARGEST {
        bail!("expected a component of at most {LARGEST} bytes, found {} bytes", encoded.len());
    }
    if fs::read(component).is_ok_and(|present| present == encoded) {
        return Ok(());
    }
    // Written beside and renamed, so that a running host never reads half a file.
    let beside = component.with_extension("wasm.part");
    fs::write(&beside, &encoded).with_context(|| format!("cannot write {}", beside.display()))?;
    fs::rename(&beside, component).with_context(|| format!("cannot rename to {}", component.display()))?;
    println!("    {} ({} KiB)", component.display(), encoded.len().div_ceil(1024));
    Ok(())
}

//! `cordboard plugin build`: from the sources of a project to `dist/NAME.wasm`.
//!
//! Each language has its own compiler and its own flags that keep WASI out; they stand here and nowhere else. What a compiler leaves as a
//! core module becomes a component inside this program, with `wit-component`, and the bindings for C are made inside it, with
//! `wit-bindgen`, so that an author installs a compiler and nothing more.

mod c;
mod javascript;
mod python;
mod rust;
mod tool;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use wit_component::ComponentEncoder;

use super::project::{FILE, Language, Project};

/// What to build.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The project: a folder with cordboard-plugin.json.
    #[arg(default_value = ".")]
    folder: PathBuf,
}

/// A project on its way to a component.
struct Build {
    project: Project,
    /// The folder of the project, absolute.
    folder: PathBuf,
    /// The folder `wit/1.0` of the project, or of what it lies in.
    wit: PathBuf,
}

/// Builds, and says what was made.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let build = Build::of(&options.folder)?;
    fs::create_dir_all(build.folder.join("dist")).context("cannot make the folder dist")?;
    let component = match build.project.language {
        Language::Rust => rust::build(&build)?,
        Language::JavaScript => javascript::build(&build)?,
        Language::Python => python::build(&build)?,
        Language::C => c::build(&build)?,
    };
    let output = build.output();
    replace(&output, &component)?;
    copy_samples(&build.folder)?;
    let kib = component.len().div_ceil(1024);
    crate::say(&format!("{}: {} ({kib} KiB)", build.project.kind, output.display()));
    Ok(())
}

impl Build {
    fn of(folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join(FILE);
        let text = fs::read_to_string(&file).with_context(|| {
            format!(
                "expected a project with the file {}; begin one with `cordboard plugin new`",
                file.display()
            )
        })?;
        let project: Project = serde_json::from_str(&text)
            .with_context(|| format!("{} does not say name, language and kind", file.display()))?;
        let folder = folder.canonicalize().with_context(|| format!("cannot open {}", folder.display()))?;
        let wit = folder.ancestors().map(|ancestor| ancestor.join("wit/1.0")).find(|wit| wit.is_dir());
        let Some(wit) = wit else {
            bail!(
                "expected the folder wit/1.0 in {} or above it, found none; `cordboard plugin new` writes it into every project",
                folder.display()
            );
        };
        Ok(Self { project, folder, wit })
    }

    fn output(&self) -> PathBuf {
        self.folder.join("dist").join(format!("{}.wasm", self.project.name))
    }

    /// Where a compiler writes before the result is known to be whole.
    fn scratch(&self) -> PathBuf {
        self.output().with_extension("wasm.part")
    }

    /// Takes what a compiler wrote to [`Self::scratch`].
    fn take_scratch(&self) -> anyhow::Result<Vec<u8>> {
        let scratch = self.scratch();
        let bytes = fs::read(&scratch).with_context(|| {
            format!("the compiler said that all is well, but wrote no {}", scratch.display())
        })?;
        fs::remove_file(&scratch).with_context(|| format!("cannot remove {}", scratch.display()))?;
        Ok(bytes)
    }
}

/// Makes a component of a core module that carries the types of its world.
fn encode(module: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(module).context("the compiled module carries no types of the interface")?;
    encoder.encode().context(
        "the compiled module does not fit to the interface; does the plugin export what its kind needs, and import nothing else?",
    )
}

/// Puts the samples beside the component, where `validate` and the host look for them.
fn copy_samples(folder: &Path) -> anyhow::Result<()> {
    let (from, to) = (folder.join("samples"), folder.join("dist/samples"));
    if to.is_dir() {
        fs::remove_dir_all(&to).with_context(|| format!("cannot empty {}", to.display()))?;
    }
    if !from.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(&from).with_context(|| format!("cannot read {}", from.display()))? {
        let file = entry.context("the folder samples cannot be read")?.path();
        let Some(name) = file.file_name().filter(|_| file.extension().is_some_and(|kind| kind == "json"))
        else {
            continue;
        };
        fs::copy(&file, to.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    Ok(())
}

/// Writes beside and renames, so that a host that watches the file never reads half of it; an unchanged file is left alone.
fn replace(output: &Path, component: &[u8]) -> anyhow::Result<()> {
    if fs::read(output).is_ok_and(|present| present == component) {
        return Ok(());
    }
    let beside = output.with_extension("wasm.new");
    fs::write(&beside, component).with_context(|| format!("cannot write {}", beside.display()))?;
    fs::rename(&beside, output).with_context(|| format!("cannot rename to {}", output.display()))
}

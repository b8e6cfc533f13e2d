//! `cordboard plugin new`: from nothing to a folder that builds.
//!
//! Everything that the project needs of ours is in the binary and is written into the folder: the WIT files, the SDK of the language and the
//! template. There is no package of the SDK in a registry that could differ from the host, none that has to be reached, and the
//! author reads in the folder what the plugin is compiled with. The folders `wit` and `sdk` lie as in our repository, so that their
//! paths are the same in both.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::embedded::{self, File};
use super::project::{FILE, Language, Project, World, checked_name};

/// What to begin.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// What to write it in.
    #[arg(long, value_enum)]
    lang: Language,
    /// What it decides.
    #[arg(long, value_enum)]
    kind: World,
    /// Name of the plugin, and of the folder that is made in the current one.
    #[arg(value_parser = checked_name)]
    name: String,
}

/// Writes the project, and says what to do next.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let folder = PathBuf::from(&options.name);
    if folder.exists() {
        bail!(
            "expected no file or folder {}, found one; choose another name, or remove it",
            folder.display()
        );
    }
    let project = Project { name: options.name.clone(), language: options.lang, kind: options.kind };
    write_project(&folder, &project)?;
    crate::say(&format!(
        "{} holds a plugin ({} in {}); its README.md says what is where. Next:\n\n    cd {}\n    cordboard plugin build",
        folder.display(),
        project.kind,
        project.language.as_str(),
        folder.display()
    ));
    Ok(())
}

fn write_project(folder: &Path, project: &Project) -> anyhow::Result<()> {
    for File { path, text } in embedded::WIT.iter().chain(embedded::sdk(project.language)) {
        write(&folder.join(path), text)?;
    }
    for (path, text) in template(project) {
        write(&folder.join(path), &filled(text, project))?;
    }
    let json = serde_json::to_string_pretty(project).context("the project file cannot be written as JSON")?;
    write(&folder.join(FILE), &format!("{json}\n"))
}

/// The files of the template, with their places in the project: those of every kind, and those of this one.
fn template(project: &Project) -> impl Iterator<Item = (&'static str, &'static str)> {
    let folders = [
        format!("sdk/templates/{}/common/", project.language.as_str()),
        format!("sdk/templates/{}/{}/", project.language.as_str(), project.kind),
    ];
    embedded::TEMPLATES.iter().filter_map(move |file| {
        folders.iter().find_map(|folder| Some((file.path.strip_prefix(folder.as_str())?, file.text)))
    })
}

/// The places of a template are `{{name}}`, `{{kind}}` and `{{library}}` (the name as a Rust library).
fn filled(text: &str, project: &Project) -> String {
    text.replace("{{name}}", &project.name)
        .replace("{{kind}}", project.kind.as_str())
        .replace("{{library}}", &project.name.replace('-', "_"))
}

/// Files whose names would have an effect in our own repository are kept there under another one.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let path = match path.file_name().and_then(|name| name.to_str()) {
        Some("gitignore") => path.with_file_name(".gitignore"),
        _ => path.to_owned(),
    };
    let folder = path.parent().context("a file of a project lies in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

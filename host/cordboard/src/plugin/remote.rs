//! `cordboard plugin list`, `reload` and `rollback`: asks the management interface of a running PBX.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use cordboard_api::management::{IdentityView, PluginView, Problem, ReloadView, RollbackView};
use cordboard_model::Secret;
use serde::de::DeserializeOwned;

use crate::config::Config;

/// How long the other side may take. Compiling a large component takes half a minute.
const PATIENCE: Duration = Duration::from_secs(120);

/// Largest answer that is read.
const MAX_ANSWER: u64 = 64 << 20;

/// Which running PBX.
#[derive(clap::Args)]
pub(crate) struct Place {
    /// Its configuration file, which says where its management interface is and with which key.
    #[arg(long, short, env = "CORDBOARD_CONFIG", default_value = "config/cordboard.yaml")]
    config: PathBuf,
    /// Address of the interface, when it is another one than in the file.
    #[arg(long, env = "CORDBOARD_API")]
    api: Option<SocketAddr>,
    /// Print JSON, in the shape of the interface.
    #[arg(long)]
    json: bool,
}

/// What to reload.
#[derive(clap::Args)]
pub(crate) struct ReloadOptions {
    /// Name of the plugin in the configuration.
    name: String,
    /// Take a file that was rolled back, and one that fails recorded questions.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    place: Place,
}

/// What to roll back.
#[derive(clap::Args)]
pub(crate) struct RollbackOptions {
    /// Name of the plugin in the configuration.
    name: String,
    #[command(flatten)]
    place: Place,
}

/// Tells every plugin.
pub(crate) fn list(place: &Place) -> anyhow::Result<()> {
    let answer = Remote::of(place)?.ask("GET", "/api/plugins", "")?;
    tell(place, &answer, |plugins: Vec<PluginView>| {
        let head = ["NAME", "STATE", "GENERATION", "VERSION", "DIGEST", "ASKED", "FAILED", "BESIDE IT"];
        let rows = plugins.iter().map(row);
        table(std::iter::once(head.map(ToOwned::to_owned)).chain(rows).collect())
    })
}

/// Reloads a plugin, and tells what would be decided otherwise.
pub(crate) fn reload(options: &ReloadOptions) -> anyhow::Result<()> {
    let path = format!("/api/plugins/{}/reload", options.name);
    let body = if options.force { r#"{"force": true}"# } else { "" };
    let answer = Remote::of(&options.place)?.ask("POST", &path, body)?;
    tell(&options.place, &answer, |done: ReloadView| reload_text(&options.name, &done))
}

/// Rolls a plugin back.
pub(crate) fn roll_back(options: &RollbackOptions) -> anyhow::Result<()> {
    let path = format!("/api/plugins/{}/rollback", options.name);
    let answer = Remote::of(&options.place)?.ask("POST", &path, "")?;
    tell(&options.place, &answer, |done: RollbackView| {
        let (now, before) = (shown(&done.serving), shown(&done.given_up));
        format!("{}: {now} answers again; {before} was given up", options.name)
    })
}

fn tell<T: DeserializeOwned>(
    place: &Place,
    answer: &str,
    text: impl FnOnce(T) -> String,
) -> anyhow::Result<()> {
    if place.json {
        crate::say(answer);
        return Ok(());
    }
    let read = serde_json::from_str(answer);
    crate::say(&text(
        read.context("the answer is not what this version understands; use the same version on both sides")?,
    ));
    Ok(())
}

fn row(plugin: &PluginView) -> [String; 8] {
    let serving = |part: fn(&IdentityView) -> String| plugin.serving.as_ref().map_or("-".to_owned(), part);
    let state = match &plugin.probation {
        Some(_) => format!("{}, on probation", plugin.state),
        None => plugin.state.clone(),
    };
    let beside = plugin.candidate.as_ref().map_or("-".to_owned(), |candidate| {
        let share = candidate.percent.map(|percent| format!(" {percent} %")).unwrap_or_default();
        let (differing, compared) = (candidate.differing, candidate.compared);
        match candidate.mode.as_str() {
            "shadow" => format!("shadow {} ({differing} of {compared} differ)", candidate.identity.version),
            mode => format!("{mode}{share} {}", candidate.identity.version),
        }
    });
    [
        plugin.name.clone(),
        state,
        serving(|identity| identity.generation.to_string()),
        serving(|identity| identity.version.clone()),
        serving(|identity| short(&identity.digest).to_owned()),
        plugin.calls.to_string(),
        plugin.failures.values().sum::<u64>().to_string(),
        beside,
    ]
}

/// Columns as wide as their widest entry.
fn table<const N: usize>(rows: Vec<[String; N]>) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn reload_text(name: &str, done: &ReloadView) -> String {
    let now = shown(&done.serving);
    let mut lines = match (&done.before, done.changed) {
        (_, false) => {
            vec![format!("{name}: nothing to do, file and settings are those that answer already ({now})")]
        }
        (Some(before), true) => vec![format!("{name}: {now} answers instead of {}", shown(before))],
        (None, true) => vec![format!("{name}: {now} answers")],
    };
    if let Some(rehearsal) = done.rehearsal.as_ref().filter(|rehearsal| rehearsal.tally.asked > 0) {
        let (asked, failed, differing) = (rehearsal.tally.asked, rehearsal.tally.failed, rehearsal.differing);
        lines.push(format!(
            "of the last {asked} questions it decides {differing} otherwise and fails {failed}"
        ));
        for example in &rehearsal.examples {
            for difference in &example.differences {
                let field = if difference.field.is_empty() { "answer" } else { &difference.field };
                lines.push(format!(
                    "  {} {field}: {} instead of {}",
                    example.kind, difference.after, difference.before
                ));
            }
        }
    }
    lines.extend(done.candidate_problem.iter().cloned());
    lines.join("\n")
}

fn shown(identity: &IdentityView) -> String {
    format!(
        "generation {} ({} {}, {})",
        identity.generation,
        identity.plugin,
        identity.version,
        short(&identity.digest)
    )
}

/// What people compare.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// The management interface of a running PBX.
struct Remote {
    address: SocketAddr,
    key: Option<Secret<String>>,
}

impl Remote {
    fn of(place: &Place) -> anyhow::Result<Self> {
        let config = Config::load(&place.config, &crate::environment())?;
        let Some(address) = place.api.or(config.api.listen) else {
            bail!("expected a management interface, but api.listen is off in {}", place.config.display());
        };
        Ok(Self { address, key: config.api.key })
    }

    /// The body of a good answer.
    fn ask(&self, method: &str, path: &str, body: &str) -> anyhow::Result<String> {
        let address = self.address;
        let reached =
            || format!("nobody answers at {address}; is the PBX running, and is this its api.listen?");
        let mut stream = TcpStream::connect(address).with_context(reached)?;
        stream.set_read_timeout(Some(PATIENCE)).context("a socket cannot wait")?;
        let key = self.key.as_ref().map(|key| format!("Authorization: Bearer {}\r\n", key.reveal()));
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{}Content-Length: {}\r\nConnection: close\r\n\r\n",
            key.unwrap_or_default(),
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).with_context(reached)?;
        let mut answer = String::new();
        stream.take(MAX_ANSWER).read_to_string(&mut answer).with_context(reached)?;
        let (head, body) = answer.split_once("\r\n\r\n").with_context(reached)?;
        let status = head.split(' ').nth(1).unwrap_or_default();
        if status == "200" {
            return Ok(body.to_owned());
        }
        match serde_json::from_str::<Problem>(body) {
            Ok(problem) => bail!("{}: {}", problem.title, problem.detail),
            Err(_) => bail!("{address} answered {status}; is this the api.listen of a PBX?"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_entry() {
        let rows = [["a", "state"], ["longer", "x"]].map(|row| row.map(ToOwned::to_owned));
        assert_eq!(table(rows.to_vec()), "a       state\nlonger  x");
    }
}

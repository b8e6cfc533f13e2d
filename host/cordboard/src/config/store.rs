//! The sections `store` and `journal`: where the host remembers things, and what of decisions.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cordboard_store::{PersonalData, Retention};

use super::Environment;
use super::section::Section;
use super::value;

/// The name of the file in the folder of state.
const FILE_NAME: &str = "cordboard.db";

/// What is kept of decisions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct JournalConfig {
    /// How many, for how long.
    pub(crate) retention: Retention,
    /// What becomes of numbers and names.
    pub(crate) personal_data: PersonalData,
}

/// Reads `store`: the file, or `None` when nothing is to be remembered. Paths are relative to `folder`, that of the configuration.
pub(super) fn read_store(section: Section<'_>, folder: &Path, environment: &Environment) -> Option<PathBuf> {
    let path = match section.optional("path", value::or_off(value::text)) {
        None => Some(usual_file(folder, environment)),
        Some(written) => written.map(|path| folder.join(path)),
    };
    section.finish();
    path
}

/// In the folder that systemd gives a service, or that a container names; else beside the configuration, so that two hosts on one machine
/// do not meet in one file.
fn usual_file(folder: &Path, environment: &Environment) -> PathBuf {
    let given = environment.get("STATE_DIRECTORY").map(PathBuf::from).filter(|path| path.is_absolute());
    given.unwrap_or_else(|| folder.join(".cordboard")).join(FILE_NAME)
}

/// Reads `journal`.
pub(super) fn read_journal(section: Section<'_>) -> JournalConfig {
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let ages = Duration::from_secs(60)..=hours(87_600);
    let words = [PersonalData::Keep, PersonalData::Hash, PersonalData::Drop].map(|way| (way.as_str(), way));
    let journal = JournalConfig {
        retention: Retention {
            max_age: section.value("retention", hours(168), value::duration(ages)),
            max_rows: section.value("max_rows", 100_000, value::number(1..=1_000_000_000)),
        },
        personal_data: section.value("personal_data", PersonalData::Keep, value::word(&words)),
    };
    section.finish();
    journal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_lies_where_the_service_keeps_its_state_else_beside_the_configuration() {
        for (given, expected) in [
            (Some("/var/lib/pbx"), "/var/lib/pbx/cordboard.db"),
            (Some("relative"), "/etc/pbx/.cordboard/cordboard.db"),
            (None, "/etc/pbx/.cordboard/cordboard.db"),
        ] {
            let environment: Environment =
                given.map(|path| ("STATE_DIRECTORY".to_owned(), path.to_owned())).into_iter().collect();
            assert_eq!(usual_file(Path::new("/etc/pbx"), &environment), Path::new(expected), "{given:?}");
        }
    }
}

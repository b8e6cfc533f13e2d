//! Whether one server of a trunk is up, with hysteresis: one lost packet takes no server out, and one lucky answer brings
//! none back.

use super::settings::TrunkHealth;

/// What was found out about a server. It counts as up until the contrary is known, so that calls go out at once after a start.
#[derive(Debug)]
pub(super) struct Health {
    up: bool,
    /// Findings in a row that say the contrary.
    contrary: u32,
}

impl Health {
    pub(super) fn new() -> Self {
        Self { up: true, contrary: 0 }
    }

    pub(super) fn is_up(&self) -> bool {
        self.up
    }

    /// The last finding said the contrary of what counts.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.contrary > 0
    }

    /// Takes a finding.
    pub(super) fn note(&mut self, well: bool, settings: &TrunkHealth) {
        if well == self.up {
            self.contrary = 0;
            return;
        }
        self.contrary += 1;
        let needed = if self.up { settings.failures } else { settings.successes };
        if self.contrary >= needed {
            *self = Self { up: well, contrary: 0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_findings_in_a_row_change_what_counts() {
        let settings = TrunkHealth { interval: Duration::from_secs(30), failures: 3, successes: 2 };
        for (findings, up) in [
            ("", true),
            ("--", true),
            ("---", false),
            ("--+--", true),
            ("---+", false),
            ("---+-+", false),
            ("---++", true),
            ("---++--", true),
        ] {
            let mut health = Health::new();
            findings.chars().for_each(|finding| health.note(finding == '+', &settings));
            assert_eq!(health.is_up(), up, "{findings}");
        }
    }
}

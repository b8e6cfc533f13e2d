//! `cargo xtask deny`: licences, advisories, sources and banned crates, by the rules in `deny.toml`.
use anyhow::bail;

use crate::step::{self, cargo};

pub(crate) fn run() -> anyhow::Result<()> {
    if !step::works(cargo().args(["deny", "--version"])) {
        bail!("this check needs cargo-deny. Install it once: cargo install --locked cargo-deny");
    }
    step::run("licences, advisories, sources", cargo().args(["deny", "--workspace", "--locked", "check"]))
}

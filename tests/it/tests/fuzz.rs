//! The check of the fuzz target for the whole call core, on stored scripts and on generated ones (goal M3).

use std::path::PathBuf;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha12Rng;

#[path = "../../fuzz/checks/core/mod.rs"]
mod checks;

#[test]
fn stored_scripts_hold() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../data/fuzz/core");
    let mut inputs = 0;
    for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        checks::core(&std::fs::read(entry.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0, "{} has no inputs", folder.display());
}

fn run_all(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        let mut script = vec![0; rng.random_range(20..600)];
        rng.fill_bytes(&mut script);
        let outcome = std::panic::catch_unwind(|| checks::core(&script));
        assert!(outcome.is_ok(), "seed {seed}; the reason stands above");
    }
}

#[test]
fn whatever_peers_and_plugins_say_every_invite_is_answered_once_and_nothing_is_left() {
    run_all(0..300);
}

#[test]
#[ignore = "takes minutes; run it by name after a change of the call core, or `cargo xtask fuzz core`"]
fn a_hundred_thousand_scripts() {
    run_all(0..100_000);
}

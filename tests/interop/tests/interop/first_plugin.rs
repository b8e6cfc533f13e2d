//! `examples/first-plugin/README.md` does what it says: its commands are run as they stand, and then the call is made.

use std::path::Path;
use std::process::Command;

use cordboard_interop::{Pbx, Scenario, Sipp, Stage, Transport, free_ports};

use crate::calls::registered_callee;

/// The commands of the blocks ```` ```sh ````, and those of the block that runs the PBX.
fn commands(readme: &str) -> (String, String) {
    let (mut setup, mut run) = (String::new(), String::new());
    let mut block: Option<bool> = None;
    for line in readme.lines() {
        match (block, line) {
            (None, "```sh") => block = Some(false),
            (None, "```sh run") => block = Some(true),
            (Some(_), "```") => block = None,
            (Some(is_run), line) => {
                let text = if is_run { &mut run } else { &mut setup };
                text.push_str(line);
                text.push('\n');
            }
            (None, _) => {}
        }
    }
    (setup, run)
}

#[test]
fn the_path_from_nothing_to_a_routed_call_works_as_written() {
    let stage = Stage::new("the_path_from_nothing_to_a_routed_call_works_as_written");
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/first-plugin/README.md");
    let readme = std::fs::read_to_string(readme).expect("the README is there");
    let (setup, run) = commands(&readme);
    assert!(setup.contains("plugin new") && setup.contains("plugin build") && run.contains("cordboard run"));
    let mut shell = Command::new("sh");
    shell.arg("-ec").arg(&setup).current_dir(stage.folder()).env("PATH", Pbx::path());
    let output = shell.output().expect("there is a shell");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "the commands of the README fail:\n{}", String::from_utf8_lossy(&said));

    let pbx = Pbx::run_by_shell(&stage, &stage.folder().join("my-team"), &run);
    let [ours, theirs] = free_ports(2).try_into().expect("two were asked for and given");
    let answering = Scenario::new("callee_is_hung_up").with("ring_ms", 100);
    let mut callee = registered_callee(&stage, &pbx, "1002", &answering, theirs);
    let calling = Scenario::new("caller_hangs_up").with("talk_ms", 300).with("from", 1003);
    Sipp::start(&stage, "1003", &calling, Transport::Udp, ours, pbx.sip(), "100").succeeds();
    callee.succeeds();
}

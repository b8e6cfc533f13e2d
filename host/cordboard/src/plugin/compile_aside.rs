//! The process that compiles one component for the host, and disturbs nobody.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;

use cordboard_plugin::{Aside, precompile, read_component};
use rustix::process::{Resource, Rlimit, setpriority_process, setrlimit};

/// Address space. The largest components that we know take 450 MiB, and the allocator reserves a GiB that it does not use.
const MAX_MEMORY_BYTES: u64 = 3 << 30;

/// CPU time. The largest components that we know take 20 s.
const MAX_CPU_S: u64 = 180;

/// The lowest priority: what is left over when nobody else wants to compute.
const LOWEST_PRIORITY: i32 = 19;

/// The kernel takes this process first when memory is short, and never the one that carries calls.
const FIRST_TO_GO: &str = "1000";

/// Compiles what stands on standard input, as [`cordboard_plugin::Aside`] describes it, to standard output.
pub(super) fn run() -> ExitCode {
    match compile() {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(wrong)) => {
            crate::complain(&wrong);
            ExitCode::from(Aside::REFUSED)
        }
        Err(error) => {
            crate::complain(&format!("the compiler failed: {error}"));
            ExitCode::from(crate::EXIT_FAILURE)
        }
    }
}

/// `Ok(Err(...))` says what is wrong with the component.
fn compile() -> io::Result<Result<(), String>> {
    stand_back()?;
    let component = read_component(&mut io::stdin())?;
    std::thread::Builder::new().spawn(end_with_the_host)?;
    match precompile(&component) {
        Ok(code) => {
            let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
            output.write_all(&code).map(Ok)
        }
        Err(wrong) => Ok(Err(wrong)),
    }
}

/// Takes the last place, and bounds what the compiler may use.
fn stand_back() -> io::Result<()> {
    setpriority_process(None, LOWEST_PRIORITY)?;
    // A system that does not let us say so is no reason not to compile.
    let _ = fs::write("/proc/self/oom_score_adj", FIRST_TO_GO);
    for (resource, most) in
        [(Resource::As, MAX_MEMORY_BYTES), (Resource::Cpu, MAX_CPU_S), (Resource::Core, 0)]
    {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// The host closes our input when it has what it wants, or when it is gone.
fn end_with_the_host() {
    let _ = io::stdin().read(&mut [0]);
    std::process::exit(i32::from(crate::EXIT_FAILURE));
}

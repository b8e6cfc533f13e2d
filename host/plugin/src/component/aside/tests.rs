//! Compilers that misbehave: small shell scripts in their place.

use std::io::Seek as _;

use super::*;

fn script(text: &str, time_limit: Duration) -> Aside {
    Aside { program: "/bin/sh".into(), arguments: vec!["-c".into(), text.into()], time_limit }
}

/// What comes of a script, and what it wrote.
async fn run(text: &str) -> (Result<(), LoadError>, Vec<u8>) {
    let mut output = tempfile::tempfile().expect("a file for the output");
    let given = output.try_clone().expect("its handle is copied");
    // More than a pipe holds.
    let result = script(text, Duration::from_secs(60)).compile(&vec![7; 300_000], given).await;
    let mut written = Vec::new();
    output.rewind().expect("a file has a begin");
    output.read_to_end(&mut written).expect("it can be read");
    (result, written)
}

#[tokio::test]
async fn the_compiler_gets_the_component_and_writes_to_the_file() {
    let (result, written) = run("head -c 300008").await;
    result.expect("it ends well");
    let component = read_component(&mut written.as_slice()).expect("all of it came");
    assert_eq!(component, vec![7; 300_000]);
}

#[tokio::test]
async fn a_compiler_that_refuses_says_what_is_wrong_with_the_component() {
    let (result, _) = run("echo 'type 7 is missing' >&2; exit 65").await;
    let error = result.expect_err("it is refused");
    assert!(matches!(&error, LoadError::Damaged { detail } if detail == "type 7 is missing"), "{error}");
}

#[tokio::test]
async fn a_compiler_that_dies_is_told_with_how_and_its_last_words() {
    for (text, says) in [
        ("echo 'memory allocation of 64 bytes failed' >&2; kill -ABRT $$", "SIGABRT"),
        ("head -c 100000 /dev/zero >&2; exit 1", "exit status: 1"),
    ] {
        let (result, _) = run(text).await;
        let told = result.expect_err("it died").to_string();
        assert!(told.contains("the compiler failed") && told.contains(says), "{told}");
        assert!(told.len() < 5_000, "{}", told.len());
    }
}

#[tokio::test]
async fn a_compiler_that_is_not_there_is_told() {
    let nowhere = Aside { program: "/nowhere/cordboard".into(), ..script("", Duration::from_secs(1)) };
    let output = tempfile::tempfile().expect("a file for the output");
    let told = nowhere.compile(b"", output).await.expect_err("there is none").to_string();
    assert!(told.contains("cannot be started"), "{told}");
}

#[tokio::test]
async fn a_compiler_that_never_ends_is_ended() {
    let output = tempfile::tempfile().expect("a file for the output");
    let endless = script("echo $$ >&1; exec sleep 3600", Duration::from_millis(500));
    let mut told = output.try_clone().expect("its handle is copied");
    let error = endless.compile(b"", output).await.expect_err("it takes too long");
    assert!(matches!(error, LoadError::Compile(CompileError::TooLong { .. })), "{error}");
    let mut id = String::new();
    told.rewind().expect("a file has a begin");
    told.read_to_string(&mut id).expect("it can be read");
    let stat = std::path::Path::new("/proc").join(id.trim()).join("stat");
    assert!(!id.trim().is_empty() && !stat.exists(), "process {id} lives");
}

#[test]
fn a_component_that_is_announced_too_large_or_cut_is_not_read() {
    for input in [u64::MAX.to_le_bytes().to_vec(), [&3_u64.to_le_bytes()[..], b"ab"].concat(), vec![1, 2]] {
        assert!(read_component(&mut input.as_slice()).is_err(), "{input:?}");
    }
}

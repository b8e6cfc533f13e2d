//! A process that is killed while it writes, and a disk that fills up: each in a process of its own, which is this test binary again.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use cordboard_model::CallId;
use cordboard_store::{
    DecidedBy, Decision, DecisionFilter, PageRequest, PersonalData, Record, Retention, Sqlite, Store, Writer,
    WriterSettings,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Names the file to the processes that the tests start.
const FILE: &str = "CORDBOARD_TEST_STORE";

const PATIENCE: Duration = Duration::from_secs(60);

fn decision(number: u64) -> Record {
    Record::Decision(Box::new(Decision {
        at_ms: number,
        call_id: Some(CallId::from_bits(number.into())),
        kind: "routing".into(),
        question: format!("\"{}\"", "q".repeat(2000)),
        answer: "{}".into(),
        by: DecidedBy::Fallback,
        why: String::new(),
        elapsed_us: 1,
        trace: Vec::new(),
        personal_data: PersonalData::Keep,
    }))
}

/// Every number that is in the file.
fn numbers(file: &Path) -> Vec<u64> {
    let store = Sqlite::open_to_read(file).expect("it is sound");
    let mut request = PageRequest::oldest(1000);
    let mut numbers = Vec::new();
    loop {
        let page = store.decisions(&DecisionFilter::default(), &request).expect("it is read");
        numbers.extend(page.entries.iter().map(|stored| stored.entry.at_ms));
        match page.next {
            Some(next) => request = request.behind(Some(next)),
            None => return numbers,
        }
    }
}

/// Starts a test of this file that is ignored otherwise. The signal of a file that grows too large is ignored in it, so that it gets an
/// error as from a disk.
fn start(test: &str, file: &Path) -> Child {
    let binary = std::env::current_exe().expect("it runs");
    Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(binary)
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(FILE, file)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts")
}

fn file_of_parent() -> std::path::PathBuf {
    std::env::var_os(FILE).expect("it is started by another test").into()
}

#[test]
fn what_was_committed_outlives_a_kill_in_the_middle_of_writing() {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let file = folder.path().join("cordboard.db");
    let mut there = 0;
    for round in 1..=5 {
        let mut child = start("writes_until_it_is_killed", &file);
        let said = BufReader::new(child.stdout.take().expect("it is piped"));
        let committed: Vec<u64> = said
            .lines()
            .map_while(Result::ok)
            .filter_map(|line| line.strip_prefix("committed ")?.parse().ok())
            // Not at the same place every time.
            .take(3 * round)
            .collect();
        child.kill().expect("it lives");
        child.wait().expect("it is our child");
        let last = *committed.last().expect("it wrote something");
        let found = numbers(&file);
        assert!(found.len() as u64 > last, "{} of {last}", found.len());
        assert!(found.iter().copied().eq(0..found.len() as u64), "without a gap, in order");
        assert!(found.len().is_multiple_of(10), "whole transactions only");
        assert!(found.len() > there);
        there = found.len();
    }
}

/// Writes ten at a time and says so after each ten.
#[test]
#[ignore = "started and killed by another test"]
fn writes_until_it_is_killed() {
    let file = file_of_parent();
    let store = Sqlite::new(&file);
    store.append(&[]).expect("it opens");
    let first = numbers(&file).len() as u64;
    for batch in 0.. {
        let from = first + 10 * batch;
        let records: Vec<Record> = (from..from + 10).map(decision).collect();
        store.append(&records).expect("it is written");
        say(&format!("committed {}", from + 9));
    }
}

#[test]
fn a_disk_that_fills_up_keeps_nobody_waiting_and_gets_everything_later() {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let file = folder.path().join("cordboard.db");
    let output = start("writes_to_a_small_disk", &file).wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("was full, is well"), "{said}");
    assert_eq!(numbers(&file), (0..1000).collect::<Vec<_>>());
}

#[test]
#[ignore = "started by another test"]
fn writes_to_a_small_disk() {
    let maximum = getrlimit(Resource::Fsize).maximum;
    let limit = |current| setrlimit(Resource::Fsize, Rlimit { current, maximum }).expect("it may");
    limit(Some(512 << 10));
    let journal = Retention { max_age: PATIENCE, max_rows: u64::MAX };
    let settings = WriterSettings { capacity: 2000, journal, clock: || 0 };
    let store = Arc::new(Sqlite::new(&file_of_parent()));
    let writer = Writer::start(store, settings, |number| Some(decision(number))).expect("a thread starts");
    (0..1000).for_each(|number| writer.keep(number));
    for _ in 0..PATIENCE.as_millis() / 10 {
        if writer.figures().problem.is_some() {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    let figures = writer.figures();
    assert!(figures.problem.is_some(), "{figures:?}");
    limit(maximum);
    assert!(writer.flush(PATIENCE), "{:?}", writer.figures());
    let figures = writer.figures();
    assert_eq!((figures.lost, figures.written, figures.problem), (0, 1000, None));
    say("was full, is well");
}

#[expect(clippy::print_stdout, reason = "it is what the parent reads")]
fn say(line: &str) {
    println!("{line}");
}

//! CPU time that the journal costs per decision: handing over, serialising and writing, all threads together.
//!
//! `cargo bench -p cordboard-store --bench journal` prints the process's CPU time, which neighbours on the machine disturb less than wall
//! time. Goal: under 10 us per decision.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::sync::Arc;
use std::time::Duration;

use cordboard_model::{
    CallFacts, CallId, Dial, Party, RouteDecision, RouteQuestion, RouteReason, Strategy, Target,
    TargetAddress,
};
use cordboard_store::{
    Asked, DecidedBy, Decision, Outcome, PersonalData, PluginVersion, Record, Retention, Sqlite, Writer,
    WriterSettings,
};

/// Decisions of one measurement, in bursts that fit into the queue.
const BURSTS: u32 = 50;
const BURST: u32 = 2000;

const PATIENCE: Duration = Duration::from_secs(60);

type Taken = (RouteQuestion, RouteDecision);

fn main() {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let store = Arc::new(Sqlite::new(&folder.path().join("cordboard.db")));
    let journal = Retention { max_age: PATIENCE, max_rows: u64::MAX };
    let settings = WriterSettings { capacity: BURST as usize, journal, clock: || 0 };
    let writer =
        Writer::start(store, settings, |taken: Box<Taken>| Some(record(&taken))).expect("a thread starts");
    let taken = (question(), dial());
    burst(&writer, &taken);
    let begin = cpu_time();
    (0..BURSTS).for_each(|_| burst(&writer, &taken));
    let written = cpu_time() - begin;
    // Making the copies is not the journal's doing: whoever decides has them already.
    let begin = cpu_time();
    for _ in 0..BURSTS * BURST {
        drop(std::hint::black_box(Box::new(taken.clone())));
    }
    let copied = cpu_time() - begin;
    assert_eq!(writer.figures().lost, 0);
    let per_decision = us(written.saturating_sub(copied)) / f64::from(BURSTS * BURST);
    println!("journal    {per_decision:>8.2} us of CPU per decision (goal: under 10)");
}

fn burst(writer: &Writer<Box<Taken>>, taken: &Taken) {
    for number in 0..BURST {
        let mut taken = Box::new(taken.clone());
        // As random as the ids of calls are: they are indexed.
        let bits = u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        taken.0.call.call_id = CallId::from_bits(bits);
        writer.keep(taken);
    }
    assert!(writer.flush(PATIENCE));
}

/// As the binary makes it.
fn record((question, decision): &Taken) -> Record {
    let json = |text: serde_json::Result<String>| text.expect("it is JSON");
    Record::Decision(Box::new(Decision {
        at_ms: question.call.now_ms,
        call_id: Some(question.call.call_id),
        kind: "routing".to_owned(),
        question: json(serde_json::to_string(question)),
        answer: json(serde_json::to_string(decision)),
        by: DecidedBy::Plugin(PluginVersion {
            name: "route-by-extension".to_owned(),
            version: "1.0.0".to_owned(),
            generation: 1,
            digest: "ab".repeat(32),
            config_digest: "cd".repeat(32),
        }),
        why: "1001 is registered".to_owned(),
        elapsed_us: 42,
        trace: vec![Asked {
            plugin: "route-by-extension".to_owned(),
            outcome: Outcome::Answered,
            why: "1001 is registered".to_owned(),
            elapsed_us: 40,
            lookups: Vec::new(),
        }],
        personal_data: PersonalData::Keep,
    }))
}

/// A call with the dozen of headers that a phone sends.
fn question() -> RouteQuestion {
    let party = |user: &str| Party {
        uri: format!("sip:{user}@pbx.example"),
        user: user.into(),
        host: "pbx.example".into(),
        display: Some("A Name".into()),
    };
    let headers = (0..12).map(|number| (format!("X-Header-{number}"), "a value of usual length".to_owned()));
    let call = CallFacts {
        call_id: CallId::from_bits(42),
        sip_call_id: "42@192.0.2.7".into(),
        method: "INVITE".into(),
        transport: "udp".into(),
        source: "192.0.2.7:5060".into(),
        caller: party("1003"),
        callee: party("1001"),
        trunk: None,
        extension: Some("1001".into()),
        authenticated_as: None,
        headers: headers.collect(),
        hop: 70,
        now_ms: 1_700_000_000_000,
        attributes: Vec::new(),
    };
    RouteQuestion {
        call,
        reason: RouteReason::New,
        attempts: Vec::new(),
        redirects: Vec::new(),
        referral: None,
    }
}

fn dial() -> RouteDecision {
    let targets = vec![Target::at(TargetAddress::Aor("1001".into()))];
    RouteDecision::Dial(Dial { targets, strategy: Strategy::Parallel })
}

fn us(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// CPU time of the whole process.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

//! What a transaction holds while it is alive, and that nothing stays behind it.
use std::time::Duration;

use allocation_counter::measure;

use crate::pair::{Incoming, LIFETIME, Stage, udp};

/// Transactions in one measurement; enough that tables that double in size are near their average load.
const COUNT: u32 = 6000;

/// Bytes that an answered request over UDP may hold for 64*T1: its response, its keys and its timer. 100,000 of them then
/// take less than 100 MB.
const BYTES_PER_TRANSACTION: i64 = 1000;

fn answered(stage: &mut Stage, number: u32) {
    let mut request =
        Incoming::new("REGISTER").via(&format!("SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK{number};rport"));
    request.sip_call_id = format!("call-{number}");
    stage.receive(udp(), request);
    let (transaction, message) = stage.requested();
    stage.respond(transaction, &message, 200);
    stage.sent();
}

#[test]
fn an_answered_request_holds_little() {
    let mut stage = Stage::new();
    let held = measure(|| (0..COUNT).for_each(|number| answered(&mut stage, number))).bytes_current;
    let each = held / i64::from(COUNT);
    assert!(each < BYTES_PER_TRANSACTION, "{each} bytes each");
    assert!(each > 100, "{each} bytes cannot be all");
}

#[test]
fn what_has_ended_leaves_room_for_what_follows() {
    let mut stage = Stage::new();
    let round = |stage: &mut Stage| {
        let held = measure(|| (0..COUNT).for_each(|number| answered(stage, number))).bytes_current;
        let after = stage.now - stage.begin + LIFETIME + Duration::from_secs(1);
        let freed = -measure(|| drop(stage.run_until(after))).bytes_current;
        assert_eq!(stage.endpoint.transactions(), 0);
        (held, freed)
    };
    let (first, _) = round(&mut stage);
    let (second, freed) = round(&mut stage);
    assert!(second <= first, "tables are used again: {second} after {first}");
    assert_eq!(freed, second, "everything that a round took it gives back");
}

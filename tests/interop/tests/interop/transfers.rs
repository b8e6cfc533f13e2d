//! Transfers by REFER, of three SIPp: blind from either side, one that fails, and an attended one.

use cordboard_interop::{Options, Pbx, Scenario, Stage, Transport, header, status};

use crate::stories::Cast;

#[test]
fn a_caller_transfers_its_callee_and_is_told_how_it_goes() {
    let stage = Stage::new("a_caller_transfers_its_callee_and_is_told_how_it_goes");
    let pbx = Pbx::start(&stage, &Options::default());
    let cast = Cast { stage: &stage, pbx: &pbx };
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut target = cast.is_called("1003", &Scenario::new("blind_transfer/target"));
        let mut party = cast.is_called("1002", &Scenario::new("blind_transfer/party_is_called"));
        let mut referrer = cast.calls("1002", &Scenario::new("blind_transfer/referrer_calls"), transport);
        cast.succeed([&mut referrer, &mut party, &mut target]);
    }
}

#[test]
fn a_callee_transfers_its_caller_and_is_told_how_it_goes() {
    let stage = Stage::new("a_callee_transfers_its_caller_and_is_told_how_it_goes");
    let pbx = Pbx::start(&stage, &Options::default());
    let cast = Cast { stage: &stage, pbx: &pbx };
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut target = cast.is_called("1003", &Scenario::new("blind_transfer/target"));
        let mut referrer = cast.is_called("1002", &Scenario::new("blind_transfer/referrer_is_called"));
        let mut party = cast.calls("1002", &Scenario::new("blind_transfer/party_calls"), transport);
        cast.succeed([&mut referrer, &mut party, &mut target]);
    }
}

#[test]
fn a_call_goes_on_when_the_target_of_its_transfer_is_busy() {
    let stage = Stage::new("a_call_goes_on_when_the_target_of_its_transfer_is_busy");
    let pbx = Pbx::start(&stage, &Options::default());
    let cast = Cast { stage: &stage, pbx: &pbx };
    let mut target = cast.is_called("1003", &Scenario::new("failed_transfer/target"));
    let mut callee = cast.is_called("1002", &Scenario::new("failed_transfer/callee"));
    let mut caller = cast.calls("1002", &Scenario::new("failed_transfer/caller"), Transport::Udp);
    cast.succeed([&mut caller, &mut callee, &mut target]);
}

#[test]
fn two_calls_of_one_phone_are_joined_by_an_attended_transfer() {
    let stage = Stage::new("two_calls_of_one_phone_are_joined_by_an_attended_transfer");
    let pbx = Pbx::start(&stage, &Options::default());
    let cast = Cast { stage: &stage, pbx: &pbx };
    let mut target = cast.is_called("1003", &Scenario::new("attended_transfer/target"));
    let mut consults = cast.calls("1003", &Scenario::new("attended_transfer/consults"), Transport::Udp);
    target.wait_for_message("ACK sip:");
    let messages = consults.messages();
    let answer = messages.iter().find(|message| status(message) == Some(200)).expect("it was answered");
    let tag = |name| header(answer, name).and_then(|value| value.split(";tag=").nth(1)).expect("a tag");
    let dialog = format!(
        "{}%3Bto-tag%3D{}%3Bfrom-tag%3D{}",
        header(answer, "Call-ID").expect("a Call-ID").replace('@', "%40"),
        tag("To"),
        tag("From")
    );

    let mut party = cast.is_called("1002", &Scenario::new("blind_transfer/party_is_called"));
    let refers = Scenario::new("attended_transfer/refers").with("replaces", dialog);
    let mut referrer = cast.calls("1002", &refers, Transport::Udp);
    cast.succeed([&mut referrer, &mut party, &mut target, &mut consults]);
}

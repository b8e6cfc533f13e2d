//! What people do with softphones: hold, transfer, keys, encryption, passwords. Sound is proved by what each phone has recorded.

use std::time::Duration;

use cordboard_interop::{
    Baresip, Linphone, Options, Pbx, Setup, Stage, Tone, Transport, eventually, pause, plugin, seconds_so_far,
};

use crate::softphones::{talk, uri, with_tls};

/// Somebody who records what it hears.
trait Ear {
    /// The seconds of a tone that it has heard until now.
    fn heard(&self, tone: Tone) -> f64;
}

/// It stops recording, though not playing, when its call is held for the first time: after that it proves nothing.
impl Ear for Baresip {
    fn heard(&self, tone: Tone) -> f64 {
        self.recordings().iter().map(|recording| seconds_so_far(tone, recording)).sum()
    }
}

impl Ear for Linphone {
    fn heard(&self, tone: Tone) -> f64 {
        seconds_so_far(tone, &self.recording())
    }
}

/// Waits until a phone has heard another second of the tone.
fn goes_on_hearing(who: &impl Ear, tone: Tone) {
    let before = who.heard(tone);
    eventually("the phone hears more of the other", || (who.heard(tone) >= before + 1.0).then_some(()));
}

/// A hold becomes true within a moment; from then on not a second of the tone is heard.
fn hears_no_more(who: &impl Ear, tone: Tone) {
    pause(Duration::from_millis(1_000));
    let before = who.heard(tone);
    pause(Duration::from_millis(1_500));
    let more = who.heard(tone) - before;
    assert!(more < 0.3, "{more} s of {tone:?} were heard during the hold");
}

fn setup(tone: Tone) -> Setup {
    Setup::new(Transport::Udp, tone)
}

/// Both phones, registered: baresip is 1001 and plays the low tone, linphone is 1002 and plays the high one.
fn phones(stage: &Stage, pbx: &Pbx, baresip: &Setup, linphone: &Setup) -> (Baresip, Linphone) {
    let mut first = Baresip::start(stage, "1001", pbx.sip(), baresip);
    let mut second = Linphone::start(stage, "1002", pbx.sip(), linphone);
    first.is_registered();
    second.is_registered();
    (first, second)
}

/// A PBX on which 1001 and 1002 have passwords, and prove themselves by nothing else. The baresip of Debian gives up at a
/// challenge for anything but MD5.
fn guarded(digest: &str, options: Options) -> Options {
    let secret = |user: &str| format!("  - {{name: phone-{user}, value: {}}}\n", password(user));
    Options {
        authorization_plugin: Some(plugin("authorize-own-extension")),
        authorization_config: Some("{secrets: 'phone-{user}', by-source: false}".into()),
        sections: format!("{}secrets:\n{}{}", options.sections, secret("1001"), secret("1002")),
        listeners: [options.listeners.as_slice(), &[format!("digest: {digest}")]].concat(),
        ..options
    }
}

fn password(user: &str) -> String {
    format!("the-password-of-{user}")
}

fn number(user: &str, pbx: &Pbx) -> String {
    uri(user, pbx.sip(), Transport::Udp)
}

#[test]
fn a_baresip_holds_and_resumes_and_keys_are_told_by_telephone_events() {
    let stage = Stage::new("a_baresip_holds_and_resumes_and_keys_are_told_by_telephone_events");
    let mut pbx = Pbx::start(&stage, &Options::default());
    let (mut first, mut second) = phones(&stage, &pbx, &setup(Tone::Low), &setup(Tone::High));
    first.dial(&number("1002", &pbx));
    second.answers();
    first.is_talking();
    second.is_talking();
    goes_on_hearing(&first, Tone::High);
    goes_on_hearing(&second, Tone::Low);
    first.holds();
    hears_no_more(&second, Tone::Low);
    first.resumes();
    goes_on_hearing(&second, Tone::Low);

    first.presses('5');
    second.is_told('5');
    pbx.wait_for_count("key pressed", 1);
    second.presses('7');
    first.is_told('7');
    pbx.wait_for_count("key pressed", 2);

    first.hangs_up();
    first.is_idle();
    second.is_idle();
    pbx.wait_for_metric("sip_pbx_active_calls", 0.0);
}

/// linphone plays its music to whom it has put on hold, so that it is the holder who hears nothing meanwhile.
#[test]
fn either_of_two_linphones_holds_and_resumes() {
    let stage = Stage::new("either_of_two_linphones_holds_and_resumes");
    let pbx = Pbx::start(&stage, &Options::default());
    let mut first = Linphone::start(&stage, "1001", pbx.sip(), &setup(Tone::Low));
    let mut second = Linphone::start(&stage, "1002", pbx.sip(), &setup(Tone::High));
    first.is_registered();
    second.is_registered();
    first.dial(&number("1002", &pbx));
    second.answers();
    first.is_talking();
    second.is_talking();
    goes_on_hearing(&first, Tone::High);
    second.holds();
    hears_no_more(&second, Tone::Low);
    goes_on_hearing(&first, Tone::High);
    second.resumes();
    goes_on_hearing(&second, Tone::Low);
    first.holds();
    hears_no_more(&first, Tone::High);
    goes_on_hearing(&second, Tone::Low);
    first.resumes();
    goes_on_hearing(&first, Tone::High);
    second.hangs_up();
    first.is_idle();
    second.is_idle();
    pbx.wait_for_metric("sip_pbx_active_calls", 0.0);
}

#[test]
fn keys_are_converted_between_a_phone_with_telephone_events_and_one_with_info() {
    let stage = Stage::new("keys_are_converted_between_a_phone_with_telephone_events_and_one_with_info");
    let mut pbx = Pbx::start(&stage, &Options::default());
    let by_info = Setup { digits_by_info: true, ..setup(Tone::High) };
    let (mut first, mut second) = phones(&stage, &pbx, &setup(Tone::Low), &by_info);
    for (presses, baresip_calls) in [(1, true), (3, false)] {
        if baresip_calls {
            first.dial(&number("1002", &pbx));
            second.answers();
        } else {
            second.dial(&number("1001", &pbx));
            first.answers();
        }
        first.is_talking();
        second.is_talking();
        goes_on_hearing(&first, Tone::High);
        goes_on_hearing(&second, Tone::Low);
        let (event, info) = if baresip_calls { ('5', '#') } else { ('9', '0') };
        first.presses(event);
        second.is_told(event);
        pbx.wait_for_count("key pressed", presses);
        second.presses(info);
        first.is_told(info);
        pbx.wait_for_count("key pressed", presses + 1);
        first.hangs_up();
        first.is_idle();
        second.is_idle();
        pbx.wait_for_metric("sip_pbx_active_calls", 0.0);
    }
}

#[test]
fn a_phone_transfers_its_peer_to_a_third_one() {
    let stage = Stage::new("a_phone_transfers_its_peer_to_a_third_one");
    let pbx = Pbx::start(&stage, &Options::default());
    let (mut first, mut second) = phones(&stage, &pbx, &setup(Tone::Low), &setup(Tone::High));
    let mut third = Baresip::start(&stage, "1003", pbx.sip(), &setup(Tone::Middle));
    third.is_registered();

    // baresip transfers the linphone that it called.
    first.dial(&number("1002", &pbx));
    second.answers();
    first.is_talking();
    second.is_talking();
    goes_on_hearing(&second, Tone::Low);
    first.transfers(&number("1003", &pbx));
    third.answers();
    first.is_idle();
    third.is_talking();
    goes_on_hearing(&second, Tone::Middle);
    goes_on_hearing(&third, Tone::High);

    // linphone, which was transferred, transfers its new peer back.
    second.transfers(&number("1001", &pbx));
    first.answers();
    first.is_talking();
    second.is_idle();
    goes_on_hearing(&first, Tone::Middle);
    goes_on_hearing(&third, Tone::Low);
    third.hangs_up();
    first.is_idle();
    pbx.wait_for_metric("sip_pbx_active_calls", 0.0);
}

#[test]
fn a_phone_joins_the_peers_of_its_two_calls() {
    let stage = Stage::new("a_phone_joins_the_peers_of_its_two_calls");
    let pbx = Pbx::start(&stage, &Options::default());
    let mut first = Linphone::start(&stage, "1001", pbx.sip(), &setup(Tone::Low));
    let mut second = Linphone::start(&stage, "1002", pbx.sip(), &setup(Tone::High));
    let mut third = Baresip::start(&stage, "1003", pbx.sip(), &setup(Tone::Middle));
    first.is_registered();
    second.is_registered();
    third.is_registered();
    second.dial(&number("1001", &pbx));
    first.answers();
    second.is_talking();
    goes_on_hearing(&first, Tone::High);
    second.holds();
    hears_no_more(&second, Tone::Low);
    second.dial(&number("1003", &pbx));
    third.answers();
    second.is_talking();
    goes_on_hearing(&third, Tone::High);
    second.joins(1, 2);
    goes_on_hearing(&first, Tone::Middle);
    goes_on_hearing(&third, Tone::Low);
    second.is_idle();
    first.hangs_up();
    third.is_idle();
    pbx.wait_for_metric("sip_pbx_active_calls", 0.0);
}

#[test]
fn two_phones_with_srtp_over_tls_and_passwords_hear_each_other() {
    let stage = Stage::new("two_phones_with_srtp_over_tls_and_passwords_hear_each_other");
    let pbx = Pbx::start(&stage, &with_tls(&stage, guarded("MD5", Options::default())));
    let place = pbx.listens("tls");
    let secured = |user: &str, tone| Setup {
        srtp: true,
        password: Some(password(user)),
        ..Setup::new(Transport::Tls, tone)
    };
    let mut first = Baresip::start(&stage, "1001", place, &secured("1001", Tone::Low));
    let mut second = Linphone::start(&stage, "1002", place, &secured("1002", Tone::High));
    first.is_registered();
    second.is_registered();
    for first_calls in [true, false] {
        let called = uri(if first_calls { "1002" } else { "1001" }, place, Transport::Tls);
        talk(&pbx, &mut first, &mut second, &called, (first_calls, true));
    }
}

#[test]
fn srtp_ends_here_where_one_phone_has_it_and_the_route_says_so() {
    let stage = Stage::new("srtp_ends_here_where_one_phone_has_it_and_the_route_says_so");
    let options = Options {
        routing_config: Some(
            "{numbers: {'1001': {targets: ['1001'], srtp: required}, '1002': {targets: ['1002'], srtp: 'off'}}}".into(),
        ),
        ..Options::default()
    };
    let pbx = Pbx::start(&stage, &options);
    let secured = Setup { srtp: true, ..setup(Tone::Low) };
    let (mut first, mut second) = phones(&stage, &pbx, &secured, &setup(Tone::High));
    for first_calls in [true, false] {
        let called = number(if first_calls { "1002" } else { "1001" }, &pbx);
        talk(&pbx, &mut first, &mut second, &called, (first_calls, true));
    }
}

#[test]
fn a_phone_proves_itself_by_sha_256_where_both_are_offered_and_by_md5_where_nothing_else_is() {
    let stage = Stage::new("a_phone_proves_itself_by_sha_256_where_both_are_offered");
    for (digest, user, shown) in
        [("[SHA-256, MD5]", "1001", "algorithm=SHA-256"), ("MD5", "1002", "algorithm=MD5")]
    {
        let pbx = Pbx::start(&stage, &guarded(digest, Options::default()));
        let with = Setup { password: Some(password(user)), ..setup(Tone::Low) };
        let mut phone = Linphone::start(&stage, user, pbx.sip(), &with);
        phone.is_registered();
        assert!(phone.log().contains(shown), "the log of the phone shows {shown}");
        assert!(!pbx.output().contains(&password(user)), "no password is in the log");
    }
}

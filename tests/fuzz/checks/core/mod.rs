//! What holds for the call core, whatever its peers, its plugins, its relay and its driver tell it.
//!
//! The bytes of an input are a script: each step takes some of them to choose what happens next, among requests written from
//! templates, requests and responses within the dialogs that came about, all of it damaged or not, answers of plugins and of name
//! resolution, reports of the relay, broken connections, commands, and time. Any bytes are a script, and one that ends early is
//! continued by zeros.
//!
//! When it is over: every sound INVITE has had exactly one final response, every call has ended once, and neither calls nor
//! transactions nor ports are left. That what the node sends can be read is checked by the sockets that receive it.

mod damage;
mod message;
mod script;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cordboard_b2bua::{Command, Settings};
use cordboard_media::command::Side;
use cordboard_media::dtmf::Digit;
use cordboard_model::{Challenge, Credential, Rejection, RouteDecision, Secret, Srtp, Verdict};
use cordboard_sip::Transport;
use cordboard_sip::message::{Message, Method};
use cordboard_test_support::{CalleePlan, Link, PhoneId, WireId, World, dial, dial_in_turn, reject, target};

use message::{Dialog, Fresh};
use script::Script;

/// What a script may do at most: a long one tells nothing that a short one does not.
const MAX_STEPS: usize = 120;

/// The users that are called and that call. The last one is nobody's.
const USERS: [&str; 5] = ["wire0", "wire1", "wire2", "phone", "nobody"];

/// Short, so that a run ends soon.
const RINGING: Duration = Duration::from_secs(6);
const SET_UP: Duration = Duration::from_secs(40);
const TALKING: Duration = Duration::from_secs(60);

/// 64*T1: how long a transaction remembers, and how long an end waits for its last response.
const TRANSACTION: Duration = Duration::from_secs(32);

/// One script, played.
pub(crate) fn core(data: &[u8]) {
    let mut story = Story::new();
    let mut script = Script::new(data);
    for _ in 0..MAX_STEPS {
        if script.is_over() {
            break;
        }
        story.step(&mut script);
    }
    story.end();
}

struct Story {
    world: World,
    wires: [WireId; 3],
    phone: PhoneId,
    sent: Vec<Sent>,
    /// The last number given to a request.
    number: u32,
}

/// A request of a wire.
struct Sent {
    wire: usize,
    bytes: Vec<u8>,
    branch: String,
    at: Duration,
    /// Sound, and never repeated once its transaction was forgotten: it is owed one final response.
    is_owed: bool,
}

impl Story {
    fn new() -> Self {
        let mut world = World::with(7, Link::GOOD, settings);
        let phone = world.registered("phone", CalleePlan::answers_after(Duration::from_millis(800)));
        let wires = [world.wire(), world.wire(), world.wire_over(Transport::Tcp)];
        world.node.names.insert("wires.test".to_owned(), wires.map(|wire| world.on(wire).address()).to_vec());
        let mut story = Self { world, wires, phone, sent: Vec::new(), number: 0 };
        for (wire, user) in USERS.into_iter().enumerate().take(wires.len()) {
            story.register_as(wire, user, &mut Script::new(&[]));
        }
        story
    }

    fn step(&mut self, script: &mut Script<'_>) {
        match script.below(24) {
            0..=1 => self.request(script),
            2..=5 => self.in_dialog(script),
            6..=8 => self.respond(script),
            9 => self.cancel(script),
            10 => self.register(script),
            11 => self.repeat(script),
            12 => self.echo(script),
            13 => self.policy(script),
            14 => self.media(script),
            15 => self.command(script),
            16 => {
                let wire = self.wires[script.below(3)];
                let garbage = script.some_bytes();
                self.world.send(wire, garbage);
            }
            17 => self.phone_acts(script),
            18..=20 => self.connect(script),
            _ => self.world.run_for(script.time()),
        }
    }

    /// A request from a template.
    fn request(&mut self, script: &mut Script<'_>) {
        let wire = script.below(3);
        let fresh = Fresh {
            method: message::METHODS[script.below(message::METHODS.len())],
            from: USERS[script.below(USERS.len())],
            to: USERS[script.below(USERS.len())],
            // Now and then one that was there before.
            number: if script.below(8) == 0 { script.below(8) as u32 } else { self.next_number() },
            extra: message::EXTRAS[script.below(message::EXTRAS.len())],
            body: message::BODIES[script.below(message::BODIES.len())],
        };
        let is_new = fresh.number == self.number;
        let bytes = fresh.write(&self.world, self.wires[wire]);
        let damaged = damage::of(script, &bytes);
        let is_owed = is_new && fresh.method == "INVITE" && damaged == bytes;
        self.send_as(wire, damaged, fresh.branch(), is_owed);
        if script.flag() {
            self.world.run_for(Duration::from_millis(20));
        }
    }

    /// A call from one wire to another, or to the phone, which is answered and acknowledged: where most scripts get interesting.
    fn connect(&mut self, script: &mut Script<'_>) {
        let (from, to) = (script.below(3), script.below(4));
        let number = self.next_number();
        let extra = message::EXTRAS[script.below(6)];
        let body = message::BODIES[script.below(6)];
        let fresh = Fresh { method: "INVITE", from: USERS[from], to: USERS[to], number, extra, body };
        let bytes = fresh.write(&self.world, self.wires[from]);
        self.send_as(from, bytes, fresh.branch(), true);
        self.world.run_for(Duration::from_millis(40));
        if to < self.wires.len() {
            let at = self.world.on(self.wires[to]);
            let Some(invite) = at.received().iter().rev().find(|seen| seen.is_request()) else { return };
            let extra = message::ANSWERS[script.below(6)];
            let answer = message::response(invite, at, 200, 0, extra, message::BODIES[script.below(6)]);
            self.world.send(self.wires[to], answer);
            self.world.run_for(Duration::from_millis(40));
        } else {
            self.world.run_for(Duration::from_millis(900));
        }
        let at = self.world.on(self.wires[from]);
        let Some(answer) = at.received().last().filter(|seen| seen.status().is_some()) else { return };
        let Some(dialog) = Dialog::of(answer) else { return };
        let ack = dialog.request(at, "ACK", 1, number + 1_000_000, "", "");
        self.world.send(self.wires[from], ack);
        self.world.run_for(Duration::from_millis(20));
    }

    /// A request within a dialog that a wire has seen.
    fn in_dialog(&mut self, script: &mut Script<'_>) {
        let wire = script.below(3);
        let Some(seen) = self.seen(wire, script) else { return };
        let number = self.next_number();
        let Some(dialog) = Dialog::of(&seen) else { return };
        let method = message::METHODS[script.below(message::METHODS.len())];
        // An ACK has the number of its INVITE.
        let cseq = if method == "ACK" {
            seen.cseq().map_or(1, |cseq| cseq.number)
        } else {
            1 + script.below(9) as u32
        };
        let extra = message::EXTRAS[script.below(message::EXTRAS.len())];
        let body = message::BODIES[script.below(message::BODIES.len())];
        let at = self.world.on(self.wires[wire]);
        let bytes = dialog.request(at, method, cseq, number, extra, body);
        let bytes = damage::of(script, &bytes);
        self.send_as(wire, bytes, format!("z9hG4bK{number}"), false);
    }

    /// A response to a request that a wire has got.
    fn respond(&mut self, script: &mut Script<'_>) {
        let wire = script.below(3);
        let Some(seen) = self.seen(wire, script).filter(Message::is_request) else { return };
        let status = message::STATUSES[script.below(message::STATUSES.len())];
        let extra = message::ANSWERS[script.below(message::ANSWERS.len())];
        let body = message::BODIES[script.below(message::BODIES.len())];
        let at = self.world.on(self.wires[wire]);
        let bytes = message::response(&seen, at, status, script.below(2), extra, body);
        let bytes = damage::of(script, &bytes);
        self.world.send(self.wires[wire], bytes);
    }

    fn cancel(&mut self, script: &mut Script<'_>) {
        let Some(sent) = script.choose(&self.sent) else { return };
        let text = String::from_utf8_lossy(&sent.bytes).into_owned();
        let cancel = text.replacen("INVITE", "CANCEL", 1).replace(" INVITE\r\n", " CANCEL\r\n");
        let head = cancel.split("Content-Type").next().unwrap_or_default();
        let wire = sent.wire;
        let bytes =
            damage::of(script, format!("{}Content-Length: 0\r\n\r\n", without_length(head)).as_bytes());
        self.world.send(self.wires[wire], bytes);
    }

    fn register(&mut self, script: &mut Script<'_>) {
        let wire = script.below(3);
        self.register_as(wire, USERS[script.below(4)], script);
    }

    fn register_as(&mut self, wire: usize, user: &'static str, script: &mut Script<'_>) {
        let number = self.next_number();
        let fresh = Fresh { method: "REGISTER", from: user, to: user, number, extra: "", body: "" };
        let bytes = damage::of(script, &fresh.write(&self.world, self.wires[wire]));
        self.world.send(self.wires[wire], bytes);
        self.world.run_for(Duration::from_millis(30));
    }

    /// Something that a wire sent before, again.
    fn repeat(&mut self, script: &mut Script<'_>) {
        if self.sent.is_empty() {
            return;
        }
        let place = script.below(self.sent.len());
        let now = self.world.elapsed();
        let sent = &mut self.sent[place];
        let bytes = damage::of(script, &sent.bytes);
        // With another branch it is another request; after a while its transaction is forgotten.
        sent.is_owed &= bytes == sent.bytes && now < sent.at + TRANSACTION;
        let wire = self.wires[sent.wire];
        self.world.send(wire, bytes);
    }

    /// Something that a wire got, back to where it came from.
    fn echo(&mut self, script: &mut Script<'_>) {
        let wire = script.below(3);
        let Some(seen) = self.seen(wire, script) else { return };
        let bytes = damage::of(script, seen.bytes());
        self.world.send(self.wires[wire], bytes);
    }

    /// How plugins and name resolution answer from now on.
    fn policy(&mut self, script: &mut Script<'_>) {
        let user = USERS[script.below(USERS.len())];
        let other = USERS[script.below(USERS.len())];
        let policy = &mut self.world.node.policy;
        match script.below(12) {
            0 => policy.delay = script.time().min(Duration::from_secs(4)),
            1 => policy.silent = script.flag(),
            2 => policy.authorize(user, Verdict::Allow { attributes: Vec::new() }),
            3 => policy.authorize(user, Verdict::Deny(refusal(script))),
            4 => policy.authorize(user, Verdict::Challenge(challenge(user))),
            5 => policy.route(user, dial(&[other, user])),
            6 => policy.route(user, dial_in_turn(&[other, "sip:a@wires.test", "sip:b@nowhere.test", user])),
            7 => policy.route(user, reject(400 + script.below(300) as u16)),
            8 => policy.route(user, RouteDecision::Redirect(vec!["sip:c@wires.test".to_owned()])),
            9 => policy.route(user, dial(&[])),
            10 => policy.route(user, encrypted(other, script)),
            _ => self.world.node.resolution_delay = script.time().min(Duration::from_secs(10)),
        }
    }

    fn media(&mut self, script: &mut Script<'_>) {
        let side = if script.flag() { Side::Caller } else { Side::Callee };
        match script.below(5) {
            0 => self.world.silence_media(),
            1 => self.world.silence_side(side),
            2 => self.world.node.relay.capacity = script.below(4),
            3 => self.world.node.relay.delay = script.time().min(Duration::from_secs(2)),
            _ => {
                let digit = Digit::from_event(script.below(16) as u8).expect("there are sixteen keys");
                self.world.press(side, digit, Duration::from_millis(100));
            }
        }
    }

    fn command(&mut self, script: &mut Script<'_>) {
        match script.below(5) {
            0 => self.world.command(Command::EndAll),
            1 => self.world.configure(|settings| settings.call.convert_digits ^= true),
            2 => {
                let ids: Vec<_> = self.world.node.ledger().into_keys().collect();
                if let Some(id) = script.choose(&ids) {
                    self.world.command(Command::EndCall(*id));
                }
            }
            3 => {
                let wire = script.below(3);
                self.world.cut_wire(self.wires[wire]);
                // What was under way over it may never be answered.
                self.sent.iter_mut().filter(|sent| sent.wire == wire).for_each(|sent| sent.is_owed = false);
            }
            _ => self.world.close_connection(self.phone),
        }
    }

    /// How the phone behaves from now on.
    fn phone_acts(&mut self, script: &mut Script<'_>) {
        let hang_up_after = script.flag().then(|| script.time());
        let after = Duration::from_millis(100 * script.below(20) as u64);
        let plan = match script.below(5) {
            0 => {
                CalleePlan::rejects(message::STATUSES[script.below(message::STATUSES.len())].max(400), after)
            }
            1 => CalleePlan::redirects(&["<sip:wire1@pbx.test>", "<sip:x@wires.test>"]),
            2 => CalleePlan::rings(),
            3 => CalleePlan::ignores(),
            _ => CalleePlan { hang_up_after, ..CalleePlan::answers_after(after) },
        };
        self.world.phone_mut(self.phone).plan = plan;
    }

    fn send_as(&mut self, wire: usize, bytes: Vec<u8>, branch: String, is_owed: bool) {
        self.world.send(self.wires[wire], bytes.clone());
        let at = self.world.elapsed();
        self.sent.push(Sent { wire, bytes, branch, at, is_owed });
    }

    fn next_number(&mut self) -> u32 {
        // The first ones are for requests that share a number.
        self.number = self.number.max(100) + 1;
        self.number
    }

    /// One of the latest messages that a wire has got.
    fn seen(&self, wire: usize, script: &mut Script<'_>) -> Option<Message> {
        let received = self.world.on(self.wires[wire]).received();
        let back = script.below(8).saturating_sub(3);
        received
            .len()
            .checked_sub(1 + back)
            .or(received.len().checked_sub(1))
            .map(|place| received[place].clone())
    }

    fn end(mut self) {
        self.world.node.policy.silent = false;
        self.world.run_for(SET_UP + TALKING + 5 * TRANSACTION);
        self.world.settle();
        let finals = self.finals();
        for sent in self.sent.iter().filter(|sent| sent.is_owed) {
            let got = finals.get(&(sent.wire, sent.branch.clone()));
            let first =
                String::from_utf8_lossy(sent.bytes.split(|byte| *byte == b'\r').next().unwrap_or_default());
            assert_eq!(
                got.map_or(0, BTreeSet::len),
                1,
                "final responses to {first} at {:?}: {got:?}",
                sent.at
            );
        }
    }

    /// The final responses to INVITEs that each wire got, by branch.
    fn finals(&self) -> BTreeMap<(usize, String), BTreeSet<u16>> {
        let mut finals = BTreeMap::<_, BTreeSet<u16>>::new();
        for (place, wire) in self.wires.iter().enumerate() {
            for message in self.world.on(*wire).received() {
                let Some(status) = message.status().filter(|status| !status.is_provisional()) else {
                    continue;
                };
                if message.cseq().is_ok_and(|cseq| cseq.method == Method::Invite) {
                    let branch = message.via().ok().and_then(|via| via.branch()).unwrap_or_default();
                    let branch = String::from_utf8_lossy(branch).into_owned();
                    finals.entry((place, branch)).or_default().insert(status.code());
                }
            }
        }
        finals
    }
}

fn settings(settings: &mut Settings) {
    settings.admission.invites_per_second = None;
    settings.call.ring_timeout = RINGING;
    settings.call.setup_timeout = SET_UP;
    settings.call.max_duration = TALKING;
    settings.secrets.insert("password".to_owned(), Secret::new("correct horse".to_owned()));
}

fn refusal(script: &mut Script<'_>) -> Rejection {
    Rejection { status: script.below(700) as u16, reason: "No\r\nway".to_owned(), retry_after_s: Some(1) }
}

fn challenge(user: &str) -> Challenge {
    let credential = Credential::Secret("password".to_owned());
    Challenge { realm: "pbx".to_owned(), user: user.to_owned(), credential }
}

fn encrypted(user: &str, script: &mut Script<'_>) -> RouteDecision {
    let srtp = [Srtp::Off, Srtp::Preferred, Srtp::Required][script.below(3)];
    let mut decision = dial(&[]);
    if let RouteDecision::Dial(dial) = &mut decision {
        let mut one = target(user);
        one.srtp = srtp;
        one.headers = vec![("X-Any".to_owned(), "a\r\nb".to_owned())];
        dial.targets.push(one);
    }
    decision
}

fn without_length(head: &str) -> &str {
    head.split("Content-Length").next().unwrap_or_default()
}

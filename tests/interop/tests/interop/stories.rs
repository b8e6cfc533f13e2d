//! Plays the stories of `scenarios/`: each side of one is a SIPp, which fails on anything but what it expects.

use cordboard_interop::{Options, Pbx, Scenario, Sipp, Stage, Transport, free_ports};

/// The SIPp of one test, around one PBX.
pub(crate) struct Cast<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) pbx: &'a Pbx,
}

impl Cast<'_> {
    /// Registers `user` over UDP, and plays somebody at the same port who is called.
    pub(crate) fn is_called(&self, user: &str, scenario: &Scenario) -> Sipp {
        let role = self.role(user, scenario);
        let port = free_ports(1)[0];
        let register = Scenario::new("register").with("expires", 600);
        let registrar = format!("{role}-registers");
        let sip = self.pbx.sip();
        Sipp::start(self.stage, &registrar, &register, Transport::Udp, port, sip, user).succeeds();
        Sipp::start(self.stage, &role, scenario, Transport::Udp, port, sip, user)
            .listening(Transport::Udp, port)
    }

    /// Plays somebody who calls `user`.
    pub(crate) fn calls(&self, user: &str, scenario: &Scenario, transport: Transport) -> Sipp {
        let role = self.role(transport.name(), scenario);
        Sipp::start(self.stage, &role, scenario, transport, free_ports(1)[0], self.pbx.sip(), user)
    }

    /// Waits until every side has come to its end, and nothing is left.
    #[track_caller]
    pub(crate) fn succeed<const COUNT: usize>(&self, sides: [&mut Sipp; COUNT]) {
        for side in sides {
            side.succeeds();
        }
        self.pbx.wait_for_metric("sip_pbx_active_calls", 0.0);
    }

    /// A name for the files of one side, which no other side of this test has.
    fn role(&self, what: &str, scenario: &Scenario) -> String {
        let name = scenario.name().replace('/', "-");
        let taken = |role: &String| self.stage.file(&format!("{role}.xml")).exists();
        let mut roles = (1..).map(|number| format!("{name}-{what}-{number}"));
        roles.find(|role| !taken(role)).expect("there are numbers without end")
    }
}

/// Plays a story of two sides, 1001 calling 1002.
#[track_caller]
pub(crate) fn play(stage: &Stage, pbx: &Pbx, story: &str, transport: Transport) -> (Sipp, Sipp) {
    let cast = Cast { stage, pbx };
    let mut callee = cast.is_called("1002", &Scenario::new(format!("{story}/callee")));
    let mut caller = cast.calls("1002", &Scenario::new(format!("{story}/caller")), transport);
    cast.succeed([&mut caller, &mut callee]);
    (caller, callee)
}

/// Plays a story of two sides with the caller on UDP and on TCP.
#[track_caller]
pub(crate) fn check(name: &str, story: &str) {
    let stage = Stage::new(name);
    let pbx = Pbx::start(&stage, &Options::default());
    for transport in [Transport::Udp, Transport::Tcp] {
        play(&stage, &pbx, story, transport);
    }
}

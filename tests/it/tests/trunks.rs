//! What the tests of trunks share.

use cordboard_b2bua::Settings;
use cordboard_b2bua::trunk::{TrunkAccount, TrunkRegistration, TrunkServer, TrunkSettings};
use cordboard_model::{
    Dial, EventKind, RouteDecision, Secret, Strategy, Target, TargetAddress, TrunkState, TrunkStatus,
};
use cordboard_sip::HeaderName;
use cordboard_sip::locate::Share;
use cordboard_sip::message::Message;
use cordboard_test_support::{CarrierId, World, target};

use crate::seconds;

/// The name of the trunk in these tests.
pub(crate) const TRUNK: &str = "carrier";

/// A trunk at these carriers, each of a lower priority than the one before it.
pub(crate) fn at(world: &World, carriers: &[CarrierId]) -> TrunkSettings {
    let server = |(place, carrier): (usize, &CarrierId)| TrunkServer {
        uri: format!("sip:{}", world.of(*carrier).address()),
        share: Share { priority: u16::try_from(place).expect("few carriers"), weight: 1 },
    };
    let servers = carriers.iter().enumerate().map(server).collect();
    TrunkSettings { servers, ..TrunkSettings::at("sip:nowhere.test") }
}

/// The same with the account that carriers know.
pub(crate) fn with_account(world: &World, carriers: &[CarrierId]) -> TrunkSettings {
    let account = TrunkAccount { user: "trunk-user".to_owned(), secret: "trunk".to_owned(), realm: None };
    TrunkSettings { account: Some(account), ..at(world, carriers) }
}

/// The same, registering.
pub(crate) fn registering(world: &World, carriers: &[CarrierId]) -> TrunkSettings {
    let registration = TrunkRegistration {
        user: "trunk-user".to_owned(),
        domain: Some("carrier.test".to_owned()),
        expires: seconds(3600),
    };
    TrunkSettings { registration: Some(registration), ..with_account(world, carriers) }
}

/// The node gets this trunk, and knows its password.
pub(crate) fn add(world: &mut World, settings: TrunkSettings) {
    world.configure(|node: &mut Settings| {
        node.secrets.insert("trunk".to_owned(), Secret::new("correct horse".to_owned()));
        node.trunks.insert(TRUNK.to_owned(), settings);
    });
}

/// The trunk leaves, so that nothing goes on when a test looks what is left.
pub(crate) fn remove(world: &mut World) {
    world.configure(|node: &mut Settings| node.trunks.clear());
}

/// A number behind the trunk.
pub(crate) fn number(number: &str) -> Target {
    let address = TargetAddress::Trunk { trunk: TRUNK.to_owned(), number: number.to_owned() };
    Target { address, ..target("nobody") }
}

/// Dials this target alone.
pub(crate) fn dial(target: Target) -> RouteDecision {
    RouteDecision::Dial(Dial { targets: vec![target], strategy: Strategy::Parallel })
}

/// Everything that was told about trunks.
pub(crate) fn told(world: &World) -> Vec<TrunkStatus> {
    let status = |kind: &EventKind| match kind {
        EventKind::TrunkStateChanged(status) => Some(status.clone()),
        _ => None,
    };
    world.node.events().iter().filter_map(|(_, event)| status(&event.kind)).collect()
}

/// The states that were told.
pub(crate) fn states(world: &World) -> Vec<TrunkState> {
    told(world).into_iter().map(|status| status.state).collect()
}

/// Value of a header as text; empty without one.
pub(crate) fn text(message: &Message, name: HeaderName) -> String {
    String::from_utf8_lossy(message.value(name).unwrap_or_default()).into_owned()
}

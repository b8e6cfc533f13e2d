//! The reference plugins as components, with the configuration that Cordboard starts with.

use std::fs;

use cordboard_plugin::DecidedBy;
use serde_json::json;

use crate::support::{
    aor, chains, component, outcome, plugin, question, registered, subject, try_load, verdict,
};

#[tokio::test]
async fn extensions_reach_each_other_out_of_the_box() {
    let plugins = [
        plugin("route-by-extension", "route-by-extension", json!({})),
        plugin("authorize-open", "authorize-open", json!({})),
    ];
    let order = chains(&["route-by-extension"], &["authorize-open"]);
    let (plugins, problems) = try_load(&plugins, order, registered(&["1001"])).await;
    assert!(problems.is_empty(), "{problems:?}");
    let allowed = plugins.authorize(&subject("1003")).await;
    assert_eq!(verdict(&allowed.answer), "allow");
    assert_eq!(plugins.route(&question("1001")).await.trace[0].why, "1001 is registered");
    for (dialled, expected) in [("1001", Ok(aor("1001"))), ("1002", Err(480)), ("nobody", Err(404))] {
        let decided = plugins.route(&question(dialled)).await;
        assert!(matches!(decided.by, DecidedBy::Plugin(_)), "{dialled}: {decided:?}");
        assert_eq!(outcome(&decided.answer), expected, "{dialled}");
    }
    assert_eq!(plugins.degraded(), []);
}

#[tokio::test]
async fn a_phone_calls_only_as_the_extension_that_it_registered() {
    let own = plugin("own", "authorize-own-extension", json!({}));
    let (plugins, problems) = try_load(&[own], chains(&[], &["own"]), registered(&["1001"])).await;
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(verdict(&plugins.authorize(&subject("1001")).await.answer), "allow");
    assert_eq!(verdict(&plugins.authorize(&subject("1002")).await.answer), "403");
}

#[tokio::test]
async fn a_reference_plugin_is_small() {
    for name in ["route-by-extension", "authorize-open", "authorize-own-extension"] {
        let size = fs::metadata(component(name)).expect("the component is there").len();
        assert!(size < 256 << 10, "{name} has {size} bytes");
    }
}

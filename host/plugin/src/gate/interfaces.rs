//! What a component imports and exports, and whether the types behind the names fit.

use wasmtime::component::Component;

use crate::bindings::v1::{self, PACKAGE, Prepared, VERSION};
use crate::kind::Kind;
use crate::load::LoadError;

/// Interfaces that every component may import.
const IMPORTS: [&str; 5] = ["types", "log", "config", "lookup", "metrics"];

/// Everything about its interfaces.
///
/// # Errors
/// The first thing that is wrong.
pub(super) fn check(component: &Component) -> Result<Prepared, LoadError> {
    exports(component)?;
    imports(component)?;
    link(component)
}

/// It has to describe itself, and to decide at least one thing.
pub(super) fn exports(component: &Component) -> Result<(), LoadError> {
    let exports = |interface| v1::exports(component, interface);
    if exports("meta") && Kind::ALL.into_iter().any(|kind| exports(kind.as_str())) {
        return Ok(());
    }
    let names: Vec<String> =
        component.component_type().exports(component.engine()).map(|(name, _)| name.to_owned()).collect();
    let found = if names.is_empty() { "no exports".to_owned() } else { names.join(", ") };
    Err(LoadError::WrongExports { found })
}

/// It may want nothing but what is granted to its kinds.
pub(super) fn imports(component: &Component) -> Result<(), LoadError> {
    let may_wait = v1::exports(component, "authorization") || v1::exports(component, "event-formatting");
    for import in import_names(component) {
        let ours = import.strip_prefix(PACKAGE).and_then(|rest| rest.split_once('@'));
        let is_granted = ours.is_some_and(|(interface, version)| {
            let permitted = IMPORTS.contains(&interface) || (interface == "http" && may_wait);
            permitted && version.starts_with(&VERSION[1..])
        });
        if !is_granted {
            let hint = hint(&import);
            return Err(LoadError::ForbiddenImport { import, hint });
        }
    }
    Ok(())
}

/// Names of what it imports, in its order.
pub(super) fn import_names(component: &Component) -> Vec<String> {
    component.component_type().imports(component.engine()).map(|(name, _)| name.to_owned()).collect()
}

/// Finds everything that does not depend on the question.
pub(super) fn link(component: &Component) -> Result<Prepared, LoadError> {
    Prepared::link(component).map_err(|error| LoadError::DoesNotLink { detail: format!("{error:#}") })
}

/// How an import gets into a component, by its name.
fn hint(import: &str) -> &'static str {
    if import.starts_with("wasi:") {
        "build without WASI: for Rust the target wasm32-unknown-unknown, for JavaScript componentize-js with disableFeatures random, \
         stdio, clocks, http and fetch-event, for Python componentize-py with --stub-wasi, for C a freestanding libc"
    } else if import.starts_with("cordboard:plugin/http") {
        "only authorizers and formatters may use http; a router has to decide from what it is told and from lookup"
    } else if import.starts_with(PACKAGE) {
        "this release does not have it; build the plugin with the WIT files of this release"
    } else {
        "a plugin gets nothing but the functions of cordboard:plugin; remove what needs it"
    }
}

//! From a file to a plugin that can be asked, or to a sentence that says what is wrong with it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use wasmtime::component::Component;

use crate::bindings::v1::{self, PACKAGE, Prepared, VERSION, wit};
use crate::component::{CompileError, Components, check_shape};
use crate::digest;
use crate::engine::Sandbox;
use crate::failure::Failure;
use crate::imports::{Grants, Lookup};
use crate::instance::{fresh_store, settle, until};
use crate::kind::Kind;
use crate::plugin::Plugin;
use crate::settings::PluginSettings;
use crate::source::{Fetched, Source, SourceError};
use crate::state::Identity;

/// How long `describe` and `check-config` may take; nobody waits for a call meanwhile.
const CHECK_DEADLINE: Duration = Duration::from_secs(2);

/// Interfaces that every component may import.
const IMPORTS: [&str; 5] = ["types", "log", "config", "lookup", "metrics"];

/// A plugin that was not loaded.
#[derive(Debug, thiserror::Error)]
#[error("plugin {plugin} ({component}): {error}")]
pub struct LoadProblem {
    /// Name in the configuration.
    pub plugin: String,
    /// Where the component is.
    pub component: Source,
    /// What is wrong.
    pub error: LoadError,
}

/// Why a component is not used. Each says what was expected, what was found, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It was not read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A core module, such as a compiler leaves it.
    #[error(
        "expected a component, found a core WebAssembly module; make a component of it, as `cargo xtask plugins` does"
    )]
    CoreModule,
    /// Something else altogether.
    #[error(
        "expected a WebAssembly component, found {found}; check that the path names the component and not another file"
    )]
    NotWasm {
        /// How the file begins.
        found: String,
    },
    /// It begins like a component, but is none.
    #[error(
        "expected a whole component, found a truncated or damaged one ({detail}); build or copy it again"
    )]
    Damaged {
        /// What the decoder says.
        detail: String,
    },
    /// The compiler gave nothing.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// It wants more than it may have.
    #[error("expected imports from cordboard:plugin alone, found {import}; {hint}")]
    ForbiddenImport {
        /// Name of the import.
        import: String,
        /// How it gets there, and how to get rid of it.
        hint: &'static str,
    },
    /// It cannot decide anything that it could be asked.
    #[error(
        "expected the exports cordboard:plugin/meta@1 and at least one of routing, authorization, escalation and event-formatting of \
         cordboard:plugin@1, found {found}; build it for one of the worlds of cordboard:plugin@1"
    )]
    WrongExports {
        /// What it exports.
        found: String,
    },
    /// The names fit, but the types behind them do not.
    #[error(
        "it does not fit to cordboard:plugin@1 ({detail}); build it again with the WIT files of this release"
    )]
    DoesNotLink {
        /// What the linker says.
        detail: String,
    },
    /// It failed while it was asked about itself.
    #[error("it failed when it was asked about itself ({0}); the plugin has to be corrected")]
    Failed(Failure),
    /// The plugin does not accept its configuration block.
    #[error("its configuration block has mistakes: {}", .0.join("; "))]
    Config(Vec<String>),
}

/// Reads the component of a plugin.
///
/// # Errors
/// What is wrong with it.
pub(crate) async fn fetch(
    components: &Components,
    settings: &PluginSettings,
) -> Result<Fetched, LoadProblem> {
    components.fetch(&settings.source).await.map_err(|error| problem(settings, error))
}

/// Makes a plugin of a file that was read.
///
/// # Errors
/// What is wrong with it.
pub(crate) async fn build(
    components: &Components,
    settings: &PluginSettings,
    fetched: Fetched,
    tables: Arc<dyn Lookup>,
    generation: u32,
) -> Result<Plugin, LoadProblem> {
    let built = check_and_build(components, settings, fetched, tables, generation).await;
    built.map_err(|error| problem(settings, error))
}

fn problem(settings: &PluginSettings, error: LoadError) -> LoadProblem {
    LoadProblem { plugin: settings.name.clone(), component: settings.source.clone(), error }
}

async fn check_and_build(
    components: &Components,
    settings: &PluginSettings,
    Fetched { bytes, digest }: Fetched,
    tables: Arc<dyn Lookup>,
    generation: u32,
) -> Result<Plugin, LoadError> {
    let sandbox = components.sandbox();
    check_shape(&bytes)?;
    let component = components.component(&digest, &bytes).await?;
    check_exports(&component)?;
    check_imports(&component)?;
    let prepared = Prepared::link(&component)
        .map_err(|error| LoadError::DoesNotLink { detail: format!("{error:#}") })?;
    let grants = Arc::new(Grants::new(&settings.name, &settings.config, tables));
    let (plugin, version) = ask_about_itself(sandbox, settings, &prepared, &grants).await?;
    let identity = Identity {
        name: settings.name.clone(),
        plugin,
        version,
        generation,
        digest,
        config_digest: digest::of(grants.config.as_bytes()),
    };
    Ok(Plugin::new(sandbox.clone(), prepared, identity, grants, settings.limits.clone()))
}

/// It has to describe itself, and to decide at least one thing.
fn check_exports(component: &Component) -> Result<(), LoadError> {
    let exports = |interface| v1::exports(component, interface);
    if exports("meta") && Kind::ALL.into_iter().any(|kind| exports(kind.as_str())) {
        return Ok(());
    }
    let names: Vec<String> =
        component.component_type().exports(component.engine()).map(|(name, _)| name.to_owned()).collect();
    let found = if names.is_empty() { "no exports".to_owned() } else { names.join(", ") };
    Err(LoadError::WrongExports { found })
}

fn check_imports(component: &Component) -> Result<(), LoadError> {
    let may_wait = v1::exports(component, "authorization") || v1::exports(component, "event-formatting");
    for (name, _) in component.component_type().imports(component.engine()) {
        let ours = name.strip_prefix(PACKAGE).and_then(|rest| rest.split_once('@'));
        let is_granted = ours.is_some_and(|(interface, version)| {
            let permitted = IMPORTS.contains(&interface) || (interface == "http" && may_wait);
            permitted && version.starts_with(&VERSION[1..])
        });
        if !is_granted {
            return Err(LoadError::ForbiddenImport { import: name.to_owned(), hint: hint(name) });
        }
    }
    Ok(())
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

/// Calls `describe` and `check-config`. The name and the version that it gives itself.
async fn ask_about_itself(
    sandbox: &Sandbox,
    settings: &PluginSettings,
    prepared: &Prepared,
    grants: &Arc<Grants>,
) -> Result<(String, String), LoadError> {
    let end = Instant::now() + CHECK_DEADLINE;
    let store = || fresh_store(sandbox, grants, &settings.limits, None, end);

    let mut asked = store();
    let described = until(sandbox, end, prepared.describe(&mut asked)).await.map(Ok::<_, wit::Fault>);
    let info = settle(described, &asked, CHECK_DEADLINE).map_err(LoadError::Failed)?;

    let mut asked = store();
    let checked = until(sandbox, end, prepared.check_config(&mut asked, &grants.config)).await;
    let problems =
        settle(checked.map(Ok::<_, wit::Fault>), &asked, CHECK_DEADLINE).map_err(LoadError::Failed)?;
    if problems.is_empty() {
        return Ok((info.name, info.version));
    }
    let lines = problems
        .into_iter()
        .map(|(path, message)| if path.is_empty() { message } else { format!("{path}: {message}") });
    Err(LoadError::Config(lines.collect()))
}

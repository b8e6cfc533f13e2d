//! From a file to a plugin that can be asked, or to a sentence that says what is wrong with it.

use std::sync::Arc;

use crate::component::{CompileError, Components, check_shape};
use crate::digest;
use crate::failure::Failure;
use crate::gate::{self, SampleError, Samples};
use crate::imports::{Grants, Lookup};
use crate::plugin::Plugin;
use crate::settings::PluginSettings;
use crate::source::{Fetched, Source, SourceError};
use crate::state::Identity;

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
    /// What it gives as the schema of its block is none.
    #[error(
        "expected a JSON Schema of its configuration block, or nothing, but {detail}; the plugin has to be corrected"
    )]
    Schema {
        /// What is wrong with it.
        detail: String,
    },
    /// A file beside it is no sample.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// It does not decide the samples that came with it as they say.
    #[error("it does not decide its samples as they say: {}; correct the plugin or the samples", .0.join(" | "))]
    Samples(Vec<String>),
    /// The plugin does not accept its configuration block.
    #[error("its configuration block has mistakes: {}", .0.join("; "))]
    Config(Vec<String>),
}

impl LoadError {
    /// The same in two parts: what is wrong, and the single findings when there are several.
    pub fn told(&self) -> (String, Vec<String>) {
        match self {
            Self::Config(mistakes) => ("the configuration block has mistakes".to_owned(), mistakes.clone()),
            Self::Samples(wrong) => ("it does not decide its samples as they say".to_owned(), wrong.clone()),
            error => (error.to_string(), Vec::new()),
        }
    }
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
    let samples = Samples::beside(&settings.source.path)?;
    let grants = Grants::new(&settings.name, &settings.config, tables);
    let grants = Arc::new(grants.limited_to(settings.granted.clone(), components.client().cloned()));
    let admitted =
        gate::admit(sandbox, &component, &grants, &settings.config, &settings.limits, &samples).await?;
    let identity = Identity {
        name: settings.name.clone(),
        plugin: admitted.about.name,
        version: admitted.about.version,
        generation,
        digest,
        config_digest: digest::of(grants.config.as_bytes()),
    };
    Ok(Plugin::new(sandbox.clone(), admitted.prepared, identity, grants, settings.limits.clone()))
}

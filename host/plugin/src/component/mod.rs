//! From the bytes of a component to code that runs: out of the cache, or out of the compiler.
//!
//! Compiling is the one dear thing about a plugin: a twentieth of a second for a small one of Rust, 13 to 17 s of a core and 400 MiB
//! for one of Python or JavaScript. So it never happens in a process that carries calls: [`Compiler::Aside`] has a process of the lowest
//! priority do it, whatever the size, and [`Cache`] keeps the result by the digest of the bytes, so that every later start takes it
//! from there in milliseconds.

mod aside;
mod cache;
mod compiled;
mod shape;

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use cordboard_outbound::Client;
use tokio::time::Instant;
use wasmtime::Engine;
use wasmtime::component::Component;

pub use aside::{Aside, read_component};
pub use cache::CacheError;
use cache::{Cache, Draft, Key};
pub(crate) use shape::check_shape;

use crate::digest;
use crate::engine::{self, EngineError, Sandbox};
use crate::load::LoadError;
use crate::source::{self, Fetched, Source, SourceRules};

/// How components become code.
#[derive(Clone, Debug, Default)]
pub struct ComponentSettings {
    /// Who compiles.
    pub compiler: Compiler,
    /// Where compiled components are kept; `None`: every load compiles.
    pub cache: Option<CacheSettings>,
    /// What holds for where components come from.
    pub rules: SourceRules,
    /// What sends requests of plugins and fetches components; `None`: nothing does.
    pub client: Option<Client>,
}

/// Who compiles.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Compiler {
    /// This process: for tools and tests, in which nobody waits for a call.
    #[default]
    Here,
    /// A process of its own.
    Aside(Aside),
}

/// Where compiled components are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSettings {
    /// The folder. It is made when it is not there, and it must be ours alone: what lies in it is run.
    pub folder: PathBuf,
    /// Bytes of all entries together. Beyond, those that were not used for longest go. An entry has three to four times the size of
    /// its component.
    pub max_bytes: u64,
}

/// Why the compiler gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The process could not be started.
    #[error("the compiler cannot be started ({0}); look whether the machine is out of processes or memory")]
    NotStarted(io::Error),
    /// It took too long.
    #[error(
        "expected the compiler to be done within {limit_s} s, but it is not; the machine is overloaded, or the component too large. \
         Compile it beforehand with `cordboard plugin compile`"
    )]
    TooLong {
        /// Seconds that it has.
        limit_s: u64,
    },
    /// It ended without a result.
    #[error("the compiler failed ({status}), perhaps for want of memory; it said: {said}")]
    Died {
        /// How it ended.
        status: String,
        /// The end of what it said.
        said: String,
    },
    /// The result could not be stored.
    #[error("the compiled component cannot be written ({0}); look at the disk of components.cache")]
    NotStored(io::Error),
    /// What was stored is no code for this engine.
    #[error("the compiled component cannot be loaded ({0}); this should never happen, report it")]
    NotLoaded(String),
}

/// A component whose code is in the cache.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prepared {
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// It has not been compiled now.
    pub was_there: bool,
}

/// Where the code of a component came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Origin {
    Cache,
    Compiler,
}

/// The engine with its compiler and its cache.
pub struct Components {
    sandbox: Sandbox,
    compiler: Compiler,
    cache: Option<Arc<Cache>>,
    rules: SourceRules,
    client: Option<Client>,
}

impl Components {
    /// Starts the engine. A cache that cannot be used is told and left alone.
    pub(crate) fn start(settings: &ComponentSettings) -> Result<Self, EngineError> {
        let cache = settings.cache.as_ref().and_then(|cache| match Cache::open(cache) {
            Ok(cache) => Some(Arc::new(cache)),
            Err(error) => {
                tracing::warn!(%error, "compiled components are not kept; every start compiles them again");
                None
            }
        });
        Ok(Self {
            sandbox: Sandbox::new()?,
            compiler: settings.compiler.clone(),
            cache,
            rules: settings.rules.clone(),
            client: settings.client.clone(),
        })
    }

    /// Starts the engine for whoever wants the cache filled.
    ///
    /// # Errors
    /// When the engine does not start, or the cache cannot be used.
    pub fn start_with_cache(settings: &ComponentSettings) -> Result<Self, CacheError> {
        let cache = settings.cache.as_ref().map(Cache::open).transpose()?.map(Arc::new);
        Ok(Self {
            sandbox: Sandbox::new()?,
            compiler: settings.compiler.clone(),
            cache,
            rules: settings.rules.clone(),
            client: settings.client.clone(),
        })
    }

    /// Sees to it that the code of a component is in the cache.
    ///
    /// # Errors
    /// When the bytes are no component, or cannot be compiled.
    pub async fn prepare(&self, bytes: &[u8]) -> Result<Prepared, LoadError> {
        check_shape(bytes)?;
        let digest = digest::of(bytes);
        let (_, origin) = self.cached_or_compiled(&digest, &bytes.into()).await?;
        Ok(Prepared { digest, was_there: origin == Origin::Cache })
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// What sends requests of plugins.
    pub(crate) fn client(&self) -> Option<&Client> {
        self.client.as_ref()
    }

    /// Reads a component, as the rules have it.
    pub(crate) async fn fetch(&self, source: &Source) -> Result<Fetched, LoadError> {
        let (source, rules) = (source.clone(), self.rules.clone());
        blocking(move || source::fetch(&source, &rules)).await
    }

    /// The component of these bytes, whose shape has been checked.
    ///
    /// # Errors
    /// When the bytes are no component, or cannot be compiled.
    pub(crate) async fn component(&self, digest: &str, bytes: &Arc<[u8]>) -> Result<Component, LoadError> {
        let begin = Instant::now();
        let (component, origin) = self.cached_or_compiled(digest, bytes).await?;
        let elapsed_ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        match origin {
            Origin::Cache => tracing::debug!(digest, elapsed_ms, "a component came out of the cache"),
            Origin::Compiler => tracing::info!(digest, elapsed_ms, "a component was compiled"),
        }
        Ok(component)
    }

    async fn cached_or_compiled(
        &self,
        digest: &str,
        bytes: &Arc<[u8]>,
    ) -> Result<(Component, Origin), LoadError> {
        let engine = self.sandbox.engine();
        let Some(cache) = &self.cache else {
            return Ok((self.compile_for_once(digest, bytes).await?, Origin::Compiler));
        };
        let key = Key::new(digest, engine);
        if let Some(component) = taken(cache, &key, engine).await {
            return Ok((component, Origin::Cache));
        }
        let component = self.compile_into(cache, key, bytes).await?;
        Ok((component, Origin::Compiler))
    }

    /// Compiles without keeping the result.
    async fn compile_for_once(&self, digest: &str, bytes: &Arc<[u8]>) -> Result<Component, LoadError> {
        let engine = self.sandbox.engine();
        if self.compiler == Compiler::Here {
            let (engine, bytes) = (engine.clone(), Arc::clone(bytes));
            return blocking(move || Component::from_binary(&engine, &bytes).map_err(|e| damaged(&e))).await;
        }
        // A folder like the cache's, which goes away with the value: the code itself stays mapped.
        let cache = Arc::new(Cache::temporary().map_err(CompileError::NotStored)?);
        self.compile_into(&cache, Key::new(digest, engine), bytes).await
    }

    async fn compile_into(
        &self,
        cache: &Arc<Cache>,
        key: Key,
        bytes: &Arc<[u8]>,
    ) -> Result<Component, LoadError> {
        let draft = cache.draft().map_err(CompileError::NotStored)?;
        match &self.compiler {
            Compiler::Here => compile_here(self.sandbox.engine(), bytes, &draft).await?,
            Compiler::Aside(aside) => {
                let output = draft.output().map_err(CompileError::NotStored)?;
                aside.compile(bytes, output).await?;
            }
        }
        let (cache, engine) = (Arc::clone(cache), self.sandbox.engine().clone());
        blocking(move || {
            let entry = cache.keep(&key, draft).map_err(CompileError::NotStored)?;
            let component = compiled::load(&engine, &entry);
            Ok(component.map_err(|error| CompileError::NotLoaded(format!("{error:#}")))?)
        })
        .await
    }
}

/// Compiles a component for the engine that questions are answered with.
///
/// This is the work of the process that [`Aside`] starts: it compiles on one thread, and reads and writes nothing.
///
/// # Errors
/// What is wrong with the component, or with this machine, in a sentence.
pub fn precompile(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let engine = engine::compiling().map_err(|error| error.to_string())?;
    engine.precompile_component(bytes).map_err(|error| format!("{error:#}"))
}

/// What the cache has for a key. An entry that the engine does not take is removed.
async fn taken(cache: &Arc<Cache>, key: &Key, engine: &Engine) -> Option<Component> {
    let (cache, key, engine) = (Arc::clone(cache), key.clone(), engine.clone());
    blocking(move || {
        let entry = cache.find(&key)?;
        match compiled::load(&engine, &entry) {
            Ok(component) => Some(component),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(file = %entry.path().display(), error, "a cached component is of no use; it is compiled again");
                cache.forget(&entry);
                None
            }
        }
    })
    .await
}

async fn compile_here(engine: &Engine, bytes: &Arc<[u8]>, draft: &Draft) -> Result<(), LoadError> {
    let mut output: File = draft.output().map_err(CompileError::NotStored)?;
    let (engine, bytes) = (engine.clone(), Arc::clone(bytes));
    blocking(move || {
        let code = engine.precompile_component(&bytes).map_err(|error| damaged(&error))?;
        output.write_all(&code).map_err(CompileError::NotStored)?;
        Ok(())
    })
    .await
}

fn damaged(error: &wasmtime::Error) -> LoadError {
    LoadError::Damaged { detail: format!("{error:#}") }
}

/// Runs what takes milliseconds or longer away from the tasks that answer questions.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is being shut down, and nobody waits any more.
            Err(_) => std::future::pending().await,
        },
    }
}

//! The compiler and the clock of the sandbox.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use wasmtime::{Config, Engine};

/// How often a running guest is interrupted, to let others run and to look at its deadline.
const TICK: Duration = Duration::from_millis(1);

/// Stack of WebAssembly code in one call.
const WASM_STACK_BYTES: usize = 512 << 10;

/// Whole stack of a call: the guest's, and what host functions need below it.
const FIBER_STACK_BYTES: usize = WASM_STACK_BYTES + (256 << 10);

/// The engine could not be made; nothing can be loaded.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine does not start on this machine: {0}")]
pub struct EngineError(String);

/// The engine with its ticker.
#[derive(Clone)]
pub(crate) struct Sandbox {
    engine: Engine,
    ticker: Arc<Ticker>,
}

impl Sandbox {
    pub(crate) fn new() -> Result<Self, EngineError> {
        let mut config = Config::new();
        config.epoch_interruption(true);
        config.max_wasm_stack(WASM_STACK_BYTES).async_stack_size(FIBER_STACK_BYTES);
        // Compiling on all cores at once was measured to delay timers of the same process by up to 8 ms.
        config.parallel_compilation(false);
        let engine = Engine::new(&config).map_err(|error| EngineError(format!("{error:#}")))?;
        let ticker = Ticker::start(&engine).map_err(|error| EngineError(error.to_string()))?;
        Ok(Self { engine, ticker })
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Lets the clock of the engine run for as long as the value lives.
    pub(crate) fn run(&self) -> Running {
        self.ticker.change(|running| running + 1);
        Running(Arc::clone(&self.ticker))
    }
}

/// A guest is running.
pub(crate) struct Running(Arc<Ticker>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.change(|running| running - 1);
    }
}

/// A thread that increments the epoch while guests run, and sleeps while none does.
struct Ticker {
    /// Guards the number of running guests; held for a moment at the begin and the end of a question.
    running: Mutex<usize>,
    changed: Condvar,
}

impl Ticker {
    fn start(engine: &Engine) -> std::io::Result<Arc<Self>> {
        let ticker = Arc::new(Self { running: Mutex::new(0), changed: Condvar::new() });
        let (weak, engine) = (Arc::downgrade(&ticker), engine.clone());
        thread::Builder::new().name("plugin-ticker".into()).spawn(move || tick(&weak, &engine))?;
        Ok(ticker)
    }

    fn change(&self, by: impl FnOnce(usize) -> usize) {
        let mut running = self.lock();
        let idle = *running == 0;
        *running = by(*running);
        if idle {
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends with the sandbox that the ticker belongs to.
fn tick(ticker: &Weak<Ticker>, engine: &Engine) {
    /// How long an idle thread takes to notice that its sandbox is gone.
    const IDLE: Duration = Duration::from_secs(1);
    while let Some(ticker) = ticker.upgrade() {
        let running = ticker.lock();
        if *running == 0 {
            drop(ticker.changed.wait_timeout(running, IDLE));
            continue;
        }
        drop(running);
        drop(ticker);
        #[expect(clippy::disallowed_methods, reason = "this thread is the clock that interrupts guests")]
        thread::sleep(TICK);
        engine.increment_epoch();
    }
}

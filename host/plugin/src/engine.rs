//! The compiler and the clock of the sandbox.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How often a running guest is interrupted, to let others run and to look at its deadline.
const TICK: Duration = Duration::from_millis(1);

/// How often the clock looks for running guests while it sees none. Most are done long before it looks; waking its thread for each
/// question was measured to cost as much as the answer.
const LOOK: Duration = Duration::from_millis(10);

/// Looks without a guest after which the clock rests until it is told of one.
const LOOKS_BEFORE_REST: u32 = 100;

/// Stack of WebAssembly code in one call.
const WASM_STACK_BYTES: usize = 512 << 10;

/// Whole stack of a call: the guest's, and what host functions need below it.
const FIBER_STACK_BYTES: usize = WASM_STACK_BYTES + (256 << 10);

/// Instances at once, over all plugins. Beyond: the question gets its fallback. Only address space is reserved for them.
const POOLED_INSTANCES: u32 = 1000;

/// Core instances and tables in the pool: a component made from Python has 38 of them.
const POOLED_PARTS: u32 = 8 * POOLED_INSTANCES;

/// Elements of one table, for which address space is reserved too. JavaScript engines have the largest.
const TABLE_ELEMENTS: usize = 20_000;

/// What an instance may have written and still be cleared in place, instead of giving its pages back and faulting them in again for the
/// next question. Bounds what a resting slot holds.
const KEPT_BYTES: usize = 1 << 20;

/// The same for its stack.
const KEPT_STACK_BYTES: usize = 64 << 10;

/// The engine could not be made; nothing can be loaded.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine does not start on this machine: {0}")]
pub struct EngineError(String);

/// The engine with its ticker.
#[derive(Clone)]
pub(crate) struct Sandbox {
    engine: Engine,
    ticker: Arc<Ticker>,
    is_metered: bool,
}

impl Sandbox {
    pub(crate) fn new() -> Result<Self, EngineError> {
        let pooled = Engine::new(config().allocation_strategy(InstanceAllocationStrategy::Pooling(pool())));
        let engine = pooled.or_else(|error| {
            tracing::warn!(
                error = format!("{error:#}"),
                "address space for a pool of plugin instances cannot be reserved (ulimit -v?); each question makes its own, slower"
            );
            Engine::new(&config())
        });
        let engine = engine.map_err(|error| EngineError(format!("{error:#}")))?;
        let ticker = Ticker::start(&engine).map_err(|error| EngineError(error.to_string()))?;
        Ok(Self { engine, ticker, is_metered: false })
    }

    /// A sandbox that counts fuel, for those who measure. It answers no question of a call, and reserves no memory.
    pub(crate) fn metered() -> Result<Self, EngineError> {
        let failed = |error: wasmtime::Error| EngineError(format!("{error:#}"));
        let engine = Engine::new(config().consume_fuel(true)).map_err(failed)?;
        let ticker = Ticker::start(&engine).map_err(|error| EngineError(error.to_string()))?;
        Ok(Self { engine, ticker, is_metered: true })
    }

    /// Whether a store needs fuel.
    pub(crate) fn is_metered(&self) -> bool {
        self.is_metered
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

/// An engine that compiles for the sandbox and runs nothing, so that it reserves no memory.
pub(crate) fn compiling() -> wasmtime::Result<Engine> {
    Engine::new(&config())
}

fn config() -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.max_wasm_stack(WASM_STACK_BYTES).async_stack_size(FIBER_STACK_BYTES);
    // Compiling on all cores at once was measured to delay timers of the same process by up to 8 ms.
    config.parallel_compilation(false);
    config
}

/// Slots that are used again. A question costs half of what it costs with memory mapped for it alone, because a kernel of 6.7 or later
/// tells which pages the last one wrote, and only those are cleared. Older kernels clear by unmapping.
fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(POOLED_INSTANCES)
        .total_stacks(POOLED_INSTANCES)
        .total_memories(POOLED_INSTANCES);
    pool.total_core_instances(POOLED_PARTS).total_tables(POOLED_PARTS).table_elements(TABLE_ELEMENTS);
    pool.pagemap_scan(Enabled::Auto);
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.linear_memory_keep_resident(KEPT_BYTES).table_keep_resident(KEPT_BYTES);
    }
    pool.async_stack_keep_resident(KEPT_STACK_BYTES);
    pool
}

/// A guest is running.
pub(crate) struct Running(Arc<Ticker>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.change(|running| running - 1);
    }
}

/// A thread that increments the epoch while guests run, and rests when there has been none for a while.
struct Ticker {
    /// Held for a moment at the begin and the end of a question, and at each tick.
    guests: Mutex<Guests>,
    changed: Condvar,
}

/// How many guests run, and whether the clock does.
#[derive(Default)]
struct Guests {
    running: usize,
    /// The thread waits to be told of a guest.
    clock_rests: bool,
}

impl Ticker {
    fn start(engine: &Engine) -> std::io::Result<Arc<Self>> {
        let ticker = Arc::new(Self { guests: Mutex::default(), changed: Condvar::new() });
        let (weak, engine) = (Arc::downgrade(&ticker), engine.clone());
        thread::Builder::new().name("plugin-ticker".into()).spawn(move || tick(&weak, &engine))?;
        Ok(ticker)
    }

    fn change(&self, by: impl FnOnce(usize) -> usize) {
        let mut guests = self.lock();
        guests.running = by(guests.running);
        if guests.clock_rests && guests.running > 0 {
            guests.clock_rests = false;
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Guests> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends with the sandbox that the ticker belongs to.
fn tick(ticker: &Weak<Ticker>, engine: &Engine) {
    /// How long an idle thread takes to notice that its sandbox is gone.
    const IDLE: Duration = Duration::from_secs(1);
    let mut looks = 0;
    while let Some(ticker) = ticker.upgrade() {
        let mut guests = ticker.lock();
        let pause = if guests.running == 0 { LOOK } else { TICK };
        looks = if guests.running == 0 { looks + 1 } else { 0 };
        if looks > LOOKS_BEFORE_REST {
            guests.clock_rests = true;
            let woken = ticker.changed.wait_timeout(guests, IDLE);
            woken.unwrap_or_else(PoisonError::into_inner).0.clock_rests = false;
            continue;
        }
        drop(guests);
        drop(ticker);
        #[expect(clippy::disallowed_methods, reason = "this thread is the clock that interrupts guests")]
        thread::sleep(pause);
        engine.increment_epoch();
    }
}

//! Runs modules: WebAssembly that imports nothing, within limits that its answer cannot depend on.
//!
//! A module gets bytes and gives bytes. What it did with its memory is gone with its instance. The
//! same bytes in give the same bytes out, on every machine: fuel, not time, is what it runs out of,
//! its memory has a fixed limit, and NaNs have one form. Time is only a backstop.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aob_ir::Digest;
use thiserror::Error;
use wasmtime::{
    Config, Engine, InstancePre, Linker, Module as Code, Store, StoreLimits, StoreLimitsBuilder,
    Trap,
};

use crate::clock::Clock;
use crate::trust::{Signature, Trust, Untrusted};

/// What one call of a module may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Units of fuel: about one for each instruction.
    pub fuel: u64,
    /// Bytes of memory.
    pub memory_bytes: usize,
    /// Elements of tables.
    pub table_elements: usize,
    /// Bytes of stack.
    pub stack_bytes: usize,
    /// Bytes of its answer.
    pub answer_bytes: usize,
    /// Bytes of a module.
    pub module_bytes: usize,
    /// Time after which it is stopped, fuel or not.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 2_000_000_000,
            memory_bytes: 64 << 20,
            table_elements: 10_000,
            stack_bytes: 512 << 10,
            answer_bytes: 4 << 20,
            module_bytes: 4 << 20,
            time: Duration::from_secs(5),
        }
    }
}

/// Why bytes are no module that can run here.
#[derive(Debug, Error)]
pub enum ModuleError {
    /// Nobody trusts it.
    #[error(transparent)]
    Untrusted(#[from] Untrusted),
    /// It is too large.
    #[error("the module has {bytes} bytes, and may have {max}")]
    TooLarge {
        /// How large.
        bytes: usize,
        /// How large it may be.
        max: usize,
    },
    /// It is not WebAssembly, or uses what is not allowed here.
    #[error("not a usable WebAssembly module: {0}")]
    Invalid(String),
    /// It wants something of its host.
    #[error("the module imports `{0}`; modules import nothing")]
    Imports(String),
    /// It lacks something.
    #[error("the module does not export {0}")]
    Lacks(&'static str),
}

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// It ran out of fuel.
    #[error("it used up its fuel ({0} units)")]
    Fuel(u64),
    /// It took too long.
    #[error("it took longer than {} ms", .0.as_millis())]
    Time(Duration),
    /// It recursed too deeply.
    #[error("it used up its stack")]
    Stack,
    /// It trapped.
    #[error("it trapped: {0}")]
    Trap(String),
    /// It named bytes outside of its memory.
    #[error("it named bytes outside of its memory")]
    OutOfBounds,
    /// Its answer is too long.
    #[error("its answer has {bytes} bytes, and may have {max}")]
    TooLong {
        /// How long.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
    /// Its instance could not be made.
    #[error("no instance of it can be made: {0}")]
    Instance(String),
}

/// What a call gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The answer.
    pub bytes: Vec<u8>,
    /// Units of fuel that it took.
    pub fuel: u64,
}

/// Compiles and runs modules. Cheap to clone; clones share compiled code settings and clock.
#[derive(Clone)]
pub struct Host {
    engine: Engine,
    clock: Arc<Clock>,
    limits: Limits,
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// A module, compiled and linked once; each call gets an instance of its own.
#[derive(Clone)]
pub struct Module {
    digest: Digest,
    linked: InstancePre<StoreLimits>,
    host: Host,
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl Host {
    /// A host whose modules have these limits.
    ///
    /// # Errors
    /// If this machine cannot run WebAssembly as configured.
    pub fn new(limits: Limits) -> Result<Self, ModuleError> {
        let mut config = Config::new();
        config
            .consume_fuel(true)
            .epoch_interruption(true)
            .cranelift_nan_canonicalization(true)
            .max_wasm_stack(limits.stack_bytes)
            .wasm_simd(false)
            .wasm_relaxed_simd(false)
            .wasm_multi_memory(false)
            .wasm_memory64(false)
            .wasm_tail_call(false)
            .wasm_custom_page_sizes(false)
            .wasm_wide_arithmetic(false)
            .wasm_backtrace_max_frames(None);
        let engine = Engine::new(&config).map_err(invalid)?;
        let clock = Arc::new(Clock::of(&engine));
        Ok(Self { engine, clock, limits })
    }

    /// Compiles a module that is trusted.
    ///
    /// # Errors
    /// See [`ModuleError`].
    pub fn load(
        &self,
        bytes: &[u8],
        signature: &Signature,
        trust: &Trust,
    ) -> Result<Module, ModuleError> {
        let max = self.limits.module_bytes;
        if bytes.len() > max {
            return Err(ModuleError::TooLarge { bytes: bytes.len(), max });
        }
        trust.check(bytes, signature)?;
        self.compile(bytes)
    }

    /// Compiles a module whose bytes are trusted already.
    pub(crate) fn compile(&self, bytes: &[u8]) -> Result<Module, ModuleError> {
        // Text and precompiled code are refused: `from_binary` takes WebAssembly only.
        let code = Code::from_binary(&self.engine, bytes).map_err(invalid)?;
        if let Some(import) = code.imports().next() {
            return Err(ModuleError::Imports(format!("{}.{}", import.module(), import.name())));
        }
        check_exports(&code)?;
        let linked = Linker::new(&self.engine).instantiate_pre(&code).map_err(invalid)?;
        Ok(Module { digest: Digest::of(bytes), linked, host: self.clone() })
    }
}

/// What the ABI asks for.
fn check_exports(code: &Code) -> Result<(), ModuleError> {
    use wasmtime::ValType::{I32, I64};
    let is_function = |name: &str, takes: &[wasmtime::ValType], gives: wasmtime::ValType| {
        let export = code.get_export(name);
        let function = export.as_ref().and_then(wasmtime::ExternType::func);
        function.is_some_and(|function| {
            let params: Vec<_> = function.params().collect();
            let results: Vec<_> = function.results().collect();
            let same = |a: &[wasmtime::ValType], b: &[wasmtime::ValType]| {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| wasmtime::ValType::eq(a, b))
            };
            same(&params, takes) && same(&results, &[gives])
        })
    };
    let has_memory = code.get_export("memory").is_some_and(|export| export.memory().is_some());
    if !has_memory {
        return Err(ModuleError::Lacks("`memory`"));
    }
    if !is_function("aob_alloc", &[I32], I32) {
        return Err(ModuleError::Lacks("`aob_alloc(i32) -> i32`"));
    }
    if !is_function("aob_optimize", &[I32, I32], I64) {
        return Err(ModuleError::Lacks("`aob_optimize(i32, i32) -> i64`"));
    }
    Ok(())
}

impl Module {
    /// `sha256` of its bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Asks a new instance of the module.
    ///
    /// # Errors
    /// See [`CallError`].
    pub fn call(&self, request: &[u8]) -> Result<Answered, CallError> {
        let limits = self.host.limits;
        let bounds = StoreLimitsBuilder::new()
            .memory_size(limits.memory_bytes)
            .table_elements(limits.table_elements)
            .instances(1)
            .tables(4)
            .memories(1)
            .build();
        let mut store = Store::new(&self.host.engine, bounds);
        store.limiter(|bounds| bounds);
        store.set_fuel(limits.fuel).map_err(|error| CallError::Instance(error.to_string()))?;
        let _ticking = self.host.clock.tick_for(&mut store, limits.time);
        let bytes = self.answer(&mut store, request)?;
        let left = store.get_fuel().unwrap_or_default();
        Ok(Answered { bytes, fuel: limits.fuel.saturating_sub(left) })
    }

    fn answer(&self, store: &mut Store<StoreLimits>, request: &[u8]) -> Result<Vec<u8>, CallError> {
        let limits = self.host.limits;
        let stopped = |error: wasmtime::Error| stop_cause(&error, &limits);
        let instance = self.linked.instantiate(&mut *store).map_err(|error| {
            match error.downcast_ref::<Trap>() {
                Some(_) => stop_cause(&error, &limits),
                None => CallError::Instance(error.to_string()),
            }
        })?;
        let lacking = |_| CallError::Instance("its exports changed".to_owned());
        let alloc =
            instance.get_typed_func::<u32, u32>(&mut *store, "aob_alloc").map_err(lacking)?;
        let optimize = instance
            .get_typed_func::<(u32, u32), u64>(&mut *store, "aob_optimize")
            .map_err(lacking)?;
        let memory = instance.get_memory(&mut *store, "memory");
        let memory = memory.ok_or_else(|| CallError::Instance("it has no memory".to_owned()))?;

        let length = u32::try_from(request.len()).map_err(|_| CallError::OutOfBounds)?;
        let place = alloc.call(&mut *store, length).map_err(stopped)?;
        let written = memory.write(&mut *store, place as usize, request);
        written.map_err(|_| CallError::OutOfBounds)?;
        let answer = optimize.call(&mut *store, (place, length)).map_err(stopped)?;
        let (start, length) = ((answer >> 32) as usize, (answer & 0xffff_ffff) as usize);
        if length > limits.answer_bytes {
            return Err(CallError::TooLong { bytes: length, max: limits.answer_bytes });
        }
        let bytes = memory.data(&*store).get(start..start.saturating_add(length));
        bytes.map(<[u8]>::to_vec).ok_or(CallError::OutOfBounds)
    }
}

fn stop_cause(error: &wasmtime::Error, limits: &Limits) -> CallError {
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => CallError::Fuel(limits.fuel),
        Some(Trap::Interrupt) => CallError::Time(limits.time),
        Some(Trap::StackOverflow) => CallError::Stack,
        Some(trap) => CallError::Trap(trap.to_string()),
        None => CallError::Trap(error.to_string()),
    }
}

fn invalid(error: wasmtime::Error) -> ModuleError {
    // The whole chain: the first line alone rarely says what is wrong.
    ModuleError::Invalid(format!("{error:#}"))
}

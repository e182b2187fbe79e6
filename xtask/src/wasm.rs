//! `cargo xtask wasm build | verify`: the optimizer's passes as a committed WebAssembly module.
//!
//! The module is built by an installed `wasm32-unknown-unknown` target where there is one, else by
//! Debian's `rustc-web`, `cargo-web` and `rust-web-src` with `wasm-ld`, which also build the standard
//! library. Both give a module that works; only the toolchain that is named in the manifest gives the
//! committed one byte for byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const SOURCES: &str = "optimizer";
const MODULE: &str = "optimizer/prebuilt/passes.wasm";
const MANIFEST: &str = "optimizer/prebuilt/passes.json";
const TARGET: &str = "wasm32-unknown-unknown";
const BUILT: &str = "aob_passes_module.wasm";
/// Where Debian keeps its second Rust.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";

/// What is committed beside the module.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    /// Digest of the module's bytes.
    module: String,
    /// Digest of what it was built from.
    sources: String,
    /// The toolchain that gives it byte for byte.
    toolchain: String,
}

/// A way to build.
struct Toolchain {
    name: String,
    cargo: PathBuf,
    rustc: PathBuf,
    /// It has no standard library for the target, but its sources.
    builds_std: bool,
}

/// Builds the module and its manifest.
///
/// # Errors
/// If no toolchain can, or the build fails.
pub(crate) fn build() -> Result<()> {
    let toolchain = toolchain()?.context(
        "no toolchain for wasm32-unknown-unknown: `rustup target add wasm32-unknown-unknown`, or \
         Debian's rustc-web, cargo-web, rust-web-src and lld",
    )?;
    let bytes = compile(&toolchain)?;
    let manifest =
        Manifest { module: digest(&bytes), sources: sources()?, toolchain: toolchain.name.clone() };
    if let Some(folder) = Path::new(MODULE).parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(MODULE, bytes).with_context(|| format!("writing {MODULE}"))?;
    let text = serde_json::to_string_pretty(&manifest)? + "\n";
    std::fs::write(MANIFEST, text).with_context(|| format!("writing {MANIFEST}"))
}

/// Builds the module again where the pinned toolchain is present, and requires the same bytes.
/// Everywhere it checks what [`check`] checks; that the module answers as the same passes do natively
/// is a test of `aob-optimizer`.
///
/// # Errors
/// If the committed module is not what the sources give.
pub(crate) fn verify() -> Result<()> {
    check()?;
    let manifest = manifest()?;
    match toolchain()? {
        Some(toolchain) if toolchain.name == manifest.toolchain => {
            let built = digest(&compile(&toolchain)?);
            ensure!(
                built == manifest.module,
                "{MODULE} is not what {} gives: {built}, not {}",
                toolchain.name,
                manifest.module
            );
            say(&format!("built again, byte for byte: {built}"));
        }
        other => {
            let here = other.map_or_else(|| "no toolchain".to_owned(), |toolchain| toolchain.name);
            say(&format!("not built again: it takes {}, and here is {here}", manifest.toolchain));
        }
    }
    Ok(())
}

/// The committed module has the digest that is committed, and was built from the sources as they are.
///
/// # Errors
/// If not.
pub(crate) fn check() -> Result<()> {
    let manifest = manifest()?;
    let bytes = std::fs::read(MODULE).with_context(|| format!("reading {MODULE}"))?;
    ensure!(digest(&bytes) == manifest.module, "{MODULE} is not the module that {MANIFEST} names");
    ensure!(
        sources()? == manifest.sources,
        "{MODULE} was built from other sources: run `cargo xtask wasm build`"
    );
    Ok(())
}

fn manifest() -> Result<Manifest> {
    let text = std::fs::read_to_string(MANIFEST).with_context(|| format!("reading {MANIFEST}"))?;
    serde_json::from_str(&text).with_context(|| format!("reading {MANIFEST}"))
}

/// The toolchain of this machine: an installed target first.
fn toolchain() -> Result<Option<Toolchain>> {
    let rustc = PathBuf::from("rustc");
    if let Some(version) = version(&rustc)? {
        let libraries =
            output(Command::new(&rustc).args(["--print", "target-libdir", "--target", TARGET]))?;
        if libraries.is_some_and(|folder| Path::new(folder.trim()).is_dir()) {
            let cargo = PathBuf::from("cargo");
            return Ok(Some(Toolchain { name: version, cargo, rustc, builds_std: false }));
        }
    }
    let rustc = PathBuf::from(DEBIAN_RUSTC);
    let linker = output(Command::new("wasm-ld").arg("--version"))?;
    let (Some(version), Some(linker)) = (version(&rustc)?, linker) else { return Ok(None) };
    let sysroot = output(Command::new(&rustc).args(["--print", "sysroot"]))?.unwrap_or_default();
    let library = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library");
    if !library.is_dir() {
        return Ok(None);
    }
    let name = format!("{version}, {}, std built from source", linker.trim());
    Ok(Some(Toolchain { name, cargo: DEBIAN_CARGO.into(), rustc, builds_std: true }))
}

fn version(rustc: &Path) -> Result<Option<String>> {
    let version = output(Command::new(rustc).arg("--version"))?;
    Ok(version.map(|version| version.trim().to_owned()))
}

/// What a command prints; `None` where it is not there or fails.
fn output(command: &mut Command) -> Result<Option<String>> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(Some(String::from_utf8(output.stdout)?)),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn compile(toolchain: &Toolchain) -> Result<Vec<u8>> {
    let root = std::env::current_dir()?;
    let target = root.join("target/wasm");
    let sysroot = output(Command::new(&toolchain.rustc).args(["--print", "sysroot"]))?;
    let sysroot = sysroot.context("the toolchain has no sysroot")?;
    let mut command = Command::new(&toolchain.cargo);
    command
        .current_dir(SOURCES)
        .env("RUSTC", &toolchain.rustc)
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO")
        // Where things lie on this machine is no part of the module.
        .env("RUSTFLAGS", remaps(&root.join(SOURCES), sysroot.trim()))
        .args(["build", "--locked", "--release", "--package", "aob-passes-module"])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&target);
    if toolchain.builds_std {
        command
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld")
            .arg("-Zbuild-std=std,panic_abort");
    }
    let status = command.status().context("running cargo")?;
    if !status.success() {
        bail!("the build of {SOURCES} failed");
    }
    let built = target.join(TARGET).join("release").join(BUILT);
    std::fs::read(&built).with_context(|| built.display().to_string())
}

/// Flags that replace paths of this machine by names that are the same everywhere.
fn remaps(sources: &Path, sysroot: &str) -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let mut remaps = vec![
        format!("--remap-path-prefix={}=/passes", sources.display()),
        format!("--remap-path-prefix={sysroot}=/rust"),
    ];
    remaps.extend(home.map(|home| format!("--remap-path-prefix={}=/cargo", home.display())));
    remaps.join(" ")
}

/// The digest of everything that the module is built from: names and contents of its files.
fn sources() -> Result<String> {
    let mut files = BTreeMap::new();
    collect(Path::new(SOURCES), &mut files)?;
    let mut hash = Sha256::new();
    for (name, content) in files {
        for part in [name.as_bytes(), &content] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    Ok(format!("sha256:{}", hex::encode(hash.finalize())))
}

fn collect(folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() {
            if name != "target" && name != "prebuilt" {
                collect(&path, files)?;
            }
        } else if path.extension().is_some_and(|e| e == "rs" || e == "toml" || e == "lock") {
            let key = path.to_string_lossy().replace('\\', "/");
            files.insert(key, std::fs::read(&path)?);
        }
    }
    Ok(())
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

#[expect(clippy::print_stdout, reason = "what the task found is its output")]
fn say(text: &str) {
    println!("{text}");
}

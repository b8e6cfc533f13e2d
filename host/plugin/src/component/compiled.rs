//! The one place where compiled code is believed, and the only unsafe code of the host.
#![expect(
    unsafe_code,
    reason = "running compiled code from a file is what the cache is for; see the function"
)]

use wasmtime::Engine;
use wasmtime::component::Component;

use super::cache::Entry;

/// Maps the code of an entry into this process.
///
/// # Errors
/// When it was made for another engine, or by another version.
pub(super) fn load(engine: &Engine, entry: &Entry) -> wasmtime::Result<Component> {
    // SAFETY: the file has to be what `precompile_component` wrote, and must not change while it is mapped. An `Entry` is only made of a
    // regular file that belongs to this user alone, lies in a folder that only this user can write (0700), and whose content has the
    // digest in its name; the folder gets such names from `Cache::keep` alone, for what our own compiler wrote. Entries are written
    // beside and renamed, never changed, and removing one leaves the mapping intact. Who can write there anyway is this user, who can
    // just as well replace the program. wasmtime itself compares version and settings of the engine.
    unsafe { Component::deserialize_file(engine, entry.path()) }
}

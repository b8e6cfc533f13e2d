//! Attempts to get out of the sandbox, or to get at what belongs to others. Each guest is written by hand in WebAssembly text, below
//! what any language or binding would let an author do. Whatever it tries, it gets nothing, its own question fails, and the next
//! question of a good plugin is answered.
//!
//! Nothing that a guest holds could be a forged handle, as the interface has none (see `evolution`), and a text that is no UTF-8 never
//! reaches the host. Files, environment, sockets, clocks and randomness are refused by their names before anything runs.

use std::path::Path;

use cordboard_model::RouteDecision;
use cordboard_plugin::{DecidedBy, FailureReason, Limits, PluginSettings, StepOutcome};
use serde_json::json;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::support::{
    Tables, aor, chains, failure, load, outcome, plugin, question, router, try_load, unhurried,
};

/// A guest in parts; what is not said is well behaved.
struct Guest {
    imports: &'static str,
    memory: &'static str,
    /// Called by the host for room for the question: old pointer, old size, alignment, size.
    realloc: &'static str,
    /// Gets a pointer to the question and returns one to the answer. 1024 to 2047 are zeros: `ok(dial)` of nothing.
    route: &'static str,
    rest: &'static str,
}

/// Takes from the end of what was taken, and grows the memory when that is used up.
const BUMP: &str = "
    (global.set $next (i32.and (i32.add (global.get $next) (i32.sub (local.get 2) (i32.const 1))) (i32.sub (i32.const 0) (local.get 2))))
    (local.set $at (global.get $next))
    (global.set $next (i32.add (global.get $next) (local.get 3)))
    (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536)))
      (then (drop (memory.grow (i32.add (i32.const 1) (i32.div_u (local.get 3) (i32.const 65536)))))))
    (local.get $at)";

/// Answers `reject` with status 480.
const REJECT: &str = "(i32.store8 (i32.const 1028) (i32.const 1)) (i32.store16 (i32.const 1032) (i32.const 480)) (i32.const 1024)";

/// The import `log.emit`: level, message, fields.
const LOG: &str = r#"(import "cordboard:plugin/log@1.0.0" "emit" (func $emit (param i32 i32 i32 i32 i32)))"#;

/// The import `lookup.get`: table, key, and where the result goes.
const LOOKUP: &str =
    r#"(import "cordboard:plugin/lookup@1.0.0" "get" (func $get (param i32 i32 i32 i32 i32)))"#;

impl Guest {
    const fn that(route: &'static str) -> Self {
        Self { imports: "", memory: "(memory (export \"memory\") 2)", realloc: BUMP, route, rest: "" }
    }

    fn component(&self) -> Vec<u8> {
        let Self { imports, memory, realloc, route, rest } = self;
        let text = format!(
            r#"(module {imports} {memory} (global $next (mut i32) (i32.const 8192))
              (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32) {realloc})
              (func (export "cordboard:plugin/meta@1.0.0#describe") (result i32) (i32.const 4096))
              (func (export "cordboard:plugin/meta@1.0.0#check-config") (param i32 i32) (result i32) (i32.const 4096))
              (func (export "cordboard:plugin/routing@1.0.0#route") (param i32) (result i32) (local $i i32) {route})
              {rest})"#
        );
        let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let mut resolve = Resolve::default();
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/1.0");
        let (package, _) = resolve.push_dir(&wit).expect("the interface is read");
        let world = resolve.select_world(&[package], Some("router")).expect("there is a world of routers");
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("it is embedded");
        let mut encoder = ComponentEncoder::default();
        encoder.module(&module).expect("it is a module for that world");
        encoder.validate(true).encode().expect("it becomes a component")
    }
}

/// A plugin of these bytes, in a folder that lives as long as the value.
fn installed(component: &[u8], limits: Limits) -> (tempfile::TempDir, PluginSettings) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("guest.wasm");
    std::fs::write(&path, component).expect("the component is written");
    (
        folder,
        PluginSettings { source: path.into(), limits, ..plugin("guest", "route-by-extension", json!({})) },
    )
}

/// What the sandbox calls an answer, or a call out, that breaks the rules of the interface.
const BROKEN: [FailureReason; 2] = [FailureReason::Link, FailureReason::Trap];

/// Loads a guest before a good router and asks both: the guest breaks the rules and fails, the good router answers.
async fn fails(guest: Guest) {
    fails_for(guest, &BROKEN, unhurried()).await;
}

async fn fails_for(guest: Guest, reasons: &[FailureReason], limits: Limits) {
    let (_folder, settings) = installed(&guest.component(), limits);
    let plugins = load(&[settings, router("good")], chains(&["guest", "good"], &[])).await;
    for _ in 0..2 {
        let decided = plugins.route(&question("1001")).await;
        let found = failure(&decided.trace[0]);
        assert!(reasons.contains(&found.reason), "{found}");
        assert_eq!(outcome(&decided.answer), Ok(aor("good-1001")));
    }
}

/// The status with which a guest rejects.
async fn status(plugins: &cordboard_plugin::Plugins) -> u16 {
    match plugins.route(&question("1001")).await {
        decided if !matches!(decided.by, DecidedBy::Plugin(_)) => panic!("the guest answers: {decided:?}"),
        decided => match decided.answer {
            RouteDecision::Reject(rejection) => rejection.status,
            other => panic!("the guest rejects: {other:?}"),
        },
    }
}

#[tokio::test]
async fn a_guest_by_hand_is_a_plugin_like_any_other() {
    let (_folder, settings) = installed(&Guest::that(REJECT).component(), unhurried());
    let plugins = load(&[settings], chains(&["guest"], &[])).await;
    assert_eq!(status(&plugins).await, 480);
}

#[tokio::test]
async fn files_environment_sockets_clocks_and_randomness_are_refused_by_name() {
    for import in [
        "wasi:filesystem/preopens@0.2.0",
        "wasi:filesystem/types@0.2.3",
        "wasi:cli/environment@0.2.0",
        "wasi:cli/stdout@0.2.0",
        "wasi:sockets/tcp@0.2.0",
        "wasi:sockets/ip-name-lookup@0.2.0",
        "wasi:http/outgoing-handler@0.2.0",
        "wasi:clocks/wall-clock@0.2.0",
        "wasi:clocks/monotonic-clock@0.2.0",
        "wasi:random/random@0.2.0",
        "wasi:keyvalue/store@0.2.0",
        "host:process/exec",
        "cordboard:plugin/shell@1.0.0",
        "cordboard:plugin/log@0.9.0",
    ] {
        let text = format!(
            r#"(component (import "{import}" (instance))
                 (instance $none) (export "cordboard:plugin/meta@1.0.0" (instance $none))
                 (instance $nothing) (export "cordboard:plugin/routing@1.0.0" (instance $nothing)))"#
        );
        refused(&wat::parse_str(text).expect("it is WebAssembly"), import).await;
    }
}

#[tokio::test]
async fn a_function_smuggled_into_a_granted_interface_is_not_there() {
    let text = r#"(component
        (import "cordboard:plugin/config@1.0.0" (instance (export "read-file" (func (param "path" string) (result string)))))
        (instance $none) (export "cordboard:plugin/meta@1.0.0" (instance $none))
        (instance $nothing) (export "cordboard:plugin/routing@1.0.0" (instance $nothing)))"#;
    refused(&wat::parse_str(text).expect("it is WebAssembly"), "read-file").await;
}

async fn refused(component: &[u8], says: &str) {
    let (_folder, settings) = installed(component, unhurried());
    let (plugins, problems) =
        try_load(&[settings, router("good")], chains(&["guest", "good"], &[]), Tables::default()).await;
    assert_eq!(problems.len(), 1, "{says}");
    assert!(problems[0].to_string().contains(says), "{}", problems[0]);
    assert_eq!(outcome(&plugins.route(&question("1001")).await.answer), Ok(aor("good-1001")));
}

#[tokio::test]
async fn a_text_that_lies_beyond_its_memory_is_not_read() {
    // err(fault) whose code begins at 8 and has 4 GiB.
    let route = "(i32.store8 (i32.const 1024) (i32.const 1)) (i32.store (i32.const 1028) (i32.const 8))
        (i32.store (i32.const 1032) (i32.const -1)) (i32.const 1024)";
    fails(Guest::that(route)).await;
}

#[tokio::test]
async fn an_answer_that_lies_beyond_its_memory_is_not_read() {
    fails(Guest::that("(i32.const 0x7ffffff0)")).await;
    fails(Guest::that("(i32.const -4)")).await;
}

#[tokio::test]
async fn a_list_of_a_billion_entries_is_not_made() {
    // ok(dial) whose list of targets is said to have 2^30 entries.
    let route = "(i32.store (i32.const 1032) (i32.const 2048)) (i32.store (i32.const 1036) (i32.const 0x40000000)) (i32.const 1024)";
    fails(Guest::that(route)).await;
}

#[tokio::test]
async fn a_list_that_names_the_same_bytes_again_and_again_is_not_copied() {
    // ok(redirect) of 16,000 texts of 64 KiB each, which are all the same 64 KiB.
    let route = "(i32.store8 (i32.const 1028) (i32.const 2)) (i32.store (i32.const 1032) (i32.const 131072))
        (i32.store (i32.const 1036) (i32.const 16000))
        (loop $fill
          (i32.store (i32.add (i32.const 131072) (i32.mul (local.get $i) (i32.const 8))) (i32.const 262144))
          (i32.store (i32.add (i32.const 131076) (i32.mul (local.get $i) (i32.const 8))) (i32.const 65536))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $fill (i32.lt_u (local.get $i) (i32.const 16000))))
        (i32.const 1024)";
    let memory = "(memory (export \"memory\") 8)";
    fails_for(Guest { memory, ..Guest::that(route) }, &[FailureReason::Output], unhurried()).await;
}

#[tokio::test]
async fn a_text_that_is_no_utf8_never_becomes_one() {
    // err(fault) whose message is an overlong slash, half a character, and a lone surrogate.
    let route =
        "(i32.store (i32.const 3072) (i32.const 0xedafc0c3)) (i32.store (i32.const 3076) (i32.const 0x80a0))
        (i32.store8 (i32.const 1024) (i32.const 1)) (i32.store (i32.const 1036) (i32.const 3072))
        (i32.store (i32.const 1040) (i32.const 6)) (i32.const 1024)";
    fails(Guest::that(route)).await;
}

#[tokio::test]
async fn a_host_function_does_not_take_bytes_that_are_not_the_guests() {
    for message in [
        "(i32.const 0) (i32.const -1)",
        "(i32.const -1) (i32.const 16)",
        "(i32.const 131000) (i32.const 65536)",
        "(i32.const 0x7fffffff) (i32.const 0x7fffffff)",
    ] {
        let route: String =
            format!("(call $emit (i32.const 2) {message} (i32.const 0) (i32.const 0)) {REJECT}");
        fails(Guest { imports: LOG, ..Guest::that(Box::leak(route.into_boxed_str())) }).await;
    }
}

#[tokio::test]
async fn a_host_function_does_not_take_a_text_that_is_no_utf8() {
    let route = "(i32.store (i32.const 3072) (i32.const 0xfffefdfc))
        (call $emit (i32.const 2) (i32.const 3072) (i32.const 4) (i32.const 0) (i32.const 0)) (i32.const 1024)";
    fails(Guest { imports: LOG, ..Guest::that(route) }).await;
}

#[tokio::test]
async fn a_case_that_a_variant_does_not_have_is_no_answer() {
    fails(Guest::that("(i32.store8 (i32.const 1028) (i32.const 99)) (i32.const 1024)")).await;
    fails(Guest::that("(i32.store8 (i32.const 1024) (i32.const 2)) (i32.const 1024)")).await;
    let level = "(call $emit (i32.const 77) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) (i32.const 1024)";
    fails(Guest { imports: LOG, ..Guest::that(level) }).await;
}

#[tokio::test]
async fn room_for_the_question_that_is_not_the_guests_is_not_written() {
    // Too little room for a question, and room that is not aligned.
    for realloc in ["(i32.const 131064)", "(i32.const 3)"] {
        fails(Guest { realloc, ..Guest::that(REJECT) }).await;
    }
    // No room for anything: it fails before it is asked about a call.
    for realloc in ["(i32.const 0x7ffffff0)", "(i32.const -16)"] {
        refused(&Guest { realloc, ..Guest::that(REJECT) }.component(), "realloc return").await;
    }
}

#[tokio::test]
async fn the_room_for_a_hosts_result_is_not_written_beyond_the_memory() {
    for room in ["(i32.const -8)", "(i32.const 131068)", "(i32.const 2)"] {
        let route: String =
            format!("(call $get (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) {room}) {REJECT}");
        fails(Guest { imports: LOOKUP, ..Guest::that(Box::leak(route.into_boxed_str())) }).await;
    }
}

#[tokio::test]
async fn a_guest_does_not_call_out_while_the_host_calls_in() {
    // The host asks for room while it writes the question; the guest answers with a call of its own.
    let realloc =
        "(call $emit (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) (i32.const 8192)";
    refused(
        &Guest { imports: LOG, realloc, ..Guest::that(REJECT) }.component(),
        "cannot leave component instance",
    )
    .await;
}

#[tokio::test]
async fn a_guest_does_not_call_out_after_it_has_answered() {
    let rest = r#"(func (export "cabi_post_cordboard:plugin/routing@1.0.0#route") (param i32)
        (call $emit (i32.const 2) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))"#;
    fails(Guest { imports: LOG, rest, ..Guest::that(REJECT) }).await;
}

#[tokio::test]
async fn what_a_question_left_in_memory_is_not_there_for_the_next() {
    // Rejects with 481 when the mark of an earlier question is still there.
    let route = "(i32.store8 (i32.const 1028) (i32.const 1))
        (i32.store16 (i32.const 1032) (i32.add (i32.const 480) (i32.eq (i32.load (i32.const 5000)) (i32.const 0x5ec2e7))))
        (i32.store (i32.const 5000) (i32.const 0x5ec2e7)) (i32.const 1024)";
    let (_folder, settings) = installed(&Guest::that(route).component(), unhurried());
    let plugins = load(&[settings], chains(&["guest"], &[])).await;
    for _ in 0..20 {
        assert_eq!(status(&plugins).await, 480);
    }
}

#[tokio::test]
async fn what_another_plugin_left_in_memory_is_not_there_for_a_guest() {
    // Writes 4 MiB of marks and passes.
    let writes = "(drop (memory.grow (i32.const 64))) (local.set $i (i32.const 131072))
        (loop $fill (i32.store (local.get $i) (i32.const 0x5ec2e7)) (local.set $i (i32.add (local.get $i) (i32.const 4)))
          (br_if $fill (i32.lt_u (local.get $i) (i32.const 4325376))))
        (i32.store8 (i32.const 1028) (i32.const 8)) (i32.const 1024)";
    // Rejects with 481 when any of 4 MiB beyond its own first pages is not zero.
    let looks = "(drop (memory.grow (i32.const 64))) (local.set $i (i32.const 131072))
        (i32.store8 (i32.const 1028) (i32.const 1)) (i32.store16 (i32.const 1032) (i32.const 480))
        (block $done (loop $look
          (if (i32.load (local.get $i)) (then (i32.store16 (i32.const 1032) (i32.const 481)) (br $done)))
          (local.set $i (i32.add (local.get $i) (i32.const 4)))
          (br_if $look (i32.lt_u (local.get $i) (i32.const 4325376)))))
        (i32.const 1024)";
    let (_one, first) = installed(&Guest::that(writes).component(), unhurried());
    let (_two, second) = installed(&Guest::that(looks).component(), unhurried());
    let (writer, looker) = (PluginSettings { name: "writer".into(), ..first }, second);
    let plugins = load(&[writer, looker], chains(&["writer", "guest"], &[])).await;
    for _ in 0..20 {
        let decided = plugins.route(&question("1001")).await;
        assert_eq!(decided.trace[0].outcome, StepOutcome::Passed);
        assert_eq!(outcome(&decided.answer), Err(480), "the memory of another plugin can be read");
    }
}

#[tokio::test]
async fn memory_and_tables_do_not_grow_beyond_the_limit() {
    // Rejects with 481 when it got 3 GiB, with 482 when it got a table of a million entries.
    let route = "(i32.store8 (i32.const 1028) (i32.const 1))
        (i32.store16 (i32.const 1032) (i32.add (i32.const 480) (i32.add
          (i32.ne (memory.grow (i32.const 49152)) (i32.const -1))
          (i32.mul (i32.const 2) (i32.ne (table.grow $table (ref.null func) (i32.const 1000000)) (i32.const -1))))))
        (i32.const 1024)";
    let guest = Guest { rest: "(table $table 1 funcref)", ..Guest::that(route) };
    let (_folder, settings) = installed(&guest.component(), unhurried());
    let plugins = load(&[settings], chains(&["guest"], &[])).await;
    assert_eq!(status(&plugins).await, 480);
}

#[tokio::test]
async fn a_memory_that_begins_beyond_the_limit_is_not_made() {
    let guest = Guest { memory: "(memory (export \"memory\") 1024)", ..Guest::that(REJECT) };
    refused(&guest.component(), "memory").await;
}

#[tokio::test]
async fn a_flood_of_host_calls_ends_at_the_deadline() {
    let route = "(loop $again (call $emit (i32.const 2) (i32.const 0) (i32.const 1024) (i32.const 0) (i32.const 0)) (br $again))
        (i32.const 1024)";
    fails_for(Guest { imports: LOG, ..Guest::that(route) }, &[FailureReason::Deadline], Limits::default())
        .await;
}

#[tokio::test]
async fn a_guest_that_never_starts_does_not_keep_the_host_waiting() {
    let guest = Guest { rest: "(func $spin (loop $again (br $again))) (start $spin)", ..Guest::that(REJECT) };
    refused(&guest.component(), "no answer within 2000 ms").await;
}

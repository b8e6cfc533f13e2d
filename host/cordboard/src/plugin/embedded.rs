//! The files that `cordboard plugin new` writes, in the binary. In our repository they are the truth: nothing is copied by hand.

use super::project::Language;

/// A file with its path from the root of our repository.
#[derive(Clone, Copy, Debug)]
pub(crate) struct File {
    pub(crate) path: &'static str,
    pub(crate) text: &'static str,
}

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(File { path: $path, text: include_str!(concat!("../../../../", $path)) }),*]
    };
}

/// The interface.
pub(crate) const WIT: &[File] = files![
    "wit/1.0/authorization.wit",
    "wit/1.0/escalation.wit",
    "wit/1.0/event-formatting.wit",
    "wit/1.0/host.wit",
    "wit/1.0/meta.wit",
    "wit/1.0/routing.wit",
    "wit/1.0/types.wit",
    "wit/1.0/worlds.wit",
];

/// What a plugin of a language is built with.
pub(crate) fn sdk(language: Language) -> &'static [File] {
    match language {
        Language::Rust => RUST_SDK,
        Language::JavaScript => JAVASCRIPT_SDK,
        Language::Python => PYTHON_SDK,
        Language::C => C_SDK,
    }
}

const RUST_SDK: &[File] = files![
    "sdk/rust/Cargo.toml",
    "sdk/rust/src/authorizer.rs",
    "sdk/rust/src/escalation.rs",
    "sdk/rust/src/export.rs",
    "sdk/rust/src/formatter.rs",
    "sdk/rust/src/host.rs",
    "sdk/rust/src/lib.rs",
    "sdk/rust/src/plugin.rs",
    "sdk/rust/src/router.rs",
    "sdk/rust/src/router/media.rs",
    "sdk/rust/src/testing/mod.rs",
    "sdk/rust/src/testing/questions.rs",
    "sdk/rust/src/testing/tests.rs",
];

const JAVASCRIPT_SDK: &[File] = files![
    "sdk/javascript/authorizer.js",
    "sdk/javascript/escalator.js",
    "sdk/javascript/export.js",
    "sdk/javascript/formatter.js",
    "sdk/javascript/index.js",
    "sdk/javascript/package.json",
    "sdk/javascript/router.js",
    "sdk/javascript/testing.js",
    "sdk/javascript/types.d.ts",
];

const PYTHON_SDK: &[File] = files![
    "sdk/python/cordboard_plugin/__init__.py",
    "sdk/python/cordboard_plugin/authorization.py",
    "sdk/python/cordboard_plugin/escalation.py",
    "sdk/python/cordboard_plugin/formatting.py",
    "sdk/python/cordboard_plugin/routing.py",
    "sdk/python/cordboard_plugin/testing.py",
    "sdk/python/pyproject.toml",
];

const C_SDK: &[File] = files!["sdk/c/cordboard_plugin.h", "sdk/c/cordboard_router.h",];

/// The templates: `sdk/templates/LANGUAGE/common/...` for every kind, `sdk/templates/LANGUAGE/KIND/...` for one.
pub(crate) const TEMPLATES: &[File] = files![
    "sdk/templates/c/authorizer/config.json",
    "sdk/templates/c/authorizer/samples/no-proof.json",
    "sdk/templates/c/authorizer/src/plugin.c",
    "sdk/templates/c/common/README.md",
    "sdk/templates/c/common/gitignore",
    "sdk/templates/c/common/requirements.txt",
    "sdk/templates/c/escalator/config.json",
    "sdk/templates/c/escalator/samples/opened.json",
    "sdk/templates/c/escalator/src/plugin.c",
    "sdk/templates/c/formatter/config.json",
    "sdk/templates/c/formatter/samples/not-told.json",
    "sdk/templates/c/formatter/src/plugin.c",
    "sdk/templates/c/router/config.json",
    "sdk/templates/c/router/samples/somebody-is-there.json",
    "sdk/templates/c/router/src/plugin.c",
    "sdk/templates/javascript/authorizer/config.json",
    "sdk/templates/javascript/authorizer/samples/no-proof.json",
    "sdk/templates/javascript/authorizer/src/main.js",
    "sdk/templates/javascript/authorizer/src/plugin.js",
    "sdk/templates/javascript/authorizer/test/plugin.test.js",
    "sdk/templates/javascript/common/README.md",
    "sdk/templates/javascript/common/gitignore",
    "sdk/templates/javascript/common/package.json",
    "sdk/templates/javascript/escalator/config.json",
    "sdk/templates/javascript/escalator/samples/opened.json",
    "sdk/templates/javascript/escalator/src/main.js",
    "sdk/templates/javascript/escalator/src/plugin.js",
    "sdk/templates/javascript/escalator/test/plugin.test.js",
    "sdk/templates/javascript/formatter/config.json",
    "sdk/templates/javascript/formatter/samples/not-told.json",
    "sdk/templates/javascript/formatter/src/main.js",
    "sdk/templates/javascript/formatter/src/plugin.js",
    "sdk/templates/javascript/formatter/test/plugin.test.js",
    "sdk/templates/javascript/router/config.json",
    "sdk/templates/javascript/router/samples/somebody-is-there.json",
    "sdk/templates/javascript/router/src/main.js",
    "sdk/templates/javascript/router/src/plugin.js",
    "sdk/templates/javascript/router/test/plugin.test.js",
    "sdk/templates/python/authorizer/config.json",
    "sdk/templates/python/authorizer/samples/no-proof.json",
    "sdk/templates/python/authorizer/src/plugin.py",
    "sdk/templates/python/authorizer/test/test_plugin.py",
    "sdk/templates/python/common/README.md",
    "sdk/templates/python/common/gitignore",
    "sdk/templates/python/common/requirements.txt",
    "sdk/templates/python/escalator/config.json",
    "sdk/templates/python/escalator/samples/opened.json",
    "sdk/templates/python/escalator/src/plugin.py",
    "sdk/templates/python/escalator/test/test_plugin.py",
    "sdk/templates/python/formatter/config.json",
    "sdk/templates/python/formatter/samples/not-told.json",
    "sdk/templates/python/formatter/src/plugin.py",
    "sdk/templates/python/formatter/test/test_plugin.py",
    "sdk/templates/python/router/config.json",
    "sdk/templates/python/router/samples/somebody-is-there.json",
    "sdk/templates/python/router/src/plugin.py",
    "sdk/templates/python/router/test/test_plugin.py",
    "sdk/templates/rust/authorizer/config.json",
    "sdk/templates/rust/authorizer/samples/no-proof.json",
    "sdk/templates/rust/authorizer/src/lib.rs",
    "sdk/templates/rust/common/Cargo.toml",
    "sdk/templates/rust/common/README.md",
    "sdk/templates/rust/common/gitignore",
    "sdk/templates/rust/common/rustfmt.toml",
    "sdk/templates/rust/escalator/config.json",
    "sdk/templates/rust/escalator/samples/opened.json",
    "sdk/templates/rust/escalator/src/lib.rs",
    "sdk/templates/rust/formatter/config.json",
    "sdk/templates/rust/formatter/samples/not-told.json",
    "sdk/templates/rust/formatter/src/lib.rs",
    "sdk/templates/rust/router/config.json",
    "sdk/templates/rust/router/samples/somebody-is-there.json",
    "sdk/templates/rust/router/src/lib.rs",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Every file under a folder of the repository, with its path from the root; what tools leave behind is no source.
    fn present(root: &Path, folder: &str, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(root.join(folder)).expect("the folder is there") {
            let entry = entry.expect("the folder can be read");
            let name = entry.file_name().into_string().expect("our names are UTF-8");
            if ["target", "node_modules", "__pycache__", "Cargo.lock"].contains(&name.as_str()) {
                continue;
            }
            let path = format!("{folder}/{name}");
            if entry.file_type().expect("it has a type").is_dir() {
                present(root, &path, found);
            } else {
                found.insert(path);
            }
        }
    }

    #[test]
    fn every_file_of_the_sdk_is_in_the_binary() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let cases: [(&str, &[File]); 6] = [
            ("wit/1.0", WIT),
            ("sdk/templates", TEMPLATES),
            ("sdk/rust", RUST_SDK),
            ("sdk/javascript", JAVASCRIPT_SDK),
            ("sdk/python", PYTHON_SDK),
            ("sdk/c", C_SDK),
        ];
        for (folder, embedded) in cases {
            let mut expected = BTreeSet::new();
            present(&root, folder, &mut expected);
            let found: BTreeSet<String> = embedded.iter().map(|file| file.path.to_owned()).collect();
            assert_eq!(found, expected, "{folder}: correct the list in embedded.rs");
        }
    }
}

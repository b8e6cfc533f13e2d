//! What is kept, what is not believed, and what goes first.

use std::io::Write as _;

use super::*;

fn key(name: &str) -> Key {
    Key(format!("{name}-0123456789abcdef-"))
}

fn settings(folder: &Path) -> CacheSettings {
    CacheSettings { folder: folder.join("cache"), max_bytes: 1_000 }
}

fn put(cache: &Cache, name: &str, content: &[u8]) -> PathBuf {
    let draft = cache.draft().expect("a draft can be made");
    draft.output().and_then(|mut output| output.write_all(content)).expect("it can be written");
    cache.keep(&key(name), draft).expect("it can be kept").path
}

/// An empty cache of 1,000 bytes.
fn cache() -> (TempDir, Cache) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let cache = Cache::open(&settings(folder.path())).expect("it is ours");
    (folder, cache)
}

/// Moves the last use of a file into the past.
fn age(path: &Path, seconds: u64) {
    let file = File::open(path).expect("it is there");
    let used = file.metadata().and_then(|found| found.modified()).expect("it has a time");
    file.set_modified(used - std::time::Duration::from_secs(seconds)).expect("it is ours");
}

#[test]
fn what_is_kept_is_found_by_its_key_alone() {
    let (_folder, cache) = cache();
    let path = put(&cache, "a", b"code");
    assert_eq!(cache.find(&key("a")).map(|entry| entry.path), Some(path));
    assert!(cache.find(&key("b")).is_none());
    assert_eq!(cache.files().expect("it can be listed").len(), 1, "no draft is left");
}

#[test]
fn a_damaged_entry_is_not_found_and_removed() {
    for damage in [&b"codf"[..], b"cod", b"", b"codecode"] {
        let (_folder, cache) = cache();
        let path = put(&cache, "a", b"code");
        fs::write(&path, damage).expect("it is ours");
        assert!(cache.find(&key("a")).is_none(), "{damage:?}");
        assert!(!path.exists(), "{damage:?}");
    }
}

#[test]
fn an_entry_that_others_can_change_or_that_is_a_link_is_not_believed() {
    let (folder, cache) = cache();
    let path = put(&cache, "a", b"code");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("it is ours");
    assert!(cache.find(&key("a")).is_none());

    let path = put(&cache, "a", b"code");
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(&path, &elsewhere).expect("it can be moved");
    std::os::unix::fs::symlink(&elsewhere, &path).expect("a link can be made");
    assert!(cache.find(&key("a")).is_none());
    assert!(elsewhere.exists(), "what a link names is left alone");
}

#[test]
fn what_was_not_used_for_longest_makes_room() {
    let (_folder, cache) = cache();
    let [old, used, dropped] =
        ["old", "used", "left"].map(|name| put(&cache, name, format!("{name:>300}").as_bytes()));
    let draft = cache.folder.join("draft-of-a-crash");
    fs::rename(dropped, &draft).expect("it can be moved");
    age(&old, 60);
    age(&used, 120);
    age(&draft, 180);
    assert!(cache.find(&key("used")).is_some(), "a use makes it young");
    let new = put(&cache, "new", &[0; 400]);
    assert_eq!([&old, &used, &draft, &new].map(|path| path.exists()), [true, true, false, true]);
    let newer = put(&cache, "newer", &[0; 400]);
    assert_eq!([&old, &used, &new, &newer].map(|path| path.exists()), [false, false, true, true]);
    let huge = put(&cache, "huge", &[0; 2_000]);
    assert!(huge.exists(), "what has just been made stays");
}

#[test]
fn a_folder_is_made_for_us_alone_and_one_that_others_can_enter_is_refused() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let settings = settings(folder.path());
    Cache::open(&settings).expect("it is made");
    let mode = |path: &Path| fs::metadata(path).map(|found| found.mode() & 0o777).ok();
    assert_eq!(mode(&settings.folder), Some(0o700));

    fs::set_permissions(&settings.folder, fs::Permissions::from_mode(0o770)).expect("it is ours");
    let error = Cache::open(&settings).expect_err("others can enter").to_string();
    assert!(error.contains("mode 770") && error.contains("chmod 700"), "{error}");

    fs::remove_dir(&settings.folder).expect("it is empty");
    fs::write(&settings.folder, "").expect("it can be written");
    let error = Cache::open(&settings).expect_err("it is a file").to_string();
    assert!(error.contains("components.cache cannot be used"), "{error}");
}

#[test]
fn a_folder_of_somebody_else_is_refused() {
    // Made by root in every Linux; whoever runs the tests as root has one of another user to give.
    let folder = tempfile::tempdir().expect("a folder for the test");
    let settings = settings(folder.path());
    Cache::open(&settings).expect("it is made");
    let is_root = our_user() == 0;
    if is_root {
        std::os::unix::fs::chown(&settings.folder, Some(65_534), None).expect("root can give it away");
    }
    let foreign = if is_root { settings } else { CacheSettings { folder: "/root".into(), ..settings } };
    let error = Cache::open(&foreign).expect_err("it is not ours");
    assert!(matches!(error, CacheError::Foreign { .. } | CacheError::Unusable { .. }), "{error}");
}

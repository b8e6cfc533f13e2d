//! What is told about files that TLS cannot be made of. No message may contain any of a key.

use std::path::PathBuf;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};

use super::*;

/// A folder with a certificate, its key, and files that are wrong in one way each.
struct Files(tempfile::TempDir, CertifiedKey<KeyPair>);

impl Files {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder of our own");
        let made = generate_simple_self_signed(["pbx.example".to_owned()]).expect("a certificate");
        let files = Self(folder, made);
        let key = files.1.signing_key.serialize_pem();
        let other = KeyPair::generate().expect("a key").serialize_pem();
        for (name, content) in [
            ("good.crt", files.1.cert.pem()),
            ("good.key", key.clone()),
            ("other.key", other),
            ("cut.key", key[..key.len() / 2].to_owned()),
            ("locked.key", key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY")),
            ("text", "hello\n".to_owned()),
            ("both", files.1.cert.pem() + &key),
        ] {
            std::fs::write(files.path(name), content).expect("it is written");
        }
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, certificate: &str, key: &str, client_ca: Option<&str>) -> Result<TlsSettings, String> {
        let identity = Some((self.path(certificate), self.path(key)));
        let client_ca = client_ca.map(|name| self.path(name));
        let files = TlsFiles { identity, client_ca, ca: Some(self.path("good.crt")) };
        let told = |file: Unusable| format!("{}: {}", file.key, file.message);
        TlsSettings::read(&files, true)
            .map_err(|list| list.into_iter().map(told).collect::<Vec<_>>().join("\n"))
    }
}

#[test]
fn a_wrong_file_says_what_was_expected_what_was_found_and_what_to_do() {
    let files = Files::new();
    let secret = files.1.signing_key.serialize_pem();
    let secret = secret.lines().nth(1).expect("a line of the key");
    for (certificate, key, client_ca, told) in [
        ("none", "good.key", None, &["certificate: ", "could not be read", "correct the path"][..]),
        (
            "good.key",
            "good.key",
            None,
            &["certificate: ", "found 1 private key(s) only", "BEGIN CERTIFICATE"],
        ),
        ("text", "good.key", None, &["certificate: ", "found nothing in PEM"]),
        ("good.crt", "good.crt", None, &["key: ", "found 1 certificate(s) only", "BEGIN PRIVATE KEY"]),
        ("good.crt", "cut.key", None, &["key: ", "cut off or damaged", "copy it again"]),
        ("good.crt", "locked.key", None, &["key: ", "found an encrypted key", "openssl pkey"]),
        (
            "good.crt",
            "other.key",
            None,
            &["key: ", "expected the key of the first certificate", "good.crt", "other.key"],
        ),
        ("good.crt", "good.key", Some("text"), &["client_ca: ", "found nothing in PEM"]),
        ("text", "text", Some("none"), &["certificate: ", "client_ca: "]),
    ] {
        let message = files.read(certificate, key, client_ca).expect_err("it is wrong");
        for part in told {
            assert!(message.contains(part), "{part:?} is missing in {message}");
        }
        assert!(!message.contains(secret), "a key is told: {message}");
    }
}

#[test]
fn certificate_and_key_may_be_in_one_file() {
    let settings = Files::new().read("both", "both", Some("good.crt")).expect("it is right");
    assert_eq!(format!("{settings:?}"), "TlsSettings { identity: true, roots: 1 }");
}

#[test]
fn a_reload_without_a_certificate_keeps_the_one_that_listeners_need() {
    let tls = Tls::new(Files::new().read("good.crt", "good.key", None).expect("it is right"));
    let before = tls.sip().expect("there is one");
    tls.replace(TlsSettings::default());
    assert!(Arc::ptr_eq(&before, &tls.sip().expect("it is kept")));
    assert_eq!(tls.0.load().roots(), 1);
}

//! The section `tls`. The files that it names are read here, so that a wrong one is told with its place before anything starts.

use std::path::Path;

use super::section::Section;
use super::sip::SipConfig;
use super::value;
use crate::tls::{TlsFiles, TlsSettings};

/// Reads `tls` and its files; paths are relative to `folder`. `requests`: plugins send requests over TLS.
pub(super) fn read_tls(section: Section<'_>, sip: &SipConfig, folder: &Path, requests: bool) -> TlsSettings {
    let file = |key| section.optional(key, value::text).map(|path| folder.join(path));
    let (certificate, key) = (file("certificate"), file("key"));
    let (client_ca, ca) = (file("client_ca"), file("ca"));
    section.finish();
    for (missing, present, name) in [(&certificate, &key, "certificate"), (&key, &certificate, "key")] {
        let listener = if sip.tls.is_empty() { "sip.wss" } else { "sip.tls" };
        if missing.is_none() && present.is_some() {
            section.complain(name, "this key is missing; a certificate and its key come together");
        } else if missing.is_none() && sip.shows_certificate() {
            section.complain(name, format!("this key is missing; {listener} needs the path of a PEM file"));
        }
    }
    if client_ca.is_some() && sip.tls.is_empty() {
        section.complain("client_ca", "it concerns peers that connect to sip.tls, which has no listener");
    }
    let files = TlsFiles { identity: certificate.zip(key), client_ca, ca };
    TlsSettings::read(&files, !sip.tls.is_empty() || requests).unwrap_or_else(|unusable| {
        for file in unusable {
            section.complain(file.key, file.message);
        }
        TlsSettings::default()
    })
}

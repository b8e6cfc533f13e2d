//! The `o=` line: what names a session, and which version of it a description is (RFC 8866 §5.2).

use std::ops::Range;

use bytes::Bytes;

use super::edit::{Edit, Replacement};

/// User name, session id and version of an `o=` line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// User name and session id, as written.
    pub name: Bytes,
    /// Grows with every change of the session.
    pub version: u64,
}

/// Where an origin stands in a body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) name: Range<usize>,
    pub(super) version: Range<usize>,
}

impl Place {
    pub(super) fn read(&self, body: &Bytes) -> Option<Origin> {
        let version = std::str::from_utf8(&body[self.version.clone()]).ok()?.parse().ok()?;
        Some(Origin { name: body.slice(self.name.clone()), version })
    }

    /// The changes that put another origin here.
    pub(super) fn edits(&self, origin: &Origin) -> [Edit; 2] {
        let put =
            |range: &Range<usize>, text| Edit { range: range.clone(), replacement: Replacement::Text(text) };
        [put(&self.name, origin.name.clone()), put(&self.version, origin.version.to_string().into())]
    }
}

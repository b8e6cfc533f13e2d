//! Where the encryption of a stream stands in a description, and what is written there instead.

use std::ops::Range;

use super::crypto::{Encryption, transport};
use super::edit::{Edit, Replacement};

/// The places of one relayed `m=` line.
#[derive(Clone, Debug)]
pub(super) struct Protection {
    /// Which relay stream it is.
    pub(super) slot: usize,
    /// The transport in the `m=` line.
    pub(super) transport: Range<usize>,
    /// Its `a=crypto` lines, whole.
    pub(super) lines: Vec<Range<usize>>,
    /// Where its section ends.
    pub(super) end: usize,
}

impl Protection {
    /// The changes that give it another encryption.
    pub(super) fn edits(&self, body: &[u8], encryption: &Encryption) -> Vec<Edit> {
        let added = match encryption {
            Encryption::Passed => return Vec::new(),
            Encryption::Removed => None,
            Encryption::Added(lines) => Some(&lines[self.slot]),
        };
        // What is neither RTP nor SRTP with SDES (T.38, DTLS) stays as it is.
        let Some(transport) = transport(&body[self.transport.clone()], added.is_some()) else {
            return Vec::new();
        };
        let removed = |range: &Range<usize>| Edit { range: range.clone(), replacement: Replacement::Removed };
        let transport =
            Edit { range: self.transport.clone(), replacement: Replacement::Text(transport.into()) };
        let mut edits = vec![transport];
        edits.extend(self.lines.iter().map(removed));
        if let Some(lines) = added.filter(|lines| !lines.is_empty()) {
            let text: String = lines.iter().map(|line| line.write()).collect();
            edits.push(Edit { range: self.end..self.end, replacement: Replacement::Text(text.into()) });
        }
        edits
    }
}

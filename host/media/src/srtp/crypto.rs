//! The transforms of RFC 3711: AES in counter mode (§4.1.1), HMAC-SHA1 (§4.2.1), and the derivation of session keys (§4.3).

use aes::Aes128;
use aes::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::key::{KEY_BYTES, MasterKey, SALT_BYTES, Suite};

/// Tags: of every suite on RTCP and of most on RTP, and the short one on RTP.
pub(super) const LONG_TAG: usize = 10;
const SHORT_TAG: usize = 4;

/// Length of the key of HMAC-SHA1 (§8.2).
const AUTHENTICATION_BYTES: usize = 20;

/// What is protected; each has session keys of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Rtp,
    Rtcp,
}

/// The session keys of one direction of RTP or RTCP.
pub(super) struct Session {
    cipher: Aes128,
    salt: Zeroizing<[u8; SALT_BYTES]>,
    authentication: Hmac<Sha1>,
    tag: usize,
}

impl Session {
    /// Derives the session keys (§4.3.1): labels 0 to 2 for SRTP, 3 to 5 for SRTCP.
    pub(super) fn derive(suite: Suite, master: &MasterKey, kind: Kind) -> Self {
        let first = match kind {
            Kind::Rtp => 0,
            Kind::Rtcp => 3,
        };
        let tag = match (suite, kind) {
            (Suite::AesCm128HmacSha1_32, Kind::Rtp) => SHORT_TAG,
            (Suite::AesCm128HmacSha1_80 | Suite::AesCm128HmacSha1_32, _) => LONG_TAG,
        };
        let key: Zeroizing<[u8; KEY_BYTES]> = derive(master, first);
        let authentication: Zeroizing<[u8; AUTHENTICATION_BYTES]> = derive(master, first + 1);
        Self {
            cipher: Aes128::new((&*key).into()),
            salt: derive(master, first + 2),
            authentication: <Hmac<Sha1> as Mac>::new_from_slice(authentication.as_slice())
                .expect("HMAC takes a key of any length"),
            tag,
        }
    }

    /// Length of its tag.
    pub(super) fn tag_bytes(&self) -> usize {
        self.tag
    }

    /// Encrypts, or decrypts, what belongs to packet `index` of a source (§4.1.1).
    pub(super) fn crypt(&self, ssrc: u32, index: u64, data: &mut [u8]) {
        let mut block = [0; 16];
        block[..SALT_BYTES].copy_from_slice(self.salt.as_slice());
        let ssrc = ssrc.to_be_bytes();
        let index = index.to_be_bytes();
        for (byte, value) in block[4..14].iter_mut().zip(ssrc.into_iter().chain(index.into_iter().skip(2))) {
            *byte ^= value;
        }
        keystream(&self.cipher, &block, data);
    }

    /// The tag of a packet, at full length: what is sent are its first [`Self::tag_bytes`]. `rollover` is what stands behind the
    /// packet only for this (§4.2): the rollover counter of RTP, nothing for RTCP.
    pub(super) fn tag(&self, packet: &[u8], rollover: &[u8]) -> [u8; 20] {
        let mut authentication = self.authentication.clone();
        authentication.update(packet);
        authentication.update(rollover);
        authentication.finalize().into_bytes().into()
    }

    /// Whether a tag is right; compared in constant time.
    pub(super) fn verify(&self, packet: &[u8], rollover: &[u8], tag: &[u8]) -> bool {
        let mut authentication = self.authentication.clone();
        authentication.update(packet);
        authentication.update(rollover);
        tag.len() == self.tag && authentication.verify_truncated_left(tag).is_ok()
    }
}

/// A session key: the keystream that begins where the label of the key stands in the salt (§4.3.3).
pub(super) fn derive<const N: usize>(master: &MasterKey, label: u8) -> Zeroizing<[u8; N]> {
    let mut block = [0; 16];
    block[..SALT_BYTES].copy_from_slice(master.salt());
    block[7] ^= label;
    let mut key = Zeroizing::new([0; N]);
    keystream(&Aes128::new(master.key().into()), &block, key.as_mut_slice());
    key
}

/// Adds the keystream of AES in counter mode that begins with this block.
pub(super) fn keystream(cipher: &Aes128, block: &[u8; 16], data: &mut [u8]) {
    let core: CtrCore<&Aes128, Ctr128BE> = CtrCore::inner_iv_init(cipher, block.into());
    StreamCipherCoreWrapper::from_core(core).apply_keystream(data);
}

//! Hybrid public keys, what they are called, and the verification of both halves over one digest.
use alloy_primitives::{keccak256, Address, B256};
use quip_hashsig::{Parameters, VerifyError, XMSSMT_SHA2_20_2_256, XMSS_SHA2_10_256};
use quip_keys::ecdsa;

use crate::error::HybridError;

/// XMSS-SHA2_10_256: 1,024 signatures of 2,500 bytes.
pub const SUITE_ACCOUNT: u8 = 0x01;
/// XMSSMT-SHA2_20/2_256: 1,048,576 signatures of 4,963 bytes.
pub const SUITE_MINING: u8 = 0x02;
/// A compressed point.
pub const ECDSA_KEY_BYTES: usize = 33;
/// OID || root || pub_seed.
pub const XMSS_KEY_BYTES: usize = quip_hashsig::PUBLIC_KEY_BYTES;
const ACCOUNT_PREFIX: u8 = 0x51;
const MINER_PREFIX: u8 = 0x52;
const KEY_BYTES: usize = 1 + ECDSA_KEY_BYTES + XMSS_KEY_BYTES;

/// A hybrid public key of a known suite; whether the ECDSA half is a point shows when it verifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HybridKeys {
    suite: u8,
    ecdsa: [u8; ECDSA_KEY_BYTES],
    xmss: [u8; XMSS_KEY_BYTES],
}

impl HybridKeys {
    /// Errors: UnknownSuite, EcdsaKey, XmssKey (length or OID).
    pub fn new(suite: u8, ecdsa: &[u8], xmss: &[u8]) -> Result<Self, HybridError> {
        let parameters = parameters(suite)?;
        let ecdsa: [u8; ECDSA_KEY_BYTES] = ecdsa.try_into().map_err(|_| HybridError::EcdsaKey)?;
        let xmss: [u8; XMSS_KEY_BYTES] = xmss.try_into().map_err(|_| HybridError::XmssKey)?;
        if !matches!(ecdsa[0], 2 | 3) {
            return Err(HybridError::EcdsaKey);
        }
        if !xmss.starts_with(&parameters.oid.to_be_bytes()) {
            return Err(HybridError::XmssKey);
        }
        Ok(Self { suite, ecdsa, xmss })
    }

    /// Its number: SUITE_ACCOUNT or SUITE_MINING.
    pub fn suite(&self) -> u8 {
        self.suite
    }

    /// The compressed secp256k1 key.
    pub fn ecdsa(&self) -> &[u8; ECDSA_KEY_BYTES] {
        &self.ecdsa
    }

    /// OID || root || pub_seed.
    pub fn xmss(&self) -> &[u8; XMSS_KEY_BYTES] {
        &self.xmss
    }

    /// How many signatures the XMSS half can make.
    pub fn leaves(&self) -> u64 {
        self.parameters().leaves()
    }

    /// The address of the account that is hybrid from birth.
    pub fn account_address(&self) -> Address {
        self.name(ACCOUNT_PREFIX)
    }

    /// What blocks name their miner by: also an account, which receives bonuses.
    pub fn miner_id(&self) -> Address {
        self.name(MINER_PREFIX)
    }

    fn name(&self, prefix: u8) -> Address {
        let mut bytes = [0; 1 + KEY_BYTES];
        bytes[0] = prefix;
        bytes[1] = self.suite;
        bytes[2..2 + ECDSA_KEY_BYTES].copy_from_slice(&self.ecdsa);
        bytes[2 + ECDSA_KEY_BYTES..].copy_from_slice(&self.xmss);
        Address::from_slice(&keccak256(bytes)[12..])
    }

    fn parameters(&self) -> Parameters {
        parameters(self.suite).expect("known since it was made")
    }

    /// Of an XMSS signature. Errors: XmssLength, LeafOutOfRange.
    pub fn leaf_of(&self, xmss_signature: &[u8]) -> Result<u64, HybridError> {
        let parameters = self.parameters();
        if xmss_signature.len() != parameters.signature_bytes() {
            return Err(HybridError::XmssLength(xmss_signature.len()));
        }
        let index = xmss_signature[..parameters.index_bytes].iter();
        let leaf = index.fold(0, |leaf: u64, &byte| leaf << 8 | u64::from(byte));
        if leaf >= parameters.leaves() {
            return Err(HybridError::LeafOutOfRange(leaf));
        }
        Ok(leaf)
    }

    /// Whether both halves sign the digest, the cheap one first. `ecdsa_signature`: r || s || v. Errors: Ecdsa,
    /// XmssLength, LeafOutOfRange, Xmss.
    pub fn verify(
        &self,
        digest: B256,
        ecdsa_signature: &[u8; 65],
        xmss_signature: &[u8],
    ) -> Result<(), HybridError> {
        self.leaf_of(xmss_signature)?;
        let key = ecdsa::recover(ecdsa_signature, digest.as_slice())
            .map_err(|_| HybridError::Ecdsa("v or s out of range, or it recovers no key"))?;
        if key != self.ecdsa {
            return Err(HybridError::Ecdsa(
                "made by another key than the stated one",
            ));
        }
        let parameters = self.parameters();
        match quip_hashsig::verify(&parameters, &self.xmss, digest.as_slice(), xmss_signature) {
            Ok(()) => Ok(()),
            Err(VerifyError::SignatureLength(bytes)) => Err(HybridError::XmssLength(bytes)),
            Err(VerifyError::LeafOutOfRange(leaf)) => Err(HybridError::LeafOutOfRange(leaf)),
            Err(VerifyError::KeyLength(_) | VerifyError::Oid(_)) => Err(HybridError::XmssKey),
            Err(VerifyError::RootMismatch) => Err(HybridError::Xmss),
        }
    }
}

fn parameters(suite: u8) -> Result<Parameters, HybridError> {
    match suite {
        SUITE_ACCOUNT => Ok(XMSS_SHA2_10_256),
        SUITE_MINING => Ok(XMSSMT_SHA2_20_2_256),
        _ => Err(HybridError::UnknownSuite(suite)),
    }
}

//! From a mnemonic to keys: BIP-39 words, BIP-32 derivation, HKDF-SHA256. English word list.
use bip32::{DerivationPath, ExtendedPrivateKey, PrivateKey, PublicKey};
use bip39::{Language, Mnemonic};
use hkdf::Hkdf;
use secp256k1::{Scalar, SecretKey, SECP256K1};
use sha2::Sha256;

use crate::{refused, Refused, Result};

/// RFC 5869: 255 blocks.
const MAX_HKDF: usize = 255 * 32;

/// The words of some entropy. Errors: not 16, 20, 24, 28 or 32 bytes.
pub fn phrase(entropy: &[u8]) -> Result<String> {
    let mnemonic = Mnemonic::from_entropy_in(Language::English, entropy);
    Ok(mnemonic.map_err(refused)?.to_string())
}

/// The BIP-39 seed of a phrase and a passphrase. Errors: a word that
/// is none, a wrong count or checksum.
pub fn seed(phrase: &str, passphrase: &str) -> Result<[u8; 64]> {
    let mnemonic = Mnemonic::parse_in(Language::English, phrase).map_err(refused)?;
    Ok(mnemonic.to_seed(passphrase))
}

/// A key that BIP-32 derives from, over the libsecp256k1 that the whole workspace has (bip32's own feature brings another).
struct ChildKey(SecretKey);

/// The public half: what a fingerprint and a path without a tick are made from.
struct ChildPoint(secp256k1::PublicKey);

fn tweak(bytes: [u8; 32]) -> bip32::Result<Scalar> {
    Scalar::from_be_bytes(bytes).map_err(|_| bip32::Error::Crypto)
}

impl PrivateKey for ChildKey {
    type PublicKey = ChildPoint;

    fn from_bytes(bytes: &[u8; 32]) -> bip32::Result<Self> {
        let key = SecretKey::from_byte_array(*bytes).map_err(|_| bip32::Error::Crypto)?;
        Ok(Self(key))
    }

    fn to_bytes(&self) -> [u8; 32] {
        self.0.secret_bytes()
    }

    fn derive_child(&self, other: [u8; 32]) -> bip32::Result<Self> {
        let key = self.0.add_tweak(&tweak(other)?);
        Ok(Self(key.map_err(|_| bip32::Error::Crypto)?))
    }

    fn public_key(&self) -> ChildPoint {
        ChildPoint(self.0.public_key(SECP256K1))
    }
}

impl PublicKey for ChildPoint {
    fn from_bytes(bytes: [u8; 33]) -> bip32::Result<Self> {
        let point = secp256k1::PublicKey::from_byte_array_compressed(bytes);
        Ok(Self(point.map_err(|_| bip32::Error::Crypto)?))
    }

    fn to_bytes(&self) -> [u8; 33] {
        self.0.serialize()
    }

    fn derive_child(&self, other: [u8; 32]) -> bip32::Result<Self> {
        let point = self.0.add_exp_tweak(SECP256K1, &tweak(other)?);
        Ok(Self(point.map_err(|_| bip32::Error::Crypto)?))
    }
}

/// The 32-byte secret at a BIP-32 path below a seed of 16 to 64 bytes. Errors: a bad path or seed.
pub fn secret_at(seed: &[u8], path: &str) -> Result<[u8; 32]> {
    let path: DerivationPath = path.parse().map_err(refused)?;
    let key = ExtendedPrivateKey::<ChildKey>::derive_from_path(seed, &path).map_err(refused)?;
    Ok(key.to_bytes())
}

/// `length` bytes from a key, without salt. Errors: more than RFC 5869 gives.
pub fn hkdf_sha256(key: &[u8], info: &[u8], length: usize) -> Result<Vec<u8>> {
    if length > MAX_HKDF {
        return Err(Refused(format!(
            "{length} bytes, HKDF-SHA256 gives at most {MAX_HKDF}"
        )));
    }
    let mut out = vec![0; length];
    Hkdf::<Sha256>::new(None, key)
        .expand(info, &mut out)
        .map_err(refused)?;
    Ok(out)
}

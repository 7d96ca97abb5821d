//! secp256k1 ECDSA over libsecp256k1: RFC 6979 nonces, recoverable signatures r || s || v, low s only.
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, SecretKey, SECP256K1};

use crate::{Refused, Result};

/// n / 2, big-endian: a larger s is the other half of a malleable pair (EIP-2).
const HALF_ORDER: [u8; 32] = [
    0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0,
];

fn sized<const N: usize>(bytes: &[u8], what: &str) -> Result<[u8; N]> {
    let sized = bytes.try_into();
    sized.map_err(|_| Refused(format!("{what}: {} bytes, want {N}", bytes.len())))
}

fn secret_key(bytes: &[u8]) -> Result<SecretKey> {
    SecretKey::from_byte_array(sized(bytes, "secret key")?)
        .map_err(|_| Refused("secret key: zero or not below the group order".into()))
}

/// The compressed public key of a 32-byte secret. Errors: another length, zero, not below the group order.
pub fn public_key(secret: &[u8]) -> Result<[u8; 33]> {
    Ok(secret_key(secret)?.public_key(SECP256K1).serialize())
}

/// x || y of a compressed public key. Errors: another length, a point that is not on the curve.
pub fn uncompressed(public_key: &[u8]) -> Result<[u8; 64]> {
    let compressed: [u8; 33] = sized(public_key, "public key")?;
    let key = secp256k1::PublicKey::from_slice(&compressed)
        .map_err(|_| Refused("public key: not on the curve".into()))?;
    let mut point = [0; 64];
    point.copy_from_slice(&key.serialize_uncompressed()[1..]);
    Ok(point)
}

/// r || s || v over a 32-byte digest, the same every time. Errors: a bad length or secret.
pub fn sign(secret: &[u8], digest: &[u8]) -> Result<[u8; 65]> {
    let message = Message::from_digest(sized(digest, "digest")?);
    let signature = SECP256K1.sign_ecdsa_recoverable(message, &secret_key(secret)?);
    let (id, rs) = signature.serialize_compact();
    let mut out = [0u8; 65];
    out[..64].copy_from_slice(&rs);
    out[64] = i32::from(id) as u8;
    if out[64] > 1 {
        // r + n < p: one nonce in 2^127, and such a signature has no v in {0, 1}.
        return Err(Refused("signature: r overflowed the group order".into()));
    }
    Ok(out)
}

/// The compressed key that made r || s || v over a digest. Errors say which rule is broken, as `rule: text`: lengths,
/// v, high s, no such key.
pub fn recover(signature: &[u8], digest: &[u8]) -> Result<[u8; 33]> {
    let signature: [u8; 65] = sized(signature, "ECDSA signature")?;
    let message = Message::from_digest(sized(digest, "digest")?);
    if signature[64] > 1 {
        return Err(Refused(format!("v: {}, want 0 or 1", signature[64])));
    }
    if signature[32..64] > HALF_ORDER[..] {
        return Err(Refused("high s: above half the group order".into()));
    }
    let id = RecoveryId::try_from(i32::from(signature[64])).expect("0 and 1 are recovery ids");
    let key = RecoverableSignature::from_compact(&signature[..64], id)
        .and_then(|parsed| SECP256K1.recover_ecdsa(message, &parsed))
        .map_err(|_| Refused("ECDSA signature: recovers no key".into()))?;
    Ok(key.serialize())
}

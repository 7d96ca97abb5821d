//! Seed, gate and stream: everything that BLAKE3 decides about an instance.

/// Context of the derive-key mode; part of the protocol.
pub const SEED_CONTEXT: &str = "quip 2026 ising seed v1";

/// The 32-byte seed of a header's puzzle: BLAKE3 derive-key over sealing hash and nonce.
pub fn seed(sealing_hash: &[u8; 32], nonce: &[u8; 8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(SEED_CONTEXT);
    hasher.update(sealing_hash).update(nonce);
    *hasher.finalize().as_bytes()
}

/// Whether the first `bits` bits of the seed, most significant first, are zero.
pub fn gate_open(seed: &[u8; 32], bits: u32) -> bool {
    let whole = (bits / 8) as usize;
    let rest = bits % 8;
    bits <= 256
        && seed[..whole].iter().all(|&byte| byte == 0)
        && (rest == 0 || seed[whole] >> (8 - rest) == 0)
}

/// Bytes `offset..offset + out.len()` of the instance's stream: BLAKE3 keyed hash of the empty input, in XOF mode.
pub fn stream(seed: &[u8; 32], offset: u64, out: &mut [u8]) {
    let mut reader = blake3::Hasher::new_keyed(seed).finalize_xof();
    reader.set_position(offset);
    reader.fill(out);
}

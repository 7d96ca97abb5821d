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

/// The first nonce (big-endian, from `start` on, at most `limit` of them) that opens the gate, and its seed.
/// Wraps at 2^64. `None`: none of them does.
pub fn search_gate(
    sealing_hash: &[u8; 32],
    start: u64,
    limit: u64,
    bits: u32,
) -> Option<(u64, [u8; 32])> {
    let mut keyed = blake3::Hasher::new_derive_key(SEED_CONTEXT);
    keyed.update(sealing_hash);
    for step in 0..limit {
        let nonce = start.wrapping_add(step);
        let mut hasher = keyed.clone();
        hasher.update(&nonce.to_be_bytes());
        let found = *hasher.finalize().as_bytes();
        if gate_open(&found, bits) {
            return Some((nonce, found));
        }
    }
    None
}

/// Bytes `offset..offset + out.len()` of the instance's stream: BLAKE3 keyed hash of the empty input, in XOF mode.
pub fn stream(seed: &[u8; 32], offset: u64, out: &mut [u8]) {
    let mut reader = blake3::Hasher::new_keyed(seed).finalize_xof();
    reader.set_position(offset);
    reader.fill(out);
}

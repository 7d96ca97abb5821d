//! The keyed hash functions of RFC 8391 section 5.1 and PRF_keygen of SP 800-208, all SHA-256 with n = 32.
//!
//! Every input has a fixed length, so each call is two or three blocks whose padding is known. The first block of PRF
//! and PRF_keygen (prefix || seed) never changes for one key: its compressed state is kept.
use crate::address::Address;
use crate::{Node, N};
use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

const BLOCK: usize = 64;
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];
/// Padding after exactly two blocks of input.
const PADDING_128: [u8; BLOCK] = {
    let mut block = [0; BLOCK];
    block[0] = 0x80;
    block[62] = 0x04;
    block
};

/// State after one block: toByte(prefix, 32) || half.
type Midstate = [u32; 8];

fn midstate(prefix: u8, half: &Node) -> Midstate {
    let mut block = [0; BLOCK];
    block[N - 1] = prefix;
    block[N..].copy_from_slice(half);
    let mut state = INITIAL;
    compress256(&mut state, &[block]);
    state
}

/// The second and last block of a 96-byte input.
#[inline]
fn last_block(half: &Node) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..N].copy_from_slice(half);
    block[N] = 0x80;
    block[62] = 0x03;
    block
}

#[inline]
fn output(state: Midstate) -> Node {
    let mut out = [0; N];
    for (bytes, word) in out.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    out
}

#[inline]
fn xor(a: &Node, b: &Node) -> Node {
    std::array::from_fn(|i| a[i] ^ b[i])
}

/// The public hash functions of one key: all that depends on pub_seed.
#[derive(Clone)]
pub struct PublicHash {
    pub seed: Node,
    prf: Midstate,
}

impl PublicHash {
    /// The functions of one public seed.
    pub fn new(seed: Node) -> Self {
        Self {
            seed,
            prf: midstate(3, &seed),
        }
    }

    /// PRF(pub_seed, address).
    #[inline]
    fn prf(&self, address: Address) -> Node {
        let mut state = self.prf;
        compress256(&mut state, &[last_block(address.bytes())]);
        output(state)
    }

    /// One step of a chain: F(key, input XOR mask).
    #[inline]
    pub fn step(&self, input: &Node, address: Address) -> Node {
        let key = self.prf(address.with_mask(0));
        let mask = self.prf(address.with_mask(1));
        let mut first = [0; BLOCK];
        first[N..].copy_from_slice(&key);
        let mut state = INITIAL;
        compress256(&mut state, &[first, last_block(&xor(input, &mask))]);
        output(state)
    }

    /// RAND_HASH: two children to their parent, H(key, (left XOR mask 1) || (right XOR mask 2)).
    #[inline]
    pub fn parent(&self, left: &Node, right: &Node, address: Address) -> Node {
        let mut first = [0; BLOCK];
        first[N - 1] = 1;
        first[N..].copy_from_slice(&self.prf(address.with_mask(0)));
        let mut second = [0; BLOCK];
        second[..N].copy_from_slice(&xor(left, &self.prf(address.with_mask(1))));
        second[N..].copy_from_slice(&xor(right, &self.prf(address.with_mask(2))));
        let mut state = INITIAL;
        compress256(&mut state, &[first, second, PADDING_128]);
        output(state)
    }
}

/// PRF_keygen(sk_seed, pub_seed || address), SP 800-208 section 6.2 (prefix 4).
pub struct SecretHash {
    keygen: Midstate,
}

impl SecretHash {
    /// The function of one secret seed.
    pub fn new(sk_seed: &Node) -> Self {
        Self {
            keygen: midstate(4, sk_seed),
        }
    }

    /// The secret start of the chain at an address.
    #[inline]
    pub fn chain_start(&self, pub_seed: &Node, address: Address) -> Node {
        let mut block = [0; BLOCK];
        block[..N].copy_from_slice(pub_seed);
        block[N..].copy_from_slice(address.bytes());
        let mut state = self.keygen;
        compress256(&mut state, &[block, PADDING_128]);
        output(state)
    }
}

impl Drop for SecretHash {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.keygen);
    }
}

/// PRF(sk_prf, toByte(leaf, 32)): the randomizer r of a signature.
pub fn randomizer(sk_prf: &Node, leaf: u64) -> Node {
    let mut index = [0; N];
    index[N - 8..].copy_from_slice(&leaf.to_be_bytes());
    let mut state = midstate(3, sk_prf);
    compress256(&mut state, &[last_block(&index)]);
    output(state)
}

/// H_msg(r || root || toByte(leaf, 32), message): what WOTS+ signs.
pub fn message_digest(r: &Node, root: &Node, leaf: u64, message: &[u8]) -> Node {
    let mut prefix = [0; N];
    prefix[N - 1] = 2;
    let mut index = [0; N];
    index[N - 8..].copy_from_slice(&leaf.to_be_bytes());
    let hash = Sha256::new()
        .chain_update(prefix)
        .chain_update(r)
        .chain_update(root)
        .chain_update(index);
    hash.chain_update(message).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Kind;

    fn sha256(parts: &[&[u8]]) -> Node {
        Sha256::digest(parts.concat()).into()
    }

    fn prefix(value: u8) -> Node {
        let mut out = [0; N];
        out[N - 1] = value;
        out
    }

    #[test]
    fn block_level_hashing_equals_plain_sha256() {
        let (seed, secret, left, right) = ([7; N], [9; N], [1; N], [2; N]);
        let address = Address::new(1, 2, Kind::Ots, 3);
        let hash = PublicHash::new(seed);
        let prf = |mask| sha256(&[&prefix(3), &seed, address.with_mask(mask).bytes()]);
        assert_eq!(
            hash.step(&left, address),
            sha256(&[&prefix(0), &prf(0), &xor(&left, &prf(1))])
        );
        let parent = sha256(&[
            &prefix(1),
            &prf(0),
            &xor(&left, &prf(1)),
            &xor(&right, &prf(2)),
        ]);
        assert_eq!(hash.parent(&left, &right, address), parent);
        let start = sha256(&[&prefix(4), &secret, &seed, address.bytes()]);
        assert_eq!(SecretHash::new(&secret).chain_start(&seed, address), start);
        assert_eq!(
            randomizer(&secret, 5),
            sha256(&[&prefix(3), &secret, &prefix(5)])
        );
    }
}

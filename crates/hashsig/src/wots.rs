//! WOTS+ (RFC 8391 section 3) with w = 16: 64 chains for the message's digits and 3 for their checksum.
use crate::address::Address;
use crate::hash::{PublicHash, SecretHash};
use crate::{Node, N};

/// Steps from a chain's start to its end (w - 1).
const STEPS: u32 = 15;
const MESSAGE_CHAINS: usize = 2 * N;
/// Chains of one key (the len of RFC 8391).
pub const CHAINS: usize = MESSAGE_CHAINS + 3;
pub const SIGNATURE_BYTES: usize = CHAINS * N;

/// One value a chain.
pub type Chains = [Node; CHAINS];

/// How far each chain is walked to sign `digest`: its 64 base-16 digits, high half first, then the checksum
/// sum(15 - digit) <= 960 as three digits, most significant first.
fn digits(digest: &Node) -> [u32; CHAINS] {
    let mut out = [0; CHAINS];
    for (pair, byte) in out.chunks_exact_mut(2).zip(digest) {
        pair[0] = u32::from(byte >> 4);
        pair[1] = u32::from(byte & 15);
    }
    let checksum: u32 = out[..MESSAGE_CHAINS]
        .iter()
        .map(|digit| STEPS - digit)
        .sum();
    out[MESSAGE_CHAINS] = checksum >> 8;
    out[MESSAGE_CHAINS + 1] = (checksum >> 4) & 15;
    out[MESSAGE_CHAINS + 2] = checksum & 15;
    out
}

/// Walks a chain from step `from` to step `to`.
fn walk(hash: &PublicHash, start: Node, (from, to): (u32, u32), mut address: Address) -> Node {
    (from..to).fold(start, |value, step| {
        address.set_step(step);
        hash.step(&value, address)
    })
}

/// Every chain's value at `ends[chain]`, from the secret starts. `address` is the OTS address of the leaf.
fn from_secret(
    hash: &PublicHash,
    secret: &SecretHash,
    ends: &[u32; CHAINS],
    mut address: Address,
) -> Chains {
    std::array::from_fn(|chain| {
        address.set_chain(chain as u32);
        address.set_step(0);
        walk(
            hash,
            secret.chain_start(&hash.seed, address),
            (0, ends[chain]),
            address,
        )
    })
}

/// The ends of all chains.
pub fn public_key(hash: &PublicHash, secret: &SecretHash, address: Address) -> Chains {
    from_secret(hash, secret, &[STEPS; CHAINS], address)
}

/// Each chain as far as its digit of the digest says.
pub fn sign(hash: &PublicHash, secret: &SecretHash, digest: &Node, address: Address) -> Chains {
    from_secret(hash, secret, &digits(digest), address)
}

/// The public key that `signature` over `digest` leads to.
pub fn recover(
    hash: &PublicHash,
    signature: &[u8; SIGNATURE_BYTES],
    digest: &Node,
    mut address: Address,
) -> Chains {
    let starts = digits(digest);
    let (values, _) = signature.as_chunks::<N>();
    std::array::from_fn(|chain| {
        address.set_chain(chain as u32);
        walk(hash, values[chain], (starts[chain], STEPS), address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Kind;

    #[test]
    fn checksum_balances_the_digits() {
        assert_eq!(digits(&[0; N])[MESSAGE_CHAINS..], [3, 12, 0]);
        assert_eq!(digits(&[0xff; N])[MESSAGE_CHAINS..], [0, 0, 0]);
        assert_eq!(digits(&[0x1f; N])[..4], [1, 15, 1, 15]);
    }

    #[test]
    fn a_signature_recovers_the_key_and_only_over_its_digest() {
        let (hash, secret) = (PublicHash::new([1; N]), SecretHash::new(&[2; N]));
        let address = Address::new(0, 0, Kind::Ots, 5);
        let signature = sign(&hash, &secret, &[0xa7; N], address);
        let bytes: [u8; SIGNATURE_BYTES] = signature.concat().try_into().unwrap();
        let key = public_key(&hash, &secret, address);
        assert_eq!(recover(&hash, &bytes, &[0xa7; N], address), key);
        assert_ne!(recover(&hash, &bytes, &[0xa6; N], address), key);
    }
}

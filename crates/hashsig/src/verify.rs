//! Verification (RFC 8391 algorithms 14 and 17): from the message's digest up through every layer to the root.
use crate::address::{Address, Kind};
use crate::hash::{message_digest, PublicHash};
use crate::tree::{leaf_from_key, root_from_path, Place};
use crate::wots;
use crate::{Node, Parameters, N, PUBLIC_KEY_BYTES};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyError {
    KeyLength(usize),
    Oid(u32),
    SignatureLength(usize),
    LeafOutOfRange(u64),
    RootMismatch,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyLength(bytes) => {
                write!(f, "XMSS key of {bytes} bytes, want {PUBLIC_KEY_BYTES}")
            }
            Self::Oid(oid) => write!(f, "OID {oid} does not belong to the suite"),
            Self::SignatureLength(bytes) => write!(f, "XMSS signature of {bytes} bytes"),
            Self::LeafOutOfRange(leaf) => write!(f, "leaf {leaf} is past the end of the tree"),
            Self::RootMismatch => write!(f, "the XMSS signature does not lead to the root"),
        }
    }
}

impl std::error::Error for VerifyError {}

/// The leaf index at the head of a signature of the right length.
pub fn leaf_of(parameters: &Parameters, signature: &[u8]) -> u64 {
    signature[..parameters.index_bytes]
        .iter()
        .fold(0, |leaf, byte| leaf << 8 | u64::from(*byte))
}

fn node(bytes: &[u8]) -> Node {
    bytes.try_into().expect("a slice of N bytes")
}

/// Checks a signature over `message` by `public_key` = OID || root || pub_seed.
pub fn verify(
    parameters: &Parameters,
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    if public_key.len() != PUBLIC_KEY_BYTES {
        return Err(VerifyError::KeyLength(public_key.len()));
    }
    let oid = u32::from_be_bytes([public_key[0], public_key[1], public_key[2], public_key[3]]);
    if oid != parameters.oid {
        return Err(VerifyError::Oid(oid));
    }
    if signature.len() != parameters.signature_bytes() {
        return Err(VerifyError::SignatureLength(signature.len()));
    }
    let leaf = leaf_of(parameters, signature);
    if leaf >= parameters.leaves() {
        return Err(VerifyError::LeafOutOfRange(leaf));
    }
    let root = node(&public_key[4..4 + N]);
    let hash = PublicHash::new(node(&public_key[4 + N..]));
    let r = node(&signature[parameters.index_bytes..parameters.index_bytes + N]);
    let layers = signature[parameters.index_bytes + N..].chunks_exact(parameters.layer_bytes());
    let digest = message_digest(&r, &root, leaf, message);
    let reached = layers.zip(0u32..).fold(digest, |signed, (bytes, layer)| {
        let (leaf, tree) = parameters.position(leaf, layer);
        layer_root(&hash, bytes, &signed, Place { layer, tree }, leaf)
    });
    if reached == root {
        Ok(())
    } else {
        Err(VerifyError::RootMismatch)
    }
}

/// The root of the tree at `place` that one layer of a signature over `signed` leads to.
fn layer_root(hash: &PublicHash, bytes: &[u8], signed: &Node, place: Place, leaf: u32) -> Node {
    let (one_time, path) = bytes
        .split_first_chunk::<{ wots::SIGNATURE_BYTES }>()
        .expect("a layer starts with WOTS+");
    let key = wots::recover(
        hash,
        one_time,
        signed,
        Address::new(place.layer, place.tree, Kind::Ots, leaf),
    );
    root_from_path(
        hash,
        leaf_from_key(hash, &key, place, leaf),
        path.as_chunks::<N>().0,
        place,
        leaf,
    )
}

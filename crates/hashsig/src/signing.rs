//! Key generation and signing. Trees are stored whole (64 KiB each), so a signature costs two one-time signatures;
//! the tree that follows the current one is built by a thread of its own before it is needed.
use crate::address::{Address, Kind};
use crate::hash::{message_digest, randomizer, PublicHash, SecretHash};
use crate::tree::{Place, Tree};
use crate::verify::{verify, VerifyError};
use crate::wots;
use crate::{Node, Parameters, N, PUBLIC_KEY_BYTES};
use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;
use zeroize::ZeroizeOnDrop;

/// The next tree is begun when this part of the current one is used up (numerator of 4).
const BUILD_AHEAD_QUARTERS: u32 = 3;

/// The three secret or public seeds of a key: everything else follows.
#[derive(Clone, ZeroizeOnDrop)]
pub struct Seeds {
    pub sk_seed: Node,
    pub sk_prf: Node,
    #[zeroize(skip)]
    pub pub_seed: Node,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningError {
    LeafOutOfRange(u64),
    /// The progress callback asked to stop.
    Stopped,
    /// The finished signature did not verify: a stored tree or the machine is damaged. Nothing was released.
    Damaged(VerifyError),
}

impl fmt::Display for SigningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeafOutOfRange(leaf) => write!(f, "leaf {leaf} is past the end of the key"),
            Self::Stopped => write!(f, "stopped"),
            Self::Damaged(error) => write!(
                f,
                "the new signature does not verify ({error}): a stored tree is damaged"
            ),
        }
    }
}

impl std::error::Error for SigningError {}

/// What a background build needs.
struct Secrets {
    hash: PublicHash,
    keygen: SecretHash,
    seeds: Seeds,
}

/// A key that signs with any leaf it is told, without memory of the leaves used.
pub struct SigningKey {
    parameters: Parameters,
    secrets: Arc<Secrets>,
    root: Node,
    /// By layer: the number of the stored tree, and the tree.
    trees: Vec<Option<(u64, Tree)>>,
    ahead: Option<(u64, JoinHandle<Option<Tree>>)>,
}

impl SigningKey {
    /// Makes the top tree, whose root is the public key. `progress(leaves done)`; false stops.
    pub fn generate(
        parameters: Parameters,
        seeds: Seeds,
        progress: &mut dyn FnMut(u32) -> bool,
    ) -> Result<Self, SigningError> {
        let secrets = Secrets {
            hash: PublicHash::new(seeds.pub_seed),
            keygen: SecretHash::new(&seeds.sk_seed),
            seeds,
        };
        let place = Place {
            layer: parameters.layers - 1,
            tree: 0,
        };
        let top = Tree::build(
            &secrets.hash,
            &secrets.keygen,
            parameters.tree_height,
            place,
            progress,
        )
        .ok_or(SigningError::Stopped)?;
        Ok(Self::assemble(parameters, secrets, top))
    }

    /// A key whose top tree was stored. The caller has checked that `top` is undamaged.
    pub fn restore(parameters: Parameters, seeds: Seeds, top: Tree) -> Self {
        let secrets = Secrets {
            hash: PublicHash::new(seeds.pub_seed),
            keygen: SecretHash::new(&seeds.sk_seed),
            seeds,
        };
        Self::assemble(parameters, secrets, top)
    }

    fn assemble(parameters: Parameters, secrets: Secrets, top: Tree) -> Self {
        let mut trees: Vec<Option<(u64, Tree)>> = (0..parameters.layers).map(|_| None).collect();
        let root = top.root();
        trees[parameters.layers as usize - 1] = Some((0, top));
        Self {
            parameters,
            secrets: Arc::new(secrets),
            root,
            trees,
            ahead: None,
        }
    }

    /// OID || root || pub_seed.
    pub fn public_key(&self) -> [u8; PUBLIC_KEY_BYTES] {
        let mut key = [0; PUBLIC_KEY_BYTES];
        key[..4].copy_from_slice(&self.parameters.oid.to_be_bytes());
        key[4..4 + N].copy_from_slice(&self.root);
        key[4 + N..].copy_from_slice(&self.secrets.seeds.pub_seed);
        key
    }

    /// Its parameter set.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The stored tree of a layer and its number, to be kept across restarts.
    pub fn tree(&self, layer: u32) -> Option<(u64, &Tree)> {
        self.trees
            .get(layer as usize)?
            .as_ref()
            .map(|(number, tree)| (*number, tree))
    }

    /// Hands back a tree that was kept. False if there is no such tree in this key.
    pub fn put_tree(&mut self, layer: u32, number: u64, tree: Tree) -> bool {
        let below = self.parameters.tree_height
            * (self.parameters.layers - 1 - layer.min(self.parameters.layers - 1));
        let fits = layer + 1 < self.parameters.layers && number < 1 << below;
        if fits {
            self.trees[layer as usize] = Some((number, tree));
        }
        fits
    }

    /// Makes sure that every tree on the way from `leaf` up is stored, building what is missing (a quarter second
    /// each). `progress(leaves done)` of each tree; false stops.
    pub fn prepare(
        &mut self,
        leaf: u64,
        progress: &mut dyn FnMut(u32) -> bool,
    ) -> Result<(), SigningError> {
        if leaf >= self.parameters.leaves() {
            return Err(SigningError::LeafOutOfRange(leaf));
        }
        for layer in 0..self.parameters.layers - 1 {
            let (_, number) = self.parameters.position(leaf, layer);
            if self.tree(layer).is_some_and(|(stored, _)| stored == number) {
                continue;
            }
            let built_ahead = if layer == 0 {
                self.take_ahead(number)
            } else {
                None
            };
            let tree = match built_ahead {
                Some(tree) => tree,
                None => build(
                    &self.secrets,
                    &self.parameters,
                    Place {
                        layer,
                        tree: number,
                    },
                    progress,
                )
                .ok_or(SigningError::Stopped)?,
            };
            self.trees[layer as usize] = Some((number, tree));
        }
        Ok(())
    }

    /// The tree that was begun in the background, if it is this one (waits for its end).
    fn take_ahead(&mut self, number: u64) -> Option<Tree> {
        let (begun, handle) = self.ahead.take()?;
        if begun == number {
            handle.join().ok()?
        } else {
            None
        }
    }

    fn begin_ahead(&mut self, leaf: u64) {
        let (local, number) = self.parameters.position(leaf, 0);
        let due = local >= self.parameters.tree_leaves() / 4 * BUILD_AHEAD_QUARTERS;
        let exists = (number + 1) << self.parameters.tree_height < self.parameters.leaves();
        if !due
            || !exists
            || self
                .ahead
                .as_ref()
                .is_some_and(|(begun, _)| *begun == number + 1)
        {
            return;
        }
        let (secrets, parameters) = (Arc::clone(&self.secrets), self.parameters);
        let place = Place {
            layer: 0,
            tree: number + 1,
        };
        let handle = std::thread::spawn(move || build(&secrets, &parameters, place, &mut |_| true));
        self.ahead = Some((number + 1, handle));
    }

    /// Signs `message` with `leaf`. The same leaf must never sign another message: the caller sees to that.
    /// The signature is verified before it is handed out.
    pub fn sign(&mut self, leaf: u64, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        self.prepare(leaf, &mut |_| true)?;
        let r = randomizer(&self.secrets.seeds.sk_prf, leaf);
        let mut signature = Vec::with_capacity(self.parameters.signature_bytes());
        signature.extend_from_slice(&leaf.to_be_bytes()[8 - self.parameters.index_bytes..]);
        signature.extend_from_slice(&r);
        let mut signed = message_digest(&r, &self.root, leaf, message);
        for layer in 0..self.parameters.layers {
            let (local, number) = self.parameters.position(leaf, layer);
            let (_, tree) = self.tree(layer).expect("prepare stored every tree");
            let address = Address::new(layer, number, Kind::Ots, local);
            let one_time = wots::sign(&self.secrets.hash, &self.secrets.keygen, &signed, address);
            signature.extend_from_slice(one_time.as_flattened());
            signature.extend_from_slice(tree.path(local).as_flattened());
            signed = tree.root();
        }
        verify(&self.parameters, &self.public_key(), message, &signature)
            .map_err(SigningError::Damaged)?;
        self.begin_ahead(leaf);
        Ok(signature)
    }
}

fn build(
    secrets: &Secrets,
    parameters: &Parameters,
    place: Place,
    progress: &mut dyn FnMut(u32) -> bool,
) -> Option<Tree> {
    Tree::build(
        &secrets.hash,
        &secrets.keygen,
        parameters.tree_height,
        place,
        progress,
    )
}

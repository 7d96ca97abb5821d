//! Who signed a transaction, and the authorizations in it (EIP-2, EIP-7702): libsecp256k1, on all cores.
use std::num::NonZero;
use std::thread;

use alloy_consensus::Transaction as _;
use alloy_primitives::{keccak256, Address, B256, U256};
use revm::context::either::Either;
use revm::context::transaction::{RecoveredAuthority, RecoveredAuthorization, SignedAuthorization};
use revm::context::TxEnv;
use revm::handler::validation::validate_initial_tx_gas;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, SECP256K1};

use crate::environment::Rules;
use crate::error::TransactionError;
use crate::transaction::Transaction;

/// n / 2: a larger s is the other half of a malleable pair (EIP-2).
const HALF_ORDER: U256 = U256::from_limbs([
    0xdfe9_2f46_681b_20a0,
    0x5d57_6e73_57a4_501d,
    0xffff_ffff_ffff_ffff,
    0x7fff_ffff_ffff_ffff,
]);
/// Below so many transactions a thread costs more than it saves.
const TRANSACTIONS_PER_THREAD: usize = 16;

/// A transaction, and whom its signatures name.
#[derive(Clone, Debug)]
pub struct Signed {
    pub transaction: Transaction,
    pub sender: Address,
    /// Of each authorization (EIP-7702), in order; None where no key made the signature.
    authorities: Vec<Option<Address>>,
}

impl Signed {
    /// Gas that the transaction takes before it does anything, or for its bytes alone if that is more (Yellow Paper
    /// g_0, EIP-2930, 3860, 7623, 7702). Errors: Rule where its gas limit is below that.
    pub fn intrinsic_gas(&self, rules: &Rules) -> Result<u64, TransactionError> {
        let cap = u64::MAX; // EIP-7825 is judged with the other limits
        let gas = validate_initial_tx_gas(self.tx_env(), rules.spec_id(), false, false, cap, None);
        let gas = gas.map_err(TransactionError::Rule)?;
        Ok(gas.initial_total_gas().max(gas.floor_gas()))
    }

    /// Who signed its authorizations (EIP-7702), in order, without those that nobody signed.
    pub fn authorities(&self) -> impl Iterator<Item = Address> + '_ {
        self.authorities.iter().flatten().copied()
    }

    /// The transaction as revm runs it.
    pub(crate) fn tx_env(&self) -> TxEnv {
        tx_env(&self.transaction, self.sender, &self.authorities)
    }
}

/// What a transaction takes before it does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitialGas {
    /// Yellow Paper g_0, EIP-2930, 3860, 7702.
    pub intrinsic: u64,
    /// EIP-7623: the least that its bytes cost; the gas limit must reach both.
    pub floor: u64,
}

impl Transaction {
    /// The gas that it takes before it does anything, whatever its own limit is and whoever signed it.
    pub fn initial_gas(&self, rules: &Rules) -> InitialGas {
        let unsigned = vec![None; self.authorizations().len()];
        let mut env = tx_env(self, Address::ZERO, &unsigned);
        env.gas_limit = u64::MAX;
        let gas = validate_initial_tx_gas(&env, rules.spec_id(), false, false, u64::MAX, None);
        let gas = gas.expect("no transaction needs more than 2^64 - 1 gas");
        InitialGas {
            intrinsic: gas.initial_total_gas(),
            floor: gas.floor_gas(),
        }
    }
}

fn tx_env(transaction: &Transaction, sender: Address, authorities: &[Option<Address>]) -> TxEnv {
    let fields = transaction.fields();
    let authorizations = transaction.authorizations().iter();
    TxEnv {
        tx_type: transaction.kind(),
        caller: sender,
        gas_limit: fields.gas_limit(),
        gas_price: fields.max_fee_per_gas(),
        kind: fields.kind(),
        value: fields.value(),
        data: fields.input().clone(),
        nonce: fields.nonce(),
        chain_id: fields.chain_id(),
        access_list: fields.access_list().cloned().unwrap_or_default(),
        gas_priority_fee: fields.max_priority_fee_per_gas(),
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: authorizations
            .zip(authorities)
            .map(|(signed, authority)| Either::Right(recovered(signed, *authority)))
            .collect(),
    }
}

pub(crate) fn recovered(
    signed: &SignedAuthorization,
    authority: Option<Address>,
) -> RecoveredAuthorization {
    let authority = authority.map_or(RecoveredAuthority::Invalid, RecoveredAuthority::Valid);
    RecoveredAuthorization::new_unchecked(signed.inner().clone(), authority)
}

/// The address whose key made (r, s, parity) over a digest, s low.
fn signer(digest: B256, r: U256, s: U256, parity: bool) -> Option<Address> {
    if s > HALF_ORDER {
        return None;
    }
    let mut compact = [0; 64];
    compact[..32].copy_from_slice(&r.to_be_bytes::<32>());
    compact[32..].copy_from_slice(&s.to_be_bytes::<32>());
    let id = RecoveryId::from_u8_masked(u8::from(parity));
    let signature = RecoverableSignature::from_compact(&compact, id).ok()?;
    let key = SECP256K1
        .recover_ecdsa(Message::from_digest(digest.0), &signature)
        .ok()?;
    let point = &key.serialize_uncompressed()[1..];
    Some(Address::from_slice(&keccak256(point)[12..]))
}

/// Who signed an authorization; None where no key made the signature.
pub(crate) fn authority(signed: &SignedAuthorization) -> Option<Address> {
    let parity = signed.y_parity();
    let digest = signed.inner().signature_hash();
    (parity <= 1).then(|| signer(digest, signed.r(), signed.s(), parity == 1))?
}

/// The transaction with its sender. Errors: Signature.
pub fn recover(transaction: Transaction) -> Result<Signed, TransactionError> {
    let (signature, digest) = transaction.signature();
    let sender = signer(digest, signature.r(), signature.s(), signature.v())
        .ok_or(TransactionError::Signature)?;
    let authorities = transaction.authorizations().iter().map(authority).collect();
    Ok(Signed {
        transaction,
        sender,
        authorities,
    })
}

/// Decodes and recovers many, each by itself, in order; on all cores.
pub fn recover_all<B: AsRef<[u8]> + Sync>(encoded: &[B]) -> Vec<Result<Signed, TransactionError>> {
    on_all_cores(encoded, |bytes| {
        recover(Transaction::decode(bytes.as_ref())?)
    })
}

/// The same for transactions that are decoded already.
pub fn recover_decoded<T>(decoded: &[T]) -> Vec<Result<Signed, TransactionError>>
where
    T: AsRef<Transaction> + Sync,
{
    on_all_cores(decoded, |transaction| recover(transaction.as_ref().clone()))
}

fn on_all_cores<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(items.len() / TRANSACTIONS_PER_THREAD).max(1);
    if threads == 1 {
        return items.iter().map(work).collect();
    }
    let (work, share) = (&work, items.len().div_ceil(threads));
    thread::scope(|scope| {
        let parts = items.chunks(share);
        let workers: Vec<_> = parts
            .map(|part| scope.spawn(move || part.iter().map(work).collect::<Vec<_>>()))
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("recovering does not panic"))
            .collect()
    })
}

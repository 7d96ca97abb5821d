//! One EVM on one state: what a block does, step by step.
use std::collections::BTreeMap;

use alloy_primitives::{address, Address, Bytes, B256, U256};
use quip_state::{AccountChange, AccountValue, StateChanges, StateReader};
use revm::context::result::{EVMError, ExecutionResult};
use revm::context::{BlockEnv, CfgEnv, Context, Evm, TxEnv};
use revm::database::states::bundle_state::BundleRetention;
use revm::database::{BundleAccount, State};
use revm::database_interface::bal::EvmDatabaseError;
use revm::handler::instructions::EthInstructions;
use revm::handler::EthFrame;
use revm::interpreter::interpreter::EthInterpreter;
use revm::state::{Account, TransactionId};
use revm::{Database, DatabaseCommit, ExecuteCommitEvm, SystemCallCommitEvm};

use crate::ancestors::Ancestors;
use crate::database::{ReadError, StateDatabase};
use crate::environment::{BlockEnvironment, Rules};
use crate::error::{ExecutionError, TransactionError};
use crate::precompiles::{PrecompileSet, Precompiles};
use crate::sender::Signed;

/// Keeps the hashes of the last 8,191 blocks in its storage (EIP-2935).
pub const HISTORY_CONTRACT: Address = address!("0000F90827F1C53a10cb7A02335B175320002935");

type Journaled<'a> = State<StateDatabase<'a>>;
pub(crate) type EvmContext<'a> = Context<BlockEnv, TxEnv, CfgEnv, Journaled<'a>>;
type Instructions<'a> = EthInstructions<EthInterpreter, EvmContext<'a>>;
/// An EVM on a state, watched by an inspector; `()` does not watch.
pub(crate) type Instance<'a, I> =
    Evm<EvmContext<'a>, I, Instructions<'a>, PrecompileSet<'a>, EthFrame<EthInterpreter>>;
type Failure = EVMError<EvmDatabaseError<ReadError>>;

/// What a transaction that cannot be run comes to: its own fault, or the state's.
#[derive(Debug)]
pub enum Refused {
    Transaction(TransactionError),
    Block(ExecutionError),
}

/// A state, and what a block has done to it so far.
pub struct Executor<'a> {
    evm: Instance<'a, ()>,
}

/// A new EVM; nothing is read yet.
pub(crate) fn instance<'a, I>(
    state: &'a dyn StateReader,
    ancestors: &'a dyn Ancestors,
    rules: &Rules,
    environment: &BlockEnvironment,
    precompiles: &'a Precompiles,
    inspector: I,
) -> Instance<'a, I> {
    let spec = rules.spec_id();
    let database = State::builder()
        .with_database(StateDatabase { state, ancestors })
        .with_bundle_update()
        .build();
    let context = EvmContext::new(database, spec)
        .modify_cfg_chained(|configuration| configuration.chain_id = rules.chain_id)
        .with_block(environment.block_env());
    let instructions = EthInstructions::new_mainnet_with_spec(spec);
    let precompiles = PrecompileSet::new(spec, precompiles, ancestors);
    Evm::new_with_inspector(context, inspector, instructions, precompiles)
}

/// As `Executor::record_parent`.
pub(crate) fn record_parent<I>(
    evm: &mut Instance<'_, I>,
    parent_hash: B256,
) -> Result<(), ExecutionError> {
    let data = Bytes::copy_from_slice(parent_hash.as_slice());
    let called = evm.system_call_commit(HISTORY_CONTRACT, data);
    called.map(drop).map_err(|failure| match refused(failure) {
        Refused::Block(error) => error,
        Refused::Transaction(error) => ExecutionError::Environment(error.to_string()),
    })
}

impl<'a> Executor<'a> {
    /// Nothing is read yet.
    pub fn new(
        state: &'a dyn StateReader,
        ancestors: &'a dyn Ancestors,
        rules: &Rules,
        environment: &BlockEnvironment,
        precompiles: &'a Precompiles,
    ) -> Self {
        Self {
            evm: instance(state, ancestors, rules, environment, precompiles, ()),
        }
    }

    /// Tells the history contract the parent's hash (EIP-2935). Without the contract nothing happens.
    pub fn record_parent(&mut self, parent_hash: B256) -> Result<(), ExecutionError> {
        record_parent(&mut self.evm, parent_hash)
    }

    /// Runs a transaction; one that is refused leaves no trace.
    pub fn transact(&mut self, signed: &Signed) -> Result<ExecutionResult, Refused> {
        self.evm.transact_commit(signed.tx_env()).map_err(refused)
    }

    /// Adds so much wei to each address. A payment of nothing touches no account (EIP-161). Errors: Environment for a
    /// balance that leaves 256 bits, which no chain's supply comes near.
    pub fn pay(&mut self, payments: &[(Address, U256)]) -> Result<(), ExecutionError> {
        for (address, amount) in payments.iter().filter(|(_, amount)| !amount.is_zero()) {
            let database = &mut self.evm.ctx.journaled_state.database;
            let there = database.basic(*address).map_err(unreadable)?;
            let mut account = match there {
                Some(info) => Account::from(info),
                None => Account::new_not_existing(TransactionId::ZERO),
            };
            let balance = account.info.balance.checked_add(*amount);
            account.info.balance = balance.ok_or_else(|| {
                ExecutionError::Environment(format!("{address} would have 2^256 wei or more"))
            })?;
            account.mark_touch();
            database.commit([(*address, account)].into_iter().collect());
        }
        Ok(())
    }

    /// Everything that was done.
    pub fn into_changes(mut self) -> StateChanges {
        let database = &mut self.evm.ctx.journaled_state.database;
        database.merge_transitions(BundleRetention::PlainState);
        let bundle = database.take_bundle();
        let accounts = bundle.state.into_iter();
        let codes = bundle.contracts.into_iter();
        StateChanges {
            accounts: accounts
                .filter_map(|(address, account)| Some((address, change(account)?)))
                .collect(),
            codes: codes
                .map(|(hash, code)| (hash, code.original_bytes()))
                .collect(),
        }
    }
}

fn unreadable(error: EvmDatabaseError<ReadError>) -> ExecutionError {
    match error {
        EvmDatabaseError::Database(ReadError(error)) => ExecutionError::Store(error),
        // Block access lists (EIP-7928) are never given to the database.
        EvmDatabaseError::Bal(error) => ExecutionError::Environment(error.to_string()),
    }
}

fn refused(failure: Failure) -> Refused {
    match failure {
        EVMError::Transaction(rule) => Refused::Transaction(TransactionError::Rule(rule)),
        EVMError::Database(error) => Refused::Block(unreadable(error)),
        other => Refused::Block(ExecutionError::Environment(other.to_string())),
    }
}

/// What became of one account; None where nothing did.
fn change(account: BundleAccount) -> Option<AccountChange> {
    let wiped = account.was_destroyed();
    let slots = account.storage.iter();
    // Behind a wipe only what is there now counts; its old values are gone with the account.
    let storage: BTreeMap<U256, U256> = slots
        .filter(|(_, slot)| slot.is_changed() || (wiped && !slot.present_value.is_zero()))
        .map(|(slot, value)| (*slot, value.present_value))
        .collect();
    if !wiped && storage.is_empty() && !account.is_info_changed() {
        return None;
    }
    let value = account
        .info
        .filter(|info| !info.is_empty())
        .map(|info| AccountValue {
            nonce: info.nonce,
            balance: info.balance,
            code_hash: info.code_hash,
        });
    Some(AccountChange {
        value,
        storage,
        wiped,
    })
}

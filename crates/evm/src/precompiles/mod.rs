//! The chain's own precompiled contracts, at 0x5101 and up, in front of Ethereum's.
//!
//! | address | contract | input | output |
//! |---|---|---|---|
//! | 0x5101 | xmssVerify | suite (1 byte), XMSS key (68), digest (32), signature | 1 as 32 bytes; nothing where it is not valid |
//! | 0x5104 | isingEnergy | 0, seed (32), spins; or 1, an instance, spins (ising.rs) | the energy, 32 bytes, signed |
//! | 0x5105 | lastProof | block number (32) | nine words of that block's header (last_proof.rs) |
//!
//! They cost what `gas` says before anything is computed. Input that is not of the form fails the call, with all its gas,
//! as in Ethereum's; a signature that is not valid does not. (0x5102 and 0x5103 are kept for slhdsaVerify and keyPolicy.)
use std::sync::Arc;

use alloy_primitives::{address, Address, Bytes};
use quip_ising::graph::Graph;
use revm::context_interface::{Block as _, Cfg, ContextTr};
use revm::handler::{precompile_output_to_interpreter_result, EthPrecompiles, PrecompileProvider};
use revm::interpreter::{CallInputs, InterpreterResult};
use revm::precompile::{PrecompileHalt, PrecompileOutput};
use revm::primitives::hardfork::SpecId;
use revm::primitives::AddressSet;

use crate::ancestors::Ancestors;

mod ising;
mod last_proof;
mod xmss;

/// Verifies XMSS and XMSS^MT signatures.
pub const XMSS_VERIFY: Address = address!("0000000000000000000000000000000000005101");
/// The energy of a configuration.
pub const ISING_ENERGY: Address = address!("0000000000000000000000000000000000005104");
/// What an ancestor's header says of its proof.
pub const LAST_PROOF: Address = address!("0000000000000000000000000000000000005105");
/// All of them.
pub const OWN_ADDRESSES: [Address; 3] = [XMSS_VERIFY, ISING_ENERGY, LAST_PROOF];

/// The puzzle that isingEnergy knows without being told.
#[derive(Clone, Debug)]
pub struct IsingEnergy {
    pub graph: Arc<Graph>,
    /// Whether seeds draw fields, too.
    pub ternary: bool,
}

/// Which contracts there are.
#[derive(Clone, Debug)]
pub enum Precompiles {
    /// Ethereum's alone.
    Ethereum,
    /// The chain's own as well.
    Quip(IsingEnergy),
}

/// What a contract may come to: gas and output, or a failed call.
type Outcome = Result<(u64, Bytes), PrecompileHalt>;

/// `gas` or out of gas.
fn charge(gas: u64, limit: u64) -> Result<u64, PrecompileHalt> {
    if gas > limit {
        Err(PrecompileHalt::OutOfGas)
    } else {
        Ok(gas)
    }
}

/// What revm asks.
pub struct PrecompileSet<'a> {
    ethereum: EthPrecompiles,
    own: Option<&'a IsingEnergy>,
    ancestors: &'a dyn Ancestors,
    addresses: AddressSet,
    /// Addresses where somebody wants other code.
    left_out: AddressSet,
}

impl<'a> PrecompileSet<'a> {
    pub fn new(spec: SpecId, precompiles: &'a Precompiles, ancestors: &'a dyn Ancestors) -> Self {
        let ethereum = EthPrecompiles::new(spec);
        let mut addresses = ethereum.warm_addresses().clone();
        let own = match precompiles {
            Precompiles::Ethereum => None,
            Precompiles::Quip(ising) => {
                addresses.extend(OWN_ADDRESSES);
                Some(ising)
            }
        };
        Self {
            ethereum,
            own,
            ancestors,
            addresses,
            left_out: AddressSet::default(),
        }
    }

    /// There are no precompiled contracts at these addresses; they stay warm.
    pub fn leave_out<'b>(&mut self, addresses: impl IntoIterator<Item = &'b Address>) {
        self.left_out.extend(addresses);
    }

    /// Where there are, or were, precompiled contracts.
    pub fn addresses(&self) -> &AddressSet {
        &self.addresses
    }
}

impl<CTX: ContextTr<Cfg: Cfg<Spec = SpecId>>> PrecompileProvider<CTX> for PrecompileSet<'_> {
    type Output = InterpreterResult;

    /// An executor keeps the fork that it was made with.
    fn set_spec(&mut self, _spec: SpecId) -> bool {
        false
    }

    fn run(
        &mut self,
        context: &mut CTX,
        inputs: &CallInputs,
    ) -> Result<Option<InterpreterResult>, String> {
        if self.left_out.contains(&inputs.bytecode_address) {
            return Ok(None);
        }
        let (Some(ising), true) = (self.own, OWN_ADDRESSES.contains(&inputs.bytecode_address))
        else {
            return self.ethereum.run(context, inputs);
        };
        let number = context.block().number();
        let input = inputs.input.as_bytes(context);
        let outcome = match inputs.bytecode_address {
            XMSS_VERIFY => xmss::run(&input, inputs.gas_limit),
            ISING_ENERGY => ising::run(ising, &input, inputs.gas_limit),
            _ => last_proof::run(self.ancestors, number, &input, inputs.gas_limit)
                .map_err(|error| error.to_string())?,
        };
        let output = match outcome {
            Ok((gas, bytes)) => PrecompileOutput::new(gas, bytes, inputs.reservoir),
            Err(halt) => PrecompileOutput::halt(halt, inputs.reservoir),
        };
        Ok(Some(precompile_output_to_interpreter_result(
            output,
            inputs.gas_limit,
        )))
    }

    fn warm_addresses(&self) -> &AddressSet {
        &self.addresses
    }
}

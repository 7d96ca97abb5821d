//! What went wrong, in go-ethereum's words: clients match on them.
use alloy_primitives::{Bytes, U256};
use revm::bytecode::opcode::OpCode;
use revm::context::result::{HaltReason, OutOfGasError};
use revm::context_interface::result::InvalidTransaction;
use revm::primitives::eip3860::MAX_INITCODE_SIZE;

use super::probe::LastStep;
use super::request::Call;

/// Words on the stack at most (Yellow Paper 9.1).
const STACK_LIMIT: usize = 1_024;
/// Selector of Error(string).
const ERROR: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];
/// Selector of Panic(uint256).
const PANIC: [u8; 4] = [0x4e, 0x48, 0x7b, 0x71];

fn overflows(last: LastStep) -> String {
    let known = OpCode::new(last.opcode);
    let (inputs, outputs) = known.map_or((0, 1), |one| {
        (usize::from(one.inputs()), usize::from(one.outputs()))
    });
    let limit = STACK_LIMIT + inputs - outputs;
    format!("stack limit reached {} ({limit})", last.stack)
}

fn underflows(last: LastStep) -> String {
    let inputs = OpCode::new(last.opcode).map_or(0, |one| one.inputs());
    format!("stack underflow ({} <=> {inputs})", last.stack)
}

/// Why a call stopped.
pub fn halt(reason: &HaltReason, last: LastStep) -> String {
    let text = match reason {
        HaltReason::OutOfGas(OutOfGasError::InvalidOperand) => "gas uint64 overflow",
        HaltReason::OutOfGas(_) => "out of gas",
        HaltReason::InvalidFEOpcode => "invalid opcode: INVALID",
        HaltReason::OpcodeNotFound | HaltReason::NotActivated => {
            return format!("invalid opcode: opcode {:#x} not defined", last.opcode)
        }
        HaltReason::InvalidJump => "invalid jump destination",
        HaltReason::StackUnderflow => return underflows(last),
        HaltReason::StackOverflow => return overflows(last),
        HaltReason::OutOfOffset => "return data out of bounds",
        HaltReason::CreateCollision => "contract address collision",
        HaltReason::NonceOverflow => "nonce uint64 overflow",
        HaltReason::CreateContractSizeLimit => "max code size exceeded",
        HaltReason::CreateContractStartingWithEF => "invalid code: must not begin with 0xef",
        HaltReason::CreateInitCodeSizeLimit => "max initcode size exceeded",
        HaltReason::StateChangeDuringStaticCall | HaltReason::CallNotAllowedInsideStatic => {
            "write protection"
        }
        HaltReason::OutOfFunds => "insufficient balance for transfer",
        HaltReason::CallTooDeep => "max call depth exceeded",
        HaltReason::PrecompileErrorWithContext(message) => message,
        HaltReason::PrecompileError | HaltReason::OverflowPayment => return reason.to_string(),
    };
    text.into()
}

/// Why a call cannot even begin.
pub fn refusal(rule: &InvalidTransaction, call: &Call, gas: u64, base_fee: u64) -> String {
    let from = call.from;
    match rule {
        InvalidTransaction::LackOfFundForMaxFee { fee, balance } => format!(
            "insufficient funds for gas * price + value: address {from} have {balance} want {fee}"
        ),
        InvalidTransaction::OverflowPaymentInTransaction => {
            let price = U256::from(gas) * U256::from(call.max_fee);
            let want = price.checked_add(call.value);
            let want = want.map_or_else(
                || "required balance exceeds 256 bits".into(),
                |want| format!("want {want}"),
            );
            format!("insufficient funds for gas * price + value: address {from} {want}")
        }
        InvalidTransaction::GasPriceLessThanBasefee => format!(
            "max fee per gas less than block base fee: address {from}, maxFeePerGas: {}, baseFee: {base_fee}",
            call.max_fee
        ),
        InvalidTransaction::PriorityFeeGreaterThanMaxFee => format!(
            "max priority fee per gas higher than max fee per gas: address {from}, maxPriorityFeePerGas: {}, \
             maxFeePerGas: {}",
            call.tip, call.max_fee
        ),
        InvalidTransaction::CallGasCostMoreThanGasLimit {
            initial_gas,
            gas_limit,
        } => format!("intrinsic gas too low: have {gas_limit}, want {initial_gas}"),
        InvalidTransaction::GasFloorMoreThanGasLimit {
            gas_floor,
            gas_limit,
        } => format!(
            "insufficient gas for floor data gas cost: have {gas_limit}, want {gas_floor}"
        ),
        InvalidTransaction::CreateInitCodeSizeLimit => format!(
            "max initcode size exceeded: code size {} limit {MAX_INITCODE_SIZE}",
            call.data.len()
        ),
        InvalidTransaction::EmptyAuthorizationList => {
            format!("EIP-7702 transaction with empty auth list (sender {from})")
        }
        other => other.to_string(),
    }
}

/// A call that reverted, with the reason if it gave one as Solidity does.
pub fn revert(output: &Bytes) -> String {
    match reason(output) {
        Some(reason) => format!("execution reverted: {reason}"),
        None => "execution reverted".into(),
    }
}

fn reason(output: &[u8]) -> Option<String> {
    let (selector, arguments) = output.split_first_chunk::<4>()?;
    match *selector {
        ERROR => text(arguments),
        PANIC => {
            let code = U256::from_be_slice(arguments.get(..32)?);
            Some(panic(code))
        }
        _ => None,
    }
}

/// The string that is the only argument (ABI: place, length, bytes).
fn text(arguments: &[u8]) -> Option<String> {
    let size = |at: usize| -> Option<usize> {
        let word = arguments.get(at..at.checked_add(32)?)?;
        usize::try_from(U256::from_be_slice(word)).ok()
    };
    let place = size(0)?;
    let begin = place.checked_add(32)?;
    let end = begin.checked_add(size(place)?)?;
    let bytes = arguments.get(begin..end)?;
    Some(String::from_utf8_lossy(bytes).into_owned())
}

fn panic(code: U256) -> String {
    let known = match u64::try_from(code) {
        Ok(0x00) => "generic panic",
        Ok(0x01) => "assert(false)",
        Ok(0x11) => "arithmetic underflow or overflow",
        Ok(0x12) => "division or modulo by zero",
        Ok(0x21) => "enum overflow",
        Ok(0x22) => "invalid encoded storage byte array accessed",
        Ok(0x31) => "out-of-bounds array access; popping on an empty array",
        Ok(0x32) => "out-of-bounds access of an array or bytesN",
        Ok(0x41) => "out of memory",
        Ok(0x51) => "uninitialized function",
        _ => return format!("unknown panic code: {code:#x}"),
    };
    known.into()
}

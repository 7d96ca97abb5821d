//! How much gas a transaction needs: the least with which it succeeds, to within 1.5 %, found as go-ethereum finds it.
use alloy_primitives::{KECCAK256_EMPTY, U256};
use revm::primitives::eip7825::TX_GAS_LIMIT_CAP;
use revm::primitives::hardfork::SpecId;

use super::request::Call;
use super::{CallError, Called, Failure, Session};

/// Of a plain payment (Yellow Paper, G_transaction).
const TRANSFER_GAS: u64 = 21_000;
/// What a payment hands to the called contract (Yellow Paper, G_callstipend).
const CALL_STIPEND: u64 = 2_300;
/// The search ends where less than 1.5 % could be saved.
const TOLERANCE: u128 = 15;
const TOLERANCE_OF: u128 = 1_000;

/// A call with so much gas; None: not enough for it to begin.
fn tried(session: &mut Session<'_>, call: &Call, gas: u64) -> Result<Option<Called>, CallError> {
    match session.run(call, gas) {
        Ok(called) => Ok(Some(called)),
        Err(CallError::Refused { more_gas: true, .. }) => Ok(None),
        Err(CallError::Refused { text, more_gas }) => Err(CallError::Refused {
            text: format!("failed with {gas} gas: {text}"),
            more_gas,
        }),
        Err(other) => Err(other),
    }
}

fn succeeds(session: &mut Session<'_>, call: &Call, gas: u64) -> Result<bool, CallError> {
    let called = tried(session, call, gas)?;
    Ok(called.is_some_and(|called| called.failure.is_none()))
}

/// The most gas that may be tried: what the call allows (else the block), what its sender can pay for, what the rules
/// and the bounds allow.
fn allowance(session: &Session<'_>, call: &Call) -> Result<u64, CallError> {
    let most = match call.gas {
        Some(gas) if gas >= TRANSFER_GAS => gas,
        _ => session.environment.gas_limit,
    };
    let is_capped = session.rules.spec_id().is_enabled_in(SpecId::OSAKA);
    let mut most = if is_capped {
        most.min(TX_GAS_LIMIT_CAP)
    } else {
        most
    };
    if call.max_fee > 0 {
        let account = session.state.account(call.from).map_err(CallError::Store)?;
        let balance = account.map_or(U256::ZERO, |account| account.balance);
        if !call.value.is_zero() && call.value >= balance {
            return Err(CallError::Refused {
                text: "insufficient funds for transfer".into(),
                more_gas: false,
            });
        }
        let affordable = (balance - call.value) / U256::from(call.max_fee);
        most = most.min(u64::try_from(affordable).unwrap_or(u64::MAX));
    }
    Ok(most.min(session.bounds.gas))
}

fn pays_plainly(session: &Session<'_>, call: &Call) -> Result<bool, CallError> {
    let (true, Some(to)) = (call.data.is_empty(), call.to) else {
        return Ok(false);
    };
    let account = session.state.account(to).map_err(CallError::Store)?;
    Ok(account.is_none_or(|account| account.code_hash == KECCAK256_EMPTY))
}

pub(super) fn estimate(session: &mut Session<'_>, call: &Call) -> Result<u64, CallError> {
    let mut high = allowance(session, call)?;
    if pays_plainly(session, call)? && matches!(succeeds(session, call, TRANSFER_GAS), Ok(true)) {
        return Ok(TRANSFER_GAS);
    }
    let Some(first) = tried(session, call, high)? else {
        return Err(CallError::Allowance(high));
    };
    match first.failure {
        None => {}
        Some(Failure::Halted {
            out_of_gas: true, ..
        }) => return Err(CallError::Allowance(high)),
        Some(failure) => return Err(CallError::Failed(failure)),
    }
    // Less than it used is not enough; and mostly what it needs is what it spent and what calls hold back (EIP-150).
    let mut low = first.gas_used.saturating_sub(1);
    let likely = (first.gas_spent + CALL_STIPEND) * 64 / 63;
    if likely < high {
        if succeeds(session, call, likely)? {
            high = likely;
        } else {
            low = likely;
        }
    }
    while low + 1 < high {
        if u128::from(high - low) * TOLERANCE_OF < u128::from(high) * TOLERANCE {
            break;
        }
        // Most need little more than the least: the first steps are near it.
        let middle = (low + (high - low) / 2).min(low.saturating_mul(2));
        if succeeds(session, call, middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(high)
}

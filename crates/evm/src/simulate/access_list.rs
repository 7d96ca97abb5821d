//! Which access list a transaction should bring along (EIP-2930): run with one, see what is touched, until no more is.
use std::collections::BTreeSet;

use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, U256};
use revm::context_interface::transaction::Authorization;

use super::probe::Touched;
use super::request::Call;
use super::{CallError, Failure, Session};
use crate::sender::authority;

/// Gas that an authorization takes at the least (EIP-7702, PER_EMPTY_ACCOUNT_COST).
const AUTHORIZATION_GAS: u64 = 25_000;

/// A list, and what the call does with it.
#[derive(Clone, Debug)]
pub struct Listed {
    pub access_list: AccessList,
    pub gas_used: u64,
    pub failure: Option<Failure>,
}

fn is_valid(authorization: &Authorization, chain_id: u64) -> bool {
    let chain = authorization.chain_id;
    (chain.is_zero() || chain == U256::from(chain_id)) && authorization.nonce < u64::MAX
}

/// Sender, recipient, precompiled contracts and authorities: warm without a list.
fn excluded(session: &Session<'_>, call: &Call) -> Result<BTreeSet<Address>, CallError> {
    let gas = call
        .gas
        .unwrap_or(session.bounds.gas)
        .min(session.bounds.gas);
    let authorizations = call.authorizations.as_deref().unwrap_or_default();
    if authorizations.len() as u64 > gas / AUTHORIZATION_GAS {
        return Err(CallError::Refused {
            text: "insufficient gas to process all authorizations".into(),
            more_gas: true,
        });
    }
    let to = match call.to {
        Some(to) => to,
        None => {
            let account = session.state.account(call.from).map_err(CallError::Store)?;
            call.from.create(account.map_or(0, |account| account.nonce))
        }
    };
    let mut all: BTreeSet<Address> = session.precompile_addresses().collect();
    all.extend([call.from, to]);
    let lawful = authorizations.iter();
    let lawful = lawful.filter(|signed| is_valid(signed.inner(), session.rules.chain_id));
    all.extend(lawful.filter_map(authority));
    Ok(all)
}

fn list_of(touched: &Touched) -> AccessList {
    let items = touched.accounts.iter();
    let items = items.map(|(address, slots)| AccessListItem {
        address: *address,
        storage_keys: slots.iter().copied().collect(),
    });
    AccessList(items.collect())
}

pub(super) fn access_list(session: &mut Session<'_>, call: &Call) -> Result<Listed, CallError> {
    let mut touched = Touched {
        excluded: excluded(session, call)?,
        ..Touched::default()
    };
    for item in &call.access_list.0 {
        if !touched.excluded.contains(&item.address) || !item.storage_keys.is_empty() {
            let slots = touched.accounts.entry(item.address).or_default();
            slots.extend(&item.storage_keys);
        }
    }
    let gas = call.gas.unwrap_or(session.bounds.gas);
    loop {
        let mut listed = call.clone();
        listed.access_list = list_of(&touched);
        session.watch(touched.clone());
        let called = match session.run(&listed, gas) {
            Err(CallError::Refused { text, more_gas }) => Err(CallError::Refused {
                text: format!("failed to apply transaction: err: {text}"),
                more_gas,
            }),
            other => other,
        }?;
        let seen = session.watched();
        if seen == touched {
            return Ok(Listed {
                access_list: listed.access_list,
                gas_used: called.gas_used,
                failure: called.failure,
            });
        }
        touched = seen; // it only grows, so this ends
    }
}

//! The account state: keccak256(address) -> RLP([nonce, balance, storage root, code hash]).
use alloy_primitives::{keccak256, Address, B256, KECCAK256_EMPTY, U256};
use alloy_rlp::{Decodable, Encodable, Header};
use quip_store::StoreError;

use crate::source::{NodeSource, NODES};
use crate::trie::{Committed, Trie, EMPTY_ROOT};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    pub nonce: u64,
    /// Wei.
    pub balance: U256,
    pub storage_root: B256,
    pub code_hash: B256,
}

impl Account {
    /// EIP-161: such an account is not kept.
    pub fn is_empty(&self) -> bool {
        self.nonce == 0 && self.balance.is_zero() && self.code_hash == KECCAK256_EMPTY
    }

    fn encode(&self) -> Vec<u8> {
        let mut payload = Vec::with_capacity(112);
        self.nonce.encode(&mut payload);
        self.balance.encode(&mut payload);
        self.storage_root.encode(&mut payload);
        self.code_hash.encode(&mut payload);
        let mut out = Vec::with_capacity(payload.len() + 2);
        Header {
            list: true,
            payload_length: payload.len(),
        }
        .encode(&mut out);
        out.extend(payload);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> alloy_rlp::Result<Self> {
        let mut rest = bytes;
        let mut payload = Header::decode_bytes(&mut rest, true)?;
        let account = Self {
            nonce: u64::decode(&mut payload)?,
            balance: U256::decode(&mut payload)?,
            storage_root: B256::decode(&mut payload)?,
            code_hash: B256::decode(&mut payload)?,
        };
        if payload.is_empty() && rest.is_empty() {
            Ok(account)
        } else {
            Err(alloy_rlp::Error::UnexpectedLength)
        }
    }
}

/// The account at an address in the state of `root`.
pub fn account(
    source: &dyn NodeSource,
    root: B256,
    address: Address,
) -> Result<Option<Account>, StoreError> {
    let Some(bytes) = Trie::new(root, source).get(keccak256(address).as_slice())? else {
        return Ok(None);
    };
    let account = Account::decode(&bytes);
    account.map(Some).map_err(|_| {
        StoreError::corrupt(format!("{address} is not an account")).at(NODES, root.as_slice())
    })
}

/// The state of `root` with these accounts replaced; an empty one is removed. Of an address that comes twice the last
/// counts. The cost grows with the number of changes, hardly with the number of accounts.
pub fn update_accounts(
    source: &dyn NodeSource,
    root: B256,
    changes: &[(Address, Account)],
) -> Result<Committed, StoreError> {
    let mut trie = Trie::new(root, source);
    for (address, account) in changes {
        let value = if account.is_empty() {
            Vec::new()
        } else {
            account.encode()
        };
        trie.set(keccak256(address).as_slice(), &value)?;
    }
    Ok(trie.commit())
}

/// The state of `root` with so much wei more at each address, one payment after the other. A payment of nothing touches
/// no account (EIP-161). Errors: Corrupt also for a balance that leaves 256 bits, which no chain's supply comes near.
pub fn credit_accounts(
    source: &dyn NodeSource,
    root: B256,
    payments: &[(Address, U256)],
) -> Result<Committed, StoreError> {
    let mut changes: Vec<(Address, Account)> = Vec::with_capacity(payments.len());
    for (address, amount) in payments.iter().filter(|(_, amount)| !amount.is_zero()) {
        let place = match changes.iter().position(|(other, _)| other == address) {
            Some(place) => place,
            None => {
                let there = account(source, root, *address)?;
                changes.push((*address, there.unwrap_or(NEW_ACCOUNT)));
                changes.len() - 1
            }
        };
        let balance = &mut changes[place].1.balance;
        *balance = balance.checked_add(*amount).ok_or_else(|| {
            StoreError::corrupt(format!("{address} has 2^256 wei or more"))
                .at(NODES, root.as_slice())
        })?;
    }
    update_accounts(source, root, &changes)
}

pub(crate) const NEW_ACCOUNT: Account = Account {
    nonce: 0,
    balance: U256::ZERO,
    storage_root: EMPTY_ROOT,
    code_hash: KECCAK256_EMPTY,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Empty;

    fn account_of(nonce: u64, balance: u64) -> Account {
        let balance = U256::from(balance);
        Account {
            nonce,
            balance,
            storage_root: EMPTY_ROOT,
            code_hash: KECCAK256_EMPTY,
        }
    }

    #[test]
    fn accounts_survive_encoding() {
        for account in [
            account_of(0, 0),
            account_of(1, u64::MAX),
            account_of(u64::MAX, 128),
        ] {
            assert_eq!(Account::decode(&account.encode()), Ok(account));
        }
        let mut longer = account_of(1, 2).encode();
        longer.push(0);
        assert!(Account::decode(&longer).is_err());
    }

    #[test]
    fn an_empty_account_leaves_no_trace() {
        let address = Address::repeat_byte(1);
        let full = (address, account_of(1, 5));
        assert_ne!(
            update_accounts(&Empty, EMPTY_ROOT, &[full])
                .expect("made")
                .root,
            EMPTY_ROOT
        );
        let gone = update_accounts(&Empty, EMPTY_ROOT, &[full, (address, account_of(0, 0))])
            .expect("made");
        assert_eq!(
            gone,
            Committed {
                root: EMPTY_ROOT,
                nodes: vec![]
            }
        );
    }

    #[test]
    fn credits_equal_updates() {
        let [one, two] = [1, 2].map(Address::repeat_byte);
        let paid = |payments: &[(Address, u64)]| {
            let payments: Vec<_> = payments
                .iter()
                .map(|(address, amount)| (*address, U256::from(*amount)))
                .collect();
            credit_accounts(&Empty, EMPTY_ROOT, &payments)
        };
        assert_eq!(
            paid(&[(one, 5), (two, 0), (one, 7)]),
            update_accounts(&Empty, EMPTY_ROOT, &[(one, account_of(0, 12))])
        );
        let nothing = Committed {
            root: EMPTY_ROOT,
            nodes: vec![],
        };
        assert_eq!(paid(&[(one, 0)]), Ok(nothing));
        let too_much = credit_accounts(&Empty, EMPTY_ROOT, &[(one, U256::MAX), (one, U256::ONE)]);
        assert!(matches!(too_much, Err(StoreError::Corrupt { .. })));
    }
}

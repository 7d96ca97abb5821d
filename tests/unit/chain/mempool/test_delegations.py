"""EIP-7702 in the pool: an account whose code can empty it at any time has one transaction under way (geth's rules)."""

from quip.chain.mempool.ports import AccountCode, HeadChange
from support.pool_wallets import GWEI, Accounts, Wallet, new_pool, wallet
from support.pools import pending, put, refusal

ANNE, BERT, CARL = wallet("anne"), wallet("bert"), wallet("carl")
IN_FLIGHT = "in-flight transaction limit reached for delegated accounts"


def delegating(sponsor: Wallet, nonce: int, *signers: Wallet, fee: int = 10 * GWEI, tip: int = GWEI) -> bytes:
    authorizations = [signer.authorize(b"\x07" * 20, 0) for signer in signers]
    gas = 21_000 + 25_000 * len(signers)
    return sponsor.sign(nonce, kind=4, gas=gas, fee=fee, tip=tip, authorizations=authorizations)


def test_a_delegated_account_has_one_with_its_next_nonce() -> None:
    state = Accounts()
    state.set(ANNE, nonce=4, code=AccountCode.DELEGATION)
    pool = new_pool(state)
    assert refusal(pool, ANNE.sign(5)) == "gapped-nonce tx from delegated accounts"
    put(pool, ANNE.sign(4))
    assert refusal(pool, ANNE.sign(5)) == IN_FLIGHT
    put(pool, ANNE.sign(4, fee=20 * GWEI, tip=2 * GWEI))
    state.set(ANNE, nonce=5, code=AccountCode.DELEGATION)
    pool.head_changed(HeadChange(state, connected=[]))  # who is delegated is looked at without being named
    assert len(pool) == 0
    put(pool, ANNE.sign(5))


def test_one_that_is_about_to_be_delegated_too() -> None:
    pool = new_pool()
    put(pool, delegating(ANNE, 0, BERT))
    put(pool, BERT.sign(0))
    assert refusal(pool, BERT.sign(1)) == IN_FLIGHT
    put(pool, CARL.sign(0), CARL.sign(1))


def test_one_that_has_several_is_not_delegated() -> None:
    pool = new_pool()
    put(pool, BERT.sign(0), BERT.sign(1), CARL.sign(0))
    assert refusal(pool, delegating(ANNE, 0, CARL, BERT)) == "authority already reserved"
    put(pool, delegating(ANNE, 0, CARL))


def test_a_replacement_reserves_other_accounts() -> None:
    pool = new_pool()
    put(pool, delegating(ANNE, 0, BERT), BERT.sign(0))
    assert refusal(pool, BERT.sign(1)) == IN_FLIGHT
    put(pool, delegating(ANNE, 0, CARL, fee=20 * GWEI, tip=2 * GWEI))
    put(pool, BERT.sign(1), CARL.sign(0))
    assert refusal(pool, CARL.sign(1)) == IN_FLIGHT
    assert pending(pool, BERT) == [0, 1]


def test_an_authorization_that_nobody_signed_reserves_nobody() -> None:
    unsigned = [[b"", b"\x07" * 20, b"", b"", b"\x01", b"\x01" * 32]]
    pool = new_pool()
    (held,) = put(pool, ANNE.sign(0, kind=4, gas=100_000, authorizations=[*unsigned, BERT.authorize(bytes(20), 0)]))
    assert BERT.address in held.authorities
    assert len(held.authorities) <= 2

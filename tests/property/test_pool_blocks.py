"""What the pool calls executable the EVM runs: of random transactions none that it offers is refused by a block.

Balances are drawn so that they pay for exactly what was sent, or nearly. A failing case's id is its seed.
"""

from random import Random

import pytest

from quip._native import evm
from quip._native import store as native_store
from quip.chain.mempool.errors import Unlawful
from quip.chain.mempool.ports import HeadChange, SenderState
from quip.consensus.types.account_state import EMPTY_CODE_HASH
from quip.consensus.types.header import EMPTY_TRIE_ROOT
from quip.storage.state import DEFAULT_LIMITS
from support.pool_wallets import CHAIN_ID, GWEI, TRANSFER_GAS, Accounts, Fields, Wallet, new_pool, wallet

SEEDS = 25
SENDERS = [wallet(number) for number in range(8)]
COUNT = 60
MANY_BYTES = 8 << 20


def drawn(draw: Random, who: Wallet, nonce: int) -> bytes:
    kind = draw.choice([0, 1, 2, 2, 4])
    fields: Fields = {"kind": kind, "fee": draw.choice([1, 2, 9, 10]) * GWEI, "tip": draw.randint(1, 9 * GWEI)}
    size = draw.choice([0, 1, 31, 200])
    slots = [bytes(31) + bytes([number]) for number in range(draw.randint(0, 3))] if kind else []
    signers = draw.sample(SENDERS, draw.randint(1, 2)) if kind == 4 else []
    authorizations = [
        signer.authorize(draw.choice([bytes(20), b"\x07" * 20]), draw.randint(0, 2)) for signer in signers
    ]
    fields |= {"data": draw.randbytes(size), "slots": slots, "value": draw.choice([0, 1, GWEI])}
    if kind == 4:
        fields |= {"authorizations": authorizations}
    elif draw.random() < 0.2:
        fields |= {"to": b""}
    gas = TRANSFER_GAS + 40 * size + (2_400 + 1_900 * len(slots) if slots else 0) + 25_000 * len(signers)
    creation = 32_000 + 2 * -(-size // 32) if fields.get("to") == b"" else 0
    fields |= {"gas": gas + creation + draw.choice([-1, 0, 0, 0, 5_000])}
    return who.sign(nonce, **fields)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_everything_that_is_offered_is_run(seed: int) -> None:
    draw, head = Random(seed), Accounts(base_fee=GWEI)
    nonces = {who: draw.randint(0, 2) for who in SENDERS}
    for who in SENDERS:
        cost = 10 * GWEI * TRANSFER_GAS
        head.states[who.address] = SenderState(nonces[who], draw.choice([cost, 3 * cost, 3 * cost - 1, 1_000 * cost]))
    states = DEFAULT_LIMITS.open(native_store.Store.in_memory())
    slots: list[tuple[bytes, bytes]] = []
    changes = [(who, one.nonce, one.balance, EMPTY_CODE_HASH, slots) for who, one in head.states.items()]
    update = states.update(EMPTY_TRIE_ROOT, changes, [])
    states.commit([], [], [(0, update.root, bytes(32), update, True)])
    pool = new_pool(head)
    unlawful: list[evm.Transaction | str] = []
    for _ in range(COUNT):
        who = draw.choice(SENDERS)
        encoded = drawn(draw, who, max(0, nonces[who] + draw.choice([-1, 0, 0, 1, 1, 2, 3])))
        (found,) = pool.add([encoded])
        unlawful += evm.recover([encoded]) if isinstance(found, Unlawful) else []
    environment = evm.Environment((1, bytes(32), b"\xbe" * 20, 1_000, head.gas_limit, head.base_fee, bytes(32)))
    block = evm.Block(evm.Rules("osaka", CHAIN_ID), environment, [])
    best = list(pool.best())
    assert best
    parent = evm.Parent(states, update.root)
    # What costs its sender a ban no block can hold, alone or behind whatever else.
    signed = [one for one in unlawful if isinstance(one, evm.Transaction)]
    assert evm.build(parent, block, signed, MANY_BYTES, 60_000)[1] == []
    built = evm.build(parent, block, [one.signed for one in best], MANY_BYTES, 60_000)
    included, refused = built[1], built[3]
    # An authorization that ran uses its signer's next nonce, of which the pool learns with the block.
    delegated = {authority for one in best for authority in one.authorities}
    wrong = [(best[place].kind, why) for place, why in refused if best[place].sender not in delegated]
    assert wrong == []
    mined = [best[place] for place in included]
    for one in mined:
        head.states[one.sender] = SenderState(one.nonce + 1, head.states[one.sender].balance)
    pool.head_changed(HeadChange(head, [[one.signed.encoded for one in mined]]))
    assert {one.hash for one in pool.best()} & {one.hash for one in mined} == set()

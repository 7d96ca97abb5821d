"""Transactions of type 0x51 through the stateful signer."""

from __future__ import annotations

from dataclasses import replace

from quip.primitives.hybrid_transaction import HybridPayload, HybridTransaction
from quip.wallet.stateful_signer.journal import Part
from quip.wallet.stateful_signer.signer import StatefulSigner


def sign_transaction(signer: StatefulSigner, payload: HybridPayload, part: Part = Part.BODY) -> HybridTransaction:
    """The payload with the next leaf of `part`, and both signatures.

    What it asks for, its leaf aside, is the message: the same again gives the same bytes, another fee is another
    message and takes another leaf.

    Raises MalformedTransaction, and what `StatefulSigner.sign` raises.
    """
    message = replace(payload, leaf=0).digest()
    signature = signer.sign(message, lambda leaf: replace(payload, leaf=leaf).digest(), part)
    return HybridTransaction(replace(payload, leaf=signature.leaf), signature.ecdsa, signature.xmss)

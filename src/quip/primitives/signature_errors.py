"""What can be wrong with a signature.

SignatureError
├── MalformedSignature      a field has the wrong length, or v is neither 0 nor 1
├── MalformedKey            a public key has the wrong length, OID, or is no point of the curve
├── UnknownSuite            no such signature suite
├── HighS                   s above half the group order: the other of a malleable pair
├── WrongEcdsaSignature     recovers no key, or another one than the stated
├── LeafOutOfRange          a leaf index at or past the end of the tree
└── WrongXmssSignature      does not lead to the stated root

All of them are the fault of whoever signed; none depends on time or on other data.
"""

from __future__ import annotations


class SignatureError(ValueError):
    """A signature, or the key it names, breaks a rule."""


class MalformedSignature(SignatureError):
    """A field of a signature has the wrong length, or v is neither 0 nor 1."""


class MalformedKey(SignatureError):
    """A key has the wrong length or the wrong OID, or is no point of the curve."""


class UnknownSuite(SignatureError):
    """There is no such signature suite."""


class HighS(SignatureError):
    """s is above half the group order (EIP-2)."""


class WrongEcdsaSignature(SignatureError):
    """The ECDSA half recovers no key, or another one than the stated."""


class LeafOutOfRange(SignatureError):
    """The leaf index lies past the end of the tree."""


class WrongXmssSignature(SignatureError):
    """The XMSS half does not lead to the stated root."""

//! What can be wrong with a hybrid key, signature or transaction. All of it is the fault of whoever signed.
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HybridError {
    /// The bytes are not the one encoding of a transaction of type 0x51.
    Malformed(&'static str),
    /// More bytes than a lawful transaction can have.
    TooLarge(usize),
    UnknownSuite(u8),
    EcdsaKey,
    XmssKey,
    /// Which length the XMSS signature has.
    XmssLength(usize),
    LeafOutOfRange(u64),
    /// The leaf that is signed, and the one inside the XMSS signature.
    OtherLeaf(u64, u64),
    /// v, r or s out of range, s above half the group order, no such key, or another one than stated.
    Ecdsa(&'static str),
    Xmss,
}

impl fmt::Display for HybridError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(what) => write!(f, "not a transaction of type 0x51: {what}"),
            Self::TooLarge(bytes) => write!(
                f,
                "{bytes} bytes, a transaction has at most {}",
                crate::MAX_TRANSACTION_BYTES
            ),
            Self::UnknownSuite(suite) => {
                write!(f, "signature suite 0x{suite:02x} signs no account")
            }
            Self::EcdsaKey => write!(f, "no compressed secp256k1 key"),
            Self::XmssKey => write!(f, "no XMSS key of the suite"),
            Self::XmssLength(bytes) => write!(f, "XMSS signature of {bytes} bytes"),
            Self::LeafOutOfRange(leaf) => write!(f, "leaf {leaf} is past the end of the tree"),
            Self::OtherLeaf(signed, inside) => {
                write!(
                    f,
                    "leafIndex {signed}, the XMSS signature has leaf {inside}"
                )
            }
            Self::Ecdsa(what) => write!(f, "ECDSA signature: {what}"),
            Self::Xmss => write!(f, "the XMSS signature does not lead to the root"),
        }
    }
}

impl std::error::Error for HybridError {}

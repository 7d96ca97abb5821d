//! The fast twins of `quip.consensus.rules`: header rules of a run of headers, and whole seals, many in one call.
//!
//! ```text
//! check_headers   gate and header rules, each header on the one below           headers.rs
//!   header        the 16 fields, strictly decoded; block hash, sealing hash      header.rs
//!   difficulty    controller, streak, overdue; context and requirements          difficulty.rs
//!   work, ladder  level -> work, exactly; level -> margin                        work.rs, ladder.rs
//!   gas           gas limit's step, base fee                                     gas.rs
//! SealVerifier    signatures, canonical form, distances, energies, baseline      seal.rs
//! ```
//!
//! The law is docs/protocol.md, and its clear form is Python. What is here says only yes or no, as fast as it can, and
//! "no" where it is not sure (a number that no lawful chain has): what is wrong, or whether anything is, the clear twin
//! then decides, so nothing here is ever the last word against a block. What is here must never say yes wrongly.

pub mod difficulty;
pub mod gas;
pub mod header;
pub mod headers;
pub mod ladder;
pub mod seal;
pub mod work;

pub use difficulty::{Context, Levels, Recent, Requirements};
pub use header::Header;
pub use headers::{check_headers, Checked, HeaderRules};
pub use seal::{Proofs, Seal, SealVerifier, Signed};

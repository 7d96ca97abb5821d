//! isingEnergy: E = sum h_i s_i + sum J_ij s_i s_j of one configuration.
//!
//! ```text
//! 0 || seed (32) || spins                                      the instance that the seed draws on the chain's graph
//! 1 || n (4) || m (4) || m couplers || n fields (1) || spins   any instance; a coupler is u (4), v (4), J (1)
//! ```
//! Integers are big-endian; J and h are signed bytes. Spins are ceil(n / 8) bytes, bit i of the little-endian bit order
//! set iff s_i = +1, padding zero: as in a proof.
use std::sync::Arc;

use alloy_primitives::{Bytes, I256};
use quip_ising::energy;
use quip_ising::model::Model;
use revm::precompile::PrecompileHalt;

use super::{charge, IsingEnergy, Outcome};

const BASE_GAS: u64 = 1_000;
/// Couplers and spins that are worth one gas: 70 microseconds for the 50,664 of the public network's instance.
const TERMS_PER_GAS: u64 = 4;
const COUPLER_BYTES: usize = 9;

fn malformed(what: &'static str) -> PrecompileHalt {
    PrecompileHalt::other_static(what)
}

fn gas_of(spins: usize, couplers: usize) -> u64 {
    BASE_GAS + (spins as u64 + couplers as u64).div_ceil(TERMS_PER_GAS)
}

/// Splits `count` bytes off.
fn take<'a>(rest: &mut &'a [u8], count: usize) -> Result<&'a [u8], PrecompileHalt> {
    let (head, tail) = rest
        .split_at_checked(count)
        .ok_or(malformed("isingEnergy: the input ends early"))?;
    *rest = tail;
    Ok(head)
}

fn number(rest: &mut &[u8]) -> Result<usize, PrecompileHalt> {
    let bytes = take(rest, 4)?.try_into().expect("four bytes");
    Ok(u32::from_be_bytes(bytes) as usize)
}

/// Whether a packed configuration has the right length and no bit behind its last spin.
fn check_spins(packed: &[u8], n: usize) -> Result<(), PrecompileHalt> {
    let padding = if n.is_multiple_of(8) {
        0
    } else {
        0xff << (n % 8)
    };
    if packed.len() != n.div_ceil(8) || packed.last().is_some_and(|last| last & padding != 0) {
        return Err(malformed(
            "isingEnergy: want one bit a spin, and zeros behind the last",
        ));
    }
    Ok(())
}

fn is_up(packed: &[u8], spin: usize) -> bool {
    packed[spin / 8] >> (spin % 8) & 1 == 1
}

fn drawn(
    chain: &IsingEnergy,
    mut rest: &[u8],
    gas_limit: u64,
) -> Result<(u64, i64), PrecompileHalt> {
    let n = chain.graph.n();
    let gas = charge(gas_of(n, chain.graph.couplers().len()), gas_limit)?;
    let seed: [u8; 32] = take(&mut rest, 32)?.try_into().expect("32 bytes");
    check_spins(rest, n)?;
    let model = Model::expand(Arc::clone(&chain.graph), &seed, chain.ternary).model;
    let words: Vec<u64> = (0..n).map(|spin| u64::from(is_up(rest, spin))).collect();
    Ok((gas, i64::from(energy::of_few(&model, &words, 1)[0])))
}

fn given(mut rest: &[u8], gas_limit: u64) -> Result<(u64, i64), PrecompileHalt> {
    let (n, m) = (number(&mut rest)?, number(&mut rest)?);
    let gas = charge(gas_of(n, m), gas_limit)?;
    let couplers = take(&mut rest, m.saturating_mul(COUPLER_BYTES))?;
    let fields = take(&mut rest, n)?;
    check_spins(rest, n)?;
    let mut sum = 0;
    for coupler in couplers.chunks_exact(COUPLER_BYTES) {
        let mut ends = coupler;
        let (u, v) = (number(&mut ends)?, number(&mut ends)?);
        if u >= n || v >= n || u == v {
            return Err(malformed(
                "isingEnergy: a coupler joins two different spins",
            ));
        }
        let value = i64::from(coupler[8] as i8);
        sum += if is_up(rest, u) == is_up(rest, v) {
            value
        } else {
            -value
        };
    }
    for (spin, field) in fields.iter().enumerate() {
        let value = i64::from(*field as i8);
        sum += if is_up(rest, spin) { value } else { -value };
    }
    Ok((gas, sum))
}

pub fn run(chain: &IsingEnergy, input: &[u8], gas_limit: u64) -> Outcome {
    let (gas, sum) = match input.split_first() {
        Some((0, rest)) => drawn(chain, rest, gas_limit)?,
        Some((1, rest)) => given(rest, gas_limit)?,
        _ => {
            return Err(malformed(
                "isingEnergy: want 0 and a seed, or 1 and an instance",
            ))
        }
    };
    let word = I256::try_from(sum)
        .expect("64 bits fit")
        .to_be_bytes::<32>();
    Ok((gas, Bytes::copy_from_slice(&word)))
}

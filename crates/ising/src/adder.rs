//! Carry-save adders over N words (N odd): five bit planes of a sum of N bits plus a constant.
//!
//! A full adder commutes with complement: XOR3 and MAJ are self-dual. With an odd number N of inputs and the constant
//! K = (31 - N) / 2 added, complementing every input complements the five-plane sum (x -> 31 - x). So a count of
//! unsatisfied bonds, each of which is (input XOR own spin), needs no XOR per input: it is the plane XOR own spin.

use crate::lanes::Lanes;

/// Carries out of a level of `m` inputs when the constant's bit there is `one`.
const fn carries(m: usize, one: bool) -> usize {
    if m == 0 {
        0
    } else {
        (m - 1) / 2 + if m.is_multiple_of(2) || one { 1 } else { 0 }
    }
}

/// The constant added to the sum of `n` inputs.
pub const fn offset(n: usize) -> usize {
    (31 - n) / 2
}

/// Inputs and sums of one level, at most.
const QUEUE: usize = 42;

/// Inputs at each of the five levels, for N inputs.
struct Levels<const N: usize>;

impl<const N: usize> Levels<N> {
    const K: usize = offset(N);
    const M1: usize = carries(N, Self::K & 1 == 1);
    const M2: usize = carries(Self::M1, Self::K & 2 == 2);
    const M3: usize = carries(Self::M2, Self::K & 4 == 4);
    const M4: usize = carries(Self::M3, Self::K & 8 == 8);
}

/// Adds `m` words of one weight and the constant's bit: the sum's plane; the carries go to `out`.
#[inline(always)]
unsafe fn level<W: Lanes>(input: &[W], m: usize, one: bool, out: &mut [W]) -> W {
    if m == 0 {
        return W::splat(one);
    }
    // Sums queue up behind the inputs, so that the adders form a shallow tree.
    let mut queue = [W::splat(false); QUEUE];
    queue[..m].copy_from_slice(&input[..m]);
    let adders = (m - 1) / 2;
    for k in 0..adders {
        let (s, c) = queue[3 * k].full_add(queue[3 * k + 1], queue[3 * k + 2]);
        queue[m + k] = s;
        out[k] = c;
    }
    let mut sum = queue[3 * adders];
    let count = adders;
    if m.is_multiple_of(2) {
        let x = queue[3 * adders + 1];
        if one {
            out[count] = sum.or(x);
            sum = sum.xor(x).not();
        } else {
            out[count] = sum.and(x);
            sum = sum.xor(x);
        }
    } else if one {
        out[count] = sum;
        sum = sum.not();
    }
    sum
}

/// The five planes of (number of ones among the N inputs) + `offset(N)`, least significant first. N odd, at most 27.
///
/// # Safety
/// As `Lanes`.
#[inline(always)]
pub unsafe fn planes<W: Lanes, const N: usize>(input: [W; N]) -> [W; 5] {
    let zero = W::splat(false);
    let (mut c1, mut c2, mut c3, mut c4, mut c5) =
        ([zero; 14], [zero; 8], [zero; 4], [zero; 2], [zero; 1]);
    let k = Levels::<N>::K;
    [
        level(&input, N, k & 1 == 1, &mut c1),
        level(&c1, Levels::<N>::M1, k & 2 == 2, &mut c2),
        level(&c2, Levels::<N>::M2, k & 4 == 4, &mut c3),
        level(&c3, Levels::<N>::M3, k & 8 == 8, &mut c4),
        level(&c4, Levels::<N>::M4, k & 16 == 16, &mut c5),
    ]
}

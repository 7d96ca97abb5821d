//! Machine words of many replicas, and the paths that a run may take.
//!
//! A path is a register width with its instructions; all give the same bits. Narrow words make several passes over
//! the lanes of one run.

use crate::{invalid, Invalid};

/// Bits of a packed number: three fill a 64-bit word.
pub const FIELD: u32 = 21;

/// Word operations of one path. One bit is one replica.
///
/// # Safety
/// Methods may use instructions that the running CPU lacks: call them only on a path that `Path::available` admits.
/// Pointers must be valid for `BYTES` bytes and aligned to `BYTES`.
#[allow(clippy::missing_safety_doc)] // said once, above
pub trait Lanes: Copy {
    /// Bytes of the word: 8, 16, 32 or 64.
    const BYTES: usize;
    unsafe fn load(from: *const u8) -> Self;
    unsafe fn store(self, to: *mut u8);
    unsafe fn splat(bit: bool) -> Self;
    unsafe fn xor(self, other: Self) -> Self;
    unsafe fn and(self, other: Self) -> Self;
    unsafe fn or(self, other: Self) -> Self;
    unsafe fn not(self) -> Self;
    /// Sum and carry of three bits.
    unsafe fn full_add(self, b: Self, c: Self) -> (Self, Self);
    unsafe fn majority(self, b: Self, c: Self) -> Self;
    /// Number K (0, 1 or 2) of a packed word.
    #[inline(always)]
    unsafe fn field<const K: u32>(word: u64) -> usize {
        ((word >> (K * FIELD)) & ((1 << FIELD) - 1)) as usize
    }
}

impl Lanes for u64 {
    const BYTES: usize = 8;
    #[inline(always)]
    unsafe fn load(from: *const u8) -> Self {
        *(from as *const u64)
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        *(to as *mut u64) = self;
    }
    #[inline(always)]
    unsafe fn splat(bit: bool) -> Self {
        if bit {
            !0
        } else {
            0
        }
    }
    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        self ^ other
    }
    #[inline(always)]
    unsafe fn and(self, other: Self) -> Self {
        self & other
    }
    #[inline(always)]
    unsafe fn or(self, other: Self) -> Self {
        self | other
    }
    #[inline(always)]
    unsafe fn not(self) -> Self {
        !self
    }
    #[inline(always)]
    unsafe fn full_add(self, b: Self, c: Self) -> (Self, Self) {
        let half = self ^ b;
        (half ^ c, (self & b) | (half & c))
    }
    #[inline(always)]
    unsafe fn majority(self, b: Self, c: Self) -> Self {
        (self & b) | ((self ^ b) & c)
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::{Lanes, FIELD};
    use std::arch::x86_64::*;

    impl Lanes for __m512i {
        #[inline(always)]
        unsafe fn field<const K: u32>(word: u64) -> usize {
            _bextr2_u64(word, u64::from((FIELD << 8) | (K * FIELD))) as usize
        }
        const BYTES: usize = 64;
        #[inline(always)]
        unsafe fn load(from: *const u8) -> Self {
            _mm512_load_si512(from as *const __m512i)
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut u8) {
            _mm512_store_si512(to as *mut __m512i, self)
        }
        #[inline(always)]
        unsafe fn splat(bit: bool) -> Self {
            _mm512_set1_epi64(-(bit as i64))
        }
        #[inline(always)]
        unsafe fn xor(self, other: Self) -> Self {
            _mm512_xor_si512(self, other)
        }
        #[inline(always)]
        unsafe fn and(self, other: Self) -> Self {
            _mm512_and_si512(self, other)
        }
        #[inline(always)]
        unsafe fn or(self, other: Self) -> Self {
            _mm512_or_si512(self, other)
        }
        #[inline(always)]
        unsafe fn not(self) -> Self {
            _mm512_ternarylogic_epi64::<0x55>(self, self, self)
        }
        #[inline(always)]
        unsafe fn full_add(self, b: Self, c: Self) -> (Self, Self) {
            (
                _mm512_ternarylogic_epi64::<0x96>(self, b, c),
                _mm512_ternarylogic_epi64::<0xE8>(self, b, c),
            )
        }
        #[inline(always)]
        unsafe fn majority(self, b: Self, c: Self) -> Self {
            _mm512_ternarylogic_epi64::<0xE8>(self, b, c)
        }
    }

    impl Lanes for __m256i {
        #[inline(always)]
        unsafe fn field<const K: u32>(word: u64) -> usize {
            _bextr2_u64(word, u64::from((FIELD << 8) | (K * FIELD))) as usize
        }
        const BYTES: usize = 32;
        #[inline(always)]
        unsafe fn load(from: *const u8) -> Self {
            _mm256_load_si256(from as *const __m256i)
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut u8) {
            _mm256_store_si256(to as *mut __m256i, self)
        }
        #[inline(always)]
        unsafe fn splat(bit: bool) -> Self {
            _mm256_set1_epi64x(-(bit as i64))
        }
        #[inline(always)]
        unsafe fn xor(self, other: Self) -> Self {
            _mm256_xor_si256(self, other)
        }
        #[inline(always)]
        unsafe fn and(self, other: Self) -> Self {
            _mm256_and_si256(self, other)
        }
        #[inline(always)]
        unsafe fn or(self, other: Self) -> Self {
            _mm256_or_si256(self, other)
        }
        #[inline(always)]
        unsafe fn not(self) -> Self {
            _mm256_xor_si256(self, _mm256_set1_epi64x(-1))
        }
        #[inline(always)]
        unsafe fn full_add(self, b: Self, c: Self) -> (Self, Self) {
            let half = self.xor(b);
            (half.xor(c), self.and(b).or(half.and(c)))
        }
        #[inline(always)]
        unsafe fn majority(self, b: Self, c: Self) -> Self {
            self.and(b).or(self.xor(b).and(c))
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::Lanes;
    use std::arch::aarch64::*;

    impl Lanes for uint64x2_t {
        const BYTES: usize = 16;
        #[inline(always)]
        unsafe fn load(from: *const u8) -> Self {
            vld1q_u64(from as *const u64)
        }
        #[inline(always)]
        unsafe fn store(self, to: *mut u8) {
            vst1q_u64(to as *mut u64, self)
        }
        #[inline(always)]
        unsafe fn splat(bit: bool) -> Self {
            vdupq_n_u64(if bit { !0 } else { 0 })
        }
        #[inline(always)]
        unsafe fn xor(self, other: Self) -> Self {
            veorq_u64(self, other)
        }
        #[inline(always)]
        unsafe fn and(self, other: Self) -> Self {
            vandq_u64(self, other)
        }
        #[inline(always)]
        unsafe fn or(self, other: Self) -> Self {
            vorrq_u64(self, other)
        }
        #[inline(always)]
        unsafe fn not(self) -> Self {
            vreinterpretq_u64_u8(vmvnq_u8(vreinterpretq_u8_u64(self)))
        }
        #[inline(always)]
        unsafe fn full_add(self, b: Self, c: Self) -> (Self, Self) {
            let half = veorq_u64(self, b);
            (veorq_u64(half, c), vbslq_u64(half, c, self))
        }
        #[inline(always)]
        unsafe fn majority(self, b: Self, c: Self) -> Self {
            vbslq_u64(veorq_u64(self, b), c, self)
        }
    }
}

/// What every CPU with AVX2 has too.
#[cfg(target_arch = "x86_64")]
fn bit_counting() -> bool {
    is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("popcnt")
}

/// A register width with its instructions. Every path gives the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    Avx512,
    Avx2,
    Neon,
    Portable,
}

impl Path {
    pub const ALL: [Path; 4] = [Path::Avx512, Path::Avx2, Path::Neon, Path::Portable];

    /// As `named` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Path::Avx512 => "avx512",
            Path::Avx2 => "avx2",
            Path::Neon => "neon",
            Path::Portable => "portable",
        }
    }

    /// Whether this CPU can run the path.
    pub fn available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && bit_counting()
            }
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => is_x86_feature_detected!("avx2") && bit_counting(),
            #[cfg(target_arch = "aarch64")]
            Path::Neon => true,
            Path::Portable => true,
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// The fastest path of this CPU.
    pub fn best() -> Path {
        Path::ALL
            .into_iter()
            .find(|path| path.available())
            .unwrap_or(Path::Portable)
    }

    /// The path of that name, or the best one without a name.
    pub fn named(name: Option<&str>) -> Result<Path, Invalid> {
        let Some(name) = name else {
            return Ok(Path::best());
        };
        match Path::ALL.into_iter().find(|path| path.name() == name) {
            None => invalid(format!(
                "no path is called {name:?}: avx512, avx2, neon, portable"
            )),
            Some(path) if !path.available() => invalid(format!("this CPU cannot run {name}")),
            Some(path) => Ok(path),
        }
    }

    /// Bytes of the path's word.
    pub fn bytes(self) -> usize {
        match self {
            Path::Avx512 => 64,
            Path::Avx2 => 32,
            Path::Neon => 16,
            Path::Portable => 8,
        }
    }
}

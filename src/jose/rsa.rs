//! What an RSA public key must be before anything is computed with it.

use super::key_admission::KeyRefusal;

/// Below 2048 bits RFC 7518, section 3.3, forbids the key; above 8192 one verification costs more
/// than a millisecond, and no provider was seen with more than 4096.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Every key in use has 65537. Smaller ones make padding faults exploitable; NIST SP 800-56B allows
/// up to 2^256, but a large one only costs the verifier time.
const EXPONENTS: std::ops::RangeInclusive<u64> = 65_537..=1 << 32;

/// The primes of the published fingerprint of the ROCA weakness (CVE-2017-15361).
const ROCA_PRIMES: [u16; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// `modulus` and `exponent` are big-endian without leading zeros.
pub(super) fn check(modulus: &[u8], exponent: &[u8]) -> Result<(), KeyRefusal> {
    let bits = bits(modulus);
    if !MODULUS_BITS.contains(&bits) {
        return Err(KeyRefusal::ModulusSize { bits });
    }
    if modulus.last().is_none_or(|last| last % 2 == 0) {
        return Err(KeyRefusal::Material);
    }
    let odd = exponent.last().is_some_and(|last| last % 2 == 1);
    let value = exponent.iter().try_fold(0_u64, |value, byte| {
        value.checked_mul(256).and_then(|value| value.checked_add(u64::from(*byte)))
    });
    if !(odd && value.is_some_and(|value| EXPONENTS.contains(&value))) {
        return Err(KeyRefusal::Exponent);
    }
    if has_roca_fingerprint(modulus) {
        return Err(KeyRefusal::Roca);
    }
    Ok(())
}

pub(super) fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The real size: a modulus of 2041 bits also fills 256 bytes.
fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

/// Keys of the flawed generator are powers of 65537 modulo every small prime. Of sound keys about
/// one in 2^27 looks like that too.
fn has_roca_fingerprint(modulus: &[u8]) -> bool {
    ROCA_PRIMES.into_iter().all(|prime| {
        let residue = modulus
            .iter()
            .fold(0_u32, |residue, byte| (residue * 256 + u32::from(*byte)) % u32::from(prime));
        is_power_of_65537(residue, u32::from(prime))
    })
}

fn is_power_of_65537(residue: u32, prime: u32) -> bool {
    std::iter::successors(Some(1), |power| Some(power * (65_537 % prime) % prime))
        .take(prime as usize)
        .any(|power| power == residue)
}

#[cfg(test)]
mod tests {
    use super::*;

    const F4: [u8; 3] = [1, 0, 1];

    /// 65537^128 has 2049 bits and, being a power of 65537, the fingerprint.
    fn roca() -> Vec<u8> {
        let mut number = vec![1_u8];
        for _ in 0..128 {
            let mut product = vec![0_u32; number.len() + 2];
            for (at, byte) in number.iter().enumerate() {
                product[at] += u32::from(*byte);
                product[at + 2] += u32::from(*byte);
            }
            let mut carry = 0;
            number = product
                .into_iter()
                .map(|digit| {
                    let sum = digit + carry;
                    carry = sum >> 8;
                    u8::try_from(sum & 0xff).unwrap()
                })
                .collect();
            assert_eq!(carry, 0);
        }
        number.reverse();
        without_leading_zeros(&number).to_vec()
    }

    fn modulus(bytes: usize, first: u8) -> Vec<u8> {
        let mut modulus = vec![0xa5; bytes];
        modulus[0] = first;
        modulus
    }

    #[test]
    fn jwt_5_modulus_is_measured_in_bits() {
        assert_eq!(check(&modulus(256, 0x80), &F4), Ok(()));
        assert_eq!(check(&modulus(1024, 0xff), &F4), Ok(()));
        for (bytes, first, bits) in [(128, 0x80, 1024), (256, 0x7f, 2047), (1025, 1, 8193)] {
            let refusal = Err(KeyRefusal::ModulusSize { bits });
            assert_eq!(check(&modulus(bytes, first), &F4), refusal);
        }
        assert_eq!(check(&[], &F4), Err(KeyRefusal::ModulusSize { bits: 0 }));
        let mut even = modulus(256, 0x80);
        even[255] = 2;
        assert_eq!(check(&even, &F4), Err(KeyRefusal::Material));
    }

    #[test]
    fn exponent_bounds() {
        let modulus = modulus(256, 0x80);
        for exponent in [&[1, 0, 1][..], &[1, 0, 3], &[0xff, 0xff, 0xff, 0xff]] {
            assert_eq!(check(&modulus, exponent), Ok(()), "{exponent:?}");
        }
        let huge = [1; 200];
        for exponent in [&[][..], &[1], &[3], &[1, 0, 0], &[1, 0, 2], &[1, 0, 0, 0, 1], &huge] {
            assert_eq!(check(&modulus, exponent), Err(KeyRefusal::Exponent), "{exponent:?}");
        }
    }

    #[test]
    fn roca_fingerprint() {
        let weak = roca();
        assert_eq!(bits(&weak), 2049);
        assert_eq!(check(&weak, &F4), Err(KeyRefusal::Roca));
        let mut sound = weak;
        *sound.last_mut().unwrap() ^= 2;
        assert_eq!(check(&sound, &F4), Ok(()));
    }
}

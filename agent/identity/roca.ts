/** The primes whose residues give the fingerprint. */
const PRIMES = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
] as const

/** Per prime, the powers of 65537 modulo it. */
const POWERS: readonly (readonly [prime: bigint, powers: ReadonlySet<bigint>])[] = PRIMES.map((prime) => {
  const powers = new Set<bigint>()
  for (let power = 1; !powers.has(BigInt(power)); power = (power * 65537) % prime) powers.add(BigInt(power))
  return [BigInt(prime), powers]
})

/**
 * Whether an RSA modulus has the shape of the keys of CVE-2017-15361 (ROCA), which can be factored: its primes are
 * k·M + (65537^a mod M), so modulo every small prime it is a power of 65537. A sound key has this shape with a
 * probability below 2^-27. Nemec et al., "The Return of Coppersmith's Attack", CCS 2017, section 2.
 */
export function hasRocaShape(modulus: bigint): boolean {
  return POWERS.every(([prime, powers]) => powers.has(modulus % prime))
}

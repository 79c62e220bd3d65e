/**
 * `keys_unavailable`: the key file could never be read. `unknown_key`: it has no key of that id, perhaps no longer.
 * `tampered`: not what was encrypted with that key, or not for this place. `malformed`: nothing that this could have
 * written.
 */
export type CipherProblem = 'keys_unavailable' | 'unknown_key' | 'tampered' | 'malformed'

const WORDS: Readonly<Record<CipherProblem, string>> = {
  keys_unavailable: 'there are no keys: the key file could not be read yet',
  unknown_key: 'encrypted with a key that the key file does not have',
  tampered: 'does not decrypt: changed, in another place, or encrypted with another key of the same id',
  malformed: 'not in the form of what is encrypted here',
}

/** Something cannot be encrypted or decrypted. Holds nothing of the key, the plain text or the cipher text. */
export class CipherError extends Error {
  override readonly name = 'CipherError'
  readonly problem: CipherProblem
  /** Of the key that is asked for, where that is known and such as key files may have. */
  readonly keyId: string | undefined

  constructor(problem: CipherProblem, keyId?: string) {
    super(keyId === undefined ? WORDS[problem] : `${WORDS[problem]} (key ${keyId})`)
    this.problem = problem
    this.keyId = keyId
  }

  /** Whether reading the key file again may help. */
  get wantsKeys(): boolean {
    return this.problem === 'unknown_key' || this.problem === 'keys_unavailable'
  }
}

import { CipherError, type CipherProblem } from '../../../../agent/crypto/cipher-error.ts'

/** What a cipher says of what it refuses; undefined when it refuses nothing. Other errors are a failure. */
export function problemOf(work: () => unknown): CipherProblem | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    if (error instanceof CipherError) return error.problem
    throw error
  }
}

import { z } from 'zod'
import { jwtProvider } from './jwt.ts'

/** One entry of `identity.providers`, by its kind; without one it is `jwt`. */
export const provider = z.preprocess(
  (value) => (typeof value === 'object' && value !== null && !('kind' in value) ? { kind: 'jwt', ...value } : value),
  z.discriminatedUnion('kind', [jwtProvider]),
)

export type ProviderSettings = z.output<typeof provider>

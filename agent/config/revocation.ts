import { z } from 'zod'
import { proxyUrl } from '../identity/http/proxy.ts'
import { duration, endpoint, secret, text } from './fields.ts'

export const DEFAULT_MAX_ENTRIES = 1_000_000

const PROXY = { message: 'expected env, or the http or https URL of a proxy, without a path' }

/** Where revocations come from: `identity.revocation`. */
export const revocation = z.strictObject({
  /** JSON lines, a JSON array or a YAML list. */
  file: text.optional(),
  poll: z
    .strictObject({
      url: endpoint('the URL of the list'),
      every: duration(1000, 3_600_000).default(30_000),
      timeout: duration(100, 60_000).default(5000),
      /** Since the last success: beyond it `onUnavailable` applies. */
      maxAge: duration(1000, 30 * 86_400_000).default(600_000),
      maxBytes: z
        .int()
        .min(1024)
        .max(256 * 1024 * 1024)
        .default(16 * 1024 * 1024),
      /** Sent as a bearer token. */
      token: secret.optional(),
      caFile: text.optional(),
      proxy: z
        .string(PROXY)
        .refine((value) => value === 'env' || proxyUrl(value) !== undefined, PROXY)
        .optional(),
    })
    .optional(),
  onUnavailable: z.enum(['deny', 'ignore']).default('deny'),
  maxEntries: z.int().min(1).max(DEFAULT_MAX_ENTRIES).default(DEFAULT_MAX_ENTRIES),
})

export type RevocationSettings = z.output<typeof revocation>

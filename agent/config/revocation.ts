import { z } from 'zod'
import { proxyUrl } from '../identity/http/proxy.ts'
import { duration, endpoint, secret, text } from './fields.ts'

export const DEFAULT_MAX_ENTRIES = 1_000_000

const PROXY = { message: 'expected env, or the http or https URL of a proxy, without a path' }

/** Where revocations come from: `identity.revocation`. */
export const revocation = z.strictObject({
  file: text
    .optional()
    .describe('List in a file: JSON lines, a JSON array or a YAML list, 1 MiB at most, looked at every two seconds'),
  poll: z
    .strictObject({
      url: endpoint('the URL of the list').describe('Where the list is; redirects are not followed'),
      every: duration(1000, 3_600_000).default(30_000).describe('Time between two fetches'),
      timeout: duration(100, 60_000).default(5000).describe('For one whole answer'),
      maxAge: duration(1000, 30 * 86_400_000)
        .default(600_000)
        .describe('Age of the last good answer beyond which "onUnavailable" applies'),
      maxBytes: z
        .int()
        .min(1024)
        .max(256 * 1024 * 1024)
        .default(16 * 1024 * 1024)
        .describe('Size of one answer'),
      token: secret.optional().describe('Sent as a bearer token'),
      caFile: text.optional().describe('PEM file with the authorities of the server, instead of those of the system'),
      proxy: z
        .string(PROXY)
        .refine((value) => value === 'env' || proxyUrl(value) !== undefined, PROXY)
        .optional()
        .describe('URL of an http or https proxy, or env: what HTTPS_PROXY and NO_PROXY say'),
    })
    .optional()
    .describe('List that is fetched again and again'),
  onUnavailable: z
    .enum(['deny', 'ignore'])
    .default('deny')
    .describe('While the lists cannot be read: deny answers 503, ignore takes them as empty'),
  maxEntries: z
    .int()
    .min(1)
    .max(DEFAULT_MAX_ENTRIES)
    .default(DEFAULT_MAX_ENTRIES)
    .describe('Entries of all lists together'),
})

export type RevocationSettings = z.output<typeof revocation>

import { z } from 'zod'
import { ALGORITHMS, DEFAULT_MAX_KEYS } from '../limits/limiter.ts'
import { MAX_COUNT, parseRate } from '../limits/rate.ts'
import { refuse } from './fields.ts'

/** Keys of one limit; about 300 MB. */
const MAX_KEYS = 1_000_000

/** `100/1m` and the like. */
export const rate = z
  .string({ message: 'expected a rate such as 100/1m' })
  .transform((value, ctx) => {
    const parsed = parseRate(value)
    return typeof parsed === 'string' ? refuse(ctx, 'CONFIG_INVALID', parsed) : parsed
  })
  .meta({ title: 'rate', pattern: '^\\d+/\\d+(?:\\.\\d+)?(?:us|ms|s|m|h|d)$' })
  .describe('Requests and the time they are for: 100/1m, 5/1s, 10000/24h')

const limit = z
  .strictObject({
    key: z
      .string({ message: 'expected a CEL expression that gives a text, such as identity.subject' })
      .min(1)
      .meta({ title: 'CEL expression' })
      .describe('Gives the key, a string: each key has an account of its own'),
    rate,
    burst: z
      .int()
      .min(1)
      .max(MAX_COUNT)
      .describe('Requests that may come at once, with token-bucket; default: as many as the rate has')
      .optional(),
    algorithm: z
      .enum(ALGORITHMS, { message: `expected ${ALGORITHMS.join(' or ')}` })
      .default('token-bucket')
      .describe(
        'token-bucket: allows a burst, then requests at the rate, exactly; ' +
          'sliding-window: so many in the last minute, hour or the like, estimated from two counters',
      ),
    maxKeys: z
      .int()
      .min(1)
      .max(MAX_KEYS)
      .default(DEFAULT_MAX_KEYS)
      .describe('Keys that are remembered; when there are more, the one unused for longest begins anew'),
  })
  .superRefine(({ burst, algorithm }, ctx) => {
    if (burst !== undefined && algorithm === 'sliding-window') {
      refuse(ctx, 'CONFIG_CONFLICT', '"sliding-window" takes no "burst": the rate is all it allows')
    }
  })

/** `limit` of a rule: one, or a list of which each must allow the request. */
export const limits = z
  .union([limit.transform((one) => [one]), z.array(limit).min(1, { message: 'expected one limit at least' })])
  .describe('How many requests each key may make; a request beyond it is answered with 429')

export type LimitConfig = z.output<typeof limits>[number]

import { z } from 'zod'
import { defaults } from '../../identity/config.ts'
import type { LocationConfig } from '../../identity/location.ts'
import { headerName, refuse } from '../fields.ts'

/** cookie-name of RFC 6265 section 4.1.1. */
const cookieName = z
  .string()
  .regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/, { message: 'expected the name of a cookie' })

/** Unreserved characters of RFC 3986: what is compared after decoding must not need any. */
const parameterName = z
  .string()
  .regex(/^[A-Za-z0-9._~-]{1,128}$/, { message: 'expected the name of a query parameter' })

const prefix = z.string().regex(/^[\x20-\x7e]{1,64}$/, { message: 'expected a prefix of printable ASCII' })

const header = z
  .strictObject({
    header: headerName.describe('Name of the header that holds the token'),
    prefix: prefix.optional().describe('Text that stands before the token in the header'),
  })
  .superRefine((value, ctx) => {
    if (value.header === 'authorization')
      refuse(ctx, 'CONFIG_INVALID', 'write "authorization" for the Authorization header')
    if (value.header === 'cookie') refuse(ctx, 'CONFIG_INVALID', 'write { cookie: <name> } for a cookie')
  })

const MESSAGE = 'expected "authorization", { cookie: name }, { header: name, prefix: … } or { query: name }'

const place = z.union(
  [
    z.literal('authorization'),
    z.strictObject({ cookie: cookieName.describe('Name of the cookie that holds the token') }),
    header,
    z.strictObject({
      query: parameterName.describe('Name of the parameter of the query; URLs end in logs and histories'),
    }),
  ],
  { message: MESSAGE },
)

function locations(from: z.output<typeof place>): readonly LocationConfig[] {
  if (from === 'authorization') return defaults.locations
  if ('cookie' in from) return [{ in: 'cookie', name: from.cookie }]
  if ('query' in from) return [{ in: 'query', name: from.query }]
  return [{ in: 'header', name: from.header, ...(from.prefix !== undefined && { prefix: from.prefix }) }]
}

/**
 * `token: { from: [...] }`: where a token may lie, as the authenticator's locations. Without it the Authorization header,
 * as `Bearer` (RFC 6750 section 2.1) or `DPoP` (RFC 9449 section 7.1).
 */
export const token = z
  .strictObject({
    from: z
      .union([place.transform((one) => [one]), z.array(place).min(1).max(8)])
      .describe(
        'authorization, a cookie, a header, a parameter of the query, or a list; exactly one of all may hold a credential',
      ),
  })
  .transform(({ from }) => from.flatMap(locations))

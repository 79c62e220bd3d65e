import { z } from 'zod'
import type { ErrorCode } from '../errors.ts'
import { endpointUrl } from '../identity/endpoint.ts'
import { formatDuration, parseDuration } from './duration.ts'

/**
 * A zod refusal that keeps our own error code.
 * @param path of what is refused, below the value that is refined
 */
export function refuse(
  ctx: z.RefinementCtx,
  code: ErrorCode,
  message: string,
  path: readonly string[] = [],
): typeof z.NEVER {
  ctx.addIssue({ code: 'custom', message, path: [...path], params: { code } })
  return z.NEVER
}

const DURATION = '^\\d+(?:\\.\\d+)?(?:us|ms|s|m|h|d)$'

/** `40ms` and the like, as milliseconds. */
export function duration(minMs: number, maxMs: number): z.ZodType<number, string> {
  return z
    .string({ message: 'expected a duration such as 40ms' })
    .transform((value, ctx) => {
      const ms = parseDuration(value)
      if (ms === undefined) return refuse(ctx, 'CONFIG_DURATION', `"${value}" is not a duration`)
      if (ms < minMs || ms > maxMs) {
        return refuse(
          ctx,
          'CONFIG_DURATION',
          `"${value}" is outside ${formatDuration(minMs)} to ${formatDuration(maxMs)}`,
        )
      }
      return ms
    })
    .meta({ title: `duration, ${formatDuration(minMs)} to ${formatDuration(maxMs)}`, pattern: DURATION })
}

/** A URL that keys may be fetched from: https, or http on this machine. */
export function endpoint(what: string): z.ZodType<string> {
  const message = `expected ${what}: https, or http on loopback`
  return z
    .string({ message })
    .refine((value) => endpointUrl(value) !== undefined, { message })
    .meta({ title: 'URL, https or http on loopback', pattern: '^https?://' })
}

export const text = z.string().min(1)

export const oneOrMore = <T extends z.ZodType<string>>(item: T): z.ZodType<string[]> =>
  z.union([item.transform((one) => [one as string]), z.array(item as z.ZodType<string>).min(1)])

/** A name that is metric label, part of ids and key of a variable at once. */
export const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, {
  message: 'expected a name: letters, digits, "-" and "_", 32 at most, starting with a letter or digit',
})

/** A claim, or the path to a nested one: keys may hold dots and slashes, so a path is a list. */
export const claimPath = z
  .union([text.transform((claim) => [claim]), z.array(text).min(1).max(8)])
  .meta({ title: 'claim, or a list that leads to a nested one' })

/** A variable of HAProxy, without its prefix. */
export const variable = z.string().regex(/^[a-z][a-z0-9_]{0,39}$/, {
  message: 'expected a variable name: a small letter, then small letters, digits and "_", 40 at most',
})

/** Field name of RFC 9110 section 5.1, in small letters. */
export const headerName = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/, { message: 'expected a header name: letters, digits and "-"' })
  .transform((value) => value.toLowerCase())
  .meta({ title: 'header name' })

/**
 * A secret: `{ file: path }`, re-read when it changes, or a text, which should come from the environment (`${NAME}`).
 */
export const secret = z
  .union([
    text.transform((value) => ({ value })),
    z
      .strictObject({ file: text.describe('File with the secret, read again when it changes') })
      .transform(({ file }) => ({ file })),
  ])
  .meta({ title: 'secret: ${NAME} from the environment, or { file: … }' })

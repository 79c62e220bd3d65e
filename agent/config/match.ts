import { z } from 'zod'
import { parseNetwork } from '../rules/network-entry.ts'
import { compileTimeWindow, minuteOfDay, WEEKDAYS } from '../rules/time-window.ts'
import { compileValueMatcher, CONDITIONS, type ValueCondition } from '../rules/value-matcher.ts'
import { oneOrMore, refuse } from './fields.ts'

const TEXT = { message: 'expected a text; a number, true or false stands in quotes' }
const value = z.string(TEXT)
const part = value.min(1, { message: 'expected a text that is not empty: every value holds the empty one' })

/** One way to look at a value; a plain object so that an unknown key is reported as just that. */
const condition = z
  .strictObject({
    present: z
      .boolean()
      .describe('true: the value is there, be it empty; false: it is not. Only false matches what is not there')
      .optional(),
    prefix: part.describe('What the value begins with; upper and lower case differ').optional(),
    suffix: part.describe('What the value ends with; upper and lower case differ').optional(),
    contains: part.describe('What the value has in it somewhere; upper and lower case differ').optional(),
    regex: part
      .superRefine((pattern, ctx) => {
        const compiled = compileValueMatcher({ regex: pattern })
        if (pattern !== '' && typeof compiled === 'string') refuse(ctx, 'CONFIG_INVALID', compiled)
      })
      .describe('RE2 pattern, matched in linear time; found anywhere in the value unless it has "^" and "$"')
      .optional(),
  })
  .superRefine((given, ctx) => {
    const count = CONDITIONS.filter((name) => given[name] !== undefined).length
    if (count === 1) return
    const names = CONDITIONS.map((name) => `"${name}"`).join(', ')
    refuse(ctx, 'CONFIG_CONFLICT', `expected exactly one of ${names}`)
  })

/** What a header or a query parameter has to be: the input of `compileValueMatcher`. */
export const valueMatcher: z.ZodType<string | string[] | ValueCondition> = z
  .union([value, z.array(value).min(1, { message: 'expected one value at least' }), condition])
  .describe('The value itself, a list of which any will do, or one condition on it')

const network = z
  .string({ message: 'expected an address or a network, such as 10.0.0.0/8' })
  .superRefine((entry, ctx) => {
    const parsed = parseNetwork(entry)
    if (typeof parsed === 'string') refuse(ctx, 'CONFIG_INVALID', parsed)
  })

/** `match.source`: the input of `compileNetworks`. */
export const networks = oneOrMore(network).describe(
  'Addresses and networks of callers, IPv4 and IPv6; "!" in front takes a part out again. ' +
    'With "!" entries alone, all other addresses match. A caller without an address matches nothing',
)

function time(example: string, fits: (minute: number) => boolean): z.ZodType<string> {
  const message = `expected a time in quotes, such as ${example}`
  return z
    .string({ message })
    .refine((text) => fits(minuteOfDay(text) ?? -1), { message, abort: true })
    .meta({ pattern: '^(?:(?:[01]\\d|2[0-3]):[0-5]\\d|24:00)$' })
}

/** `match.time`: the input of `compileTimeWindow`. */
export const timeWindow = z
  .strictObject({
    days: z
      .array(z.enum(WEEKDAYS, { message: `expected days: ${WEEKDAYS.join(', ')}` }))
      .min(1, { message: 'expected one day at least', abort: true })
      .describe('Days of the week; default every day. A window over midnight belongs to the day it begins on')
      .optional(),
    from: time('"08:00"', (minute) => minute >= 0 && minute < 1440)
      .describe('First minute of the window, HH:MM on the clock of the time zone; default "00:00"')
      .optional(),
    to: time('"18:00", up to "24:00"', (minute) => minute >= 0)
      .describe('End of the window, HH:MM, itself out of it; default "24:00". Before "from": on the next day')
      .optional(),
    timezone: z
      .string({ message: 'expected the IANA name of a time zone, such as Europe/Berlin' })
      .superRefine((timezone, ctx) => {
        const compiled = compileTimeWindow({ days: WEEKDAYS, timezone })
        if (typeof compiled === 'string') refuse(ctx, 'CONFIG_INVALID', compiled)
      })
      .describe('IANA name of the time zone, with its daylight saving; default UTC')
      .optional(),
  })
  .superRefine(({ days, from, to }, ctx) => {
    const compiled = compileTimeWindow({ days, from, to })
    if (typeof compiled === 'string') refuse(ctx, 'CONFIG_CONFLICT', compiled)
  })
  .describe('Times of the week at which the rule matches')

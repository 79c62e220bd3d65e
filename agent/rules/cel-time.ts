import { type ASTNode, EvaluationError, evaluate } from '@marcbachmann/cel-js'
import { suggest } from '../config/suggest.ts'
import { literalText, Refused, type Step } from './cel-node.ts'
import { type Calendar, type CalendarField, createCalendar, UTC } from './calendar.ts'

interface ZonedField {
  readonly field: CalendarField
  /** What the first one counts as, where our calendar does not count as CEL does. */
  readonly from: number
}

/** Days of the month and of the year count from 0, as CEL has it; `getDate` counts from 1. */
const FIELDS: ReadonlyMap<string, ZonedField> = new Map([
  ['getFullYear', { field: 'year', from: 0 }],
  ['getMonth', { field: 'month', from: 0 }],
  ['getDate', { field: 'day', from: 0 }],
  ['getDayOfMonth', { field: 'day', from: 1 }],
  ['getDayOfWeek', { field: 'weekday', from: 0 }],
  ['getDayOfYear', { field: 'dayOfYear', from: 0 }],
  ['getHours', { field: 'hour', from: 0 }],
  ['getMinutes', { field: 'minute', from: 0 }],
])

/** Functions of timestamps that take a time zone. */
export const ZONED_FIELDS: readonly string[] = [...FIELDS.keys(), 'getSeconds', 'getMilliseconds']

const calendars = new Map<string, Calendar>()

/**
 * `request.time.getHours("Europe/Berlin")` and its like. cel-js makes text of the time and reads it again in the zone
 * of this machine, which is slow, and wrong in the hour that daylight saving skips there; so is its day of the year.
 */
export function zonedFieldStep(node: ASTNode, receiver: ASTNode, args: readonly ASTNode[]): Step | Refused | undefined {
  if (node.op !== 'rcall') return undefined
  const [name] = node.args
  const known = FIELDS.get(name)
  const [zone] = args
  // Durations have getHours() too, and no time zone.
  if (zone === undefined && name !== 'getDayOfYear') return undefined
  const calendar = zone === undefined ? UTC : calendarOf(zone)
  if (calendar instanceof Refused) return calendar
  // Seconds are the same everywhere: once the zone is known to exist, the library may have them.
  if (known === undefined) return withoutZone(name, receiver)
  const { field, from } = known
  return (evaluator, _, context) => {
    const time = evaluator.run(receiver, context)
    if (!(time instanceof Date)) throw new EvaluationError(`${name}() of a time zone needs a timestamp`)
    return BigInt(calendar(time.getTime())[field] - from)
  }
}

function withoutZone(name: string, receiver: ASTNode): Step {
  return (evaluator, _, context) => {
    const time = evaluator.run(receiver, context)
    if (!(time instanceof Date)) throw new EvaluationError(`${name}() of a time zone needs a timestamp`)
    return BigInt(name === 'getSeconds' ? time.getUTCSeconds() : time.getUTCMilliseconds())
  }
}

/** Characters; the library's reading of durations takes time that grows with the third power. */
const MAX_TIME_TEXT = 40

/** `timestamp("…")` and `duration("…")`: a literal is read once, at load; other texts are bounded. */
export function timeStep(name: 'timestamp' | 'duration', text: ASTNode | undefined): Step | Refused | undefined {
  if (text === undefined) return undefined
  const literal = literalText(text)
  if (literal === undefined) {
    return (evaluator, self, context) => {
      const value = evaluator.run(text, context)
      if (typeof value === 'string' && value.length > MAX_TIME_TEXT)
        throw new EvaluationError(`${name}() of a long text`)
      return self.handle?.([value], self, evaluator)
    }
  }
  try {
    if (literal.length > MAX_TIME_TEXT) throw new Error('too long')
    const value: unknown = evaluate(`${name}(text)`, { text: literal })
    return () => value
  } catch {
    const example = name === 'timestamp' ? '2026-12-31T23:59:59Z' : '1h30m'
    return new Refused(text, `"${literal}" is no ${name}`, `Write ${name}("${example}").`)
  }
}

function calendarOf(zone: ASTNode): Calendar | Refused {
  const name = literalText(zone)
  if (name === undefined) {
    return new Refused(zone, 'the time zone must be a literal', 'Write request.time.getHours("Europe/Berlin").')
  }
  let calendar = calendars.get(name)
  if (calendar === undefined) {
    try {
      calendar = createCalendar(name)
    } catch {
      const close = suggest(name, Intl.supportedValuesOf('timeZone'))
      const hint = close === undefined ? 'Zones have IANA names, such as Europe/Berlin.' : `Did you mean "${close}"?`
      return new Refused(zone, `"${name}" is no time zone`, hint)
    }
    calendars.set(name, calendar)
  }
  return calendar
}

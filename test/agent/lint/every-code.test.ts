import { describe, expect, it } from 'vitest'
import { ERRORS } from '../../../agent/errors.ts'
import { AGENT_BACKEND } from './codes/agent-backend.ts'
import { ARGUMENTS } from './codes/arguments.ts'
import { DECISIONS } from './codes/decisions.ts'
import { FAIL_OPEN } from './codes/fail-open.ts'
import { FRAMES } from './codes/frames.ts'
import { FRONTENDS } from './codes/frontends.ts'
import { MESSAGES } from './codes/messages.ts'
import { type Row, rule } from './codes/row.ts'
import { SPOE_AGENT } from './codes/spoe-agent.ts'
import { VARIABLES } from './codes/variables.ts'
import { findings } from './shipped.ts'

const ROWS: Row[] = [
  ...DECISIONS,
  ...FRONTENDS,
  ...FAIL_OPEN,
  ...VARIABLES,
  ...AGENT_BACKEND,
  ...SPOE_AGENT,
  ...MESSAGES,
  ...ARGUMENTS,
  ...FRAMES,
]

describe('one thing wrong with the shipped files gives that finding alone, at its place:', () => {
  it.each(ROWS)('%s, %s', (code, _what, edits, place, line, underlined) => {
    const found = findings(edits)
    expect(found.map(({ code: its, message }) => [its, message])).toEqual([[code, expect.any(String)]])
    const [{ severity, file, source = '', column, length = 0, hint, caret } = found[0]!] = found
    expect(`${severity} ${file}`).toBe(place)
    expect(source).toMatch(line)
    expect(source.slice(column - 1, column - 1 + length)).toBe(underlined)
    expect(caret).toBe(`${' '.repeat(column - 1)}${'^'.repeat(length)}`)
    expect(hint.length).toBeGreaterThan(10)
  })

  it('no code of the linter is missing from the table', () => {
    const bySomebodyElse = ['HAPROXY_UNREADABLE', 'HAPROXY_REFUSES', 'HAPROXY_WARNS']
    const codes = Object.keys(ERRORS).filter(
      (code) => /^(?:SPOE|HAPROXY)_/.test(code) && !bySomebodyElse.includes(code),
    )
    const shown = new Set(ROWS.map(([code]) => code))
    expect(codes.filter((code) => !shown.has(code))).toEqual([])
  })

  it.each([
    ['var(sess.temporal.subject)', 'Did you mean "txn.temporal.subject"?'],
    ['var(txn.temporal.sub_ject)', 'Did you mean "txn.temporal.subject"?'],
    ['var(txn.temporal.shoe_size)', ERRORS.HAPROXY_VARIABLE_UNSET],
  ])('%s has a hint', (variable, hint) => {
    expect(findings({ haproxy: rule(`http-request set-header X %[${variable}]`) })).toMatchObject([{ hint }])
  })
})

import { expect, it } from 'vitest'
import { ERRORS } from '../../../agent/errors.ts'
import { docsPage } from '../../support/docs.ts'

const rows = docsPage('check.md')
  .split('\n')
  .flatMap((line) => {
    const [, code = '', severity = ''] = /^\| `([A-Z_]+)` \| (error|warning) \|/.exec(line) ?? []
    return code === '' ? [] : [{ code, severity }]
  })
const bySomebodyElse = ['HAPROXY_UNREADABLE', 'HAPROXY_REFUSES', 'HAPROXY_WARNS']

it('the page about check tells of each code once, and of none that does not exist', () => {
  const codes = Object.keys(ERRORS).filter((code) => /^(?:SPOE|HAPROXY)_/.test(code) && !bySomebodyElse.includes(code))
  expect(rows.map(({ code }) => code).toSorted()).toEqual(codes.toSorted())
})

import { type Edit, type Edits, replace } from '../shipped.ts'

/** One thing wrong with the shipped files; what is found, and where. */
export type Row = [
  code: string,
  what: string,
  edits: Edits,
  place: `${'error' | 'warning'} ${'agent.yaml' | 'haproxy.cfg' | 'spoe.conf'}`,
  line: RegExp,
  underlined: string,
]

/** The arguments of the shipped message about requests. */
export const ARGS =
  '    args auth=req.fhdr(authorization) auth_count=req.fhdr_cnt(authorization)\n    event on-frontend'
const NOT_YET = /^ *# What may pass without an answer of the agent\..*$/

/** More arguments of that message. */
export const args = (more: string): Edit => replace(ARGS, `    args ${more}\n${ARGS}`)

/** One more rule of the shipped frontend. */
export const rule = (line: string): Edit => replace(NOT_YET, `    ${line}`)

/** An engine beside the shipped ones whose only filter stands in a backend. */
export const behind = (more: string): Edits => ({
  haproxy: replace(/^backend app$/, 'backend app\n    filter spoe engine behind config spoe.conf'),
  spoe: (text) => `${text}
[behind]
spoe-agent behind-agent
    messages early late
    option var-prefix behind
    timeout processing 50ms
    use-backend elsewhere

spoe-message early
    args path=path
    event on-frontend-http-request
${more}`,
})

import { expect, it } from 'vitest'
import { parseConfig } from '../../../agent/config/load.ts'
import { explain } from '../../../agent/explain/explain.ts'
import { requestOf } from '../../../agent/explain/parse-request.ts'
import { render } from '../../../agent/explain/render.ts'

/** Every credential has the marks of a canary in all of its parts. */
const TOKEN = 'eyJhbGciOiJub25lIn0CANARYa.eyJzdWIiOiJDQU5BUlkifQCANARYb.CANARYsignatureCANARYc'
const OPAQUE = 'CANARY-opaque-key-0123456789'
const COOKIE = 'CANARY-cookie-value-0123456789'
const PASSWORD = 'CANARY-password-123'
const BASIC = Buffer.from(`user:${PASSWORD}`).toString('base64')

const CONFIG = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
identity:
  providers:
    corp:
      issuer: "http://127.0.0.1:1"
      audience: [a]
      token: { from: [authorization, { cookie: session }, { header: x-corp-thing }, { query: t }] }
rules:
  - name: reads
    match:
      header: { authorization: { prefix: Nothing }, cookie: { contains: nothing } }
    identity: none
  - name: cel
    match: { when: '(has(request.headers.authorization) && request.headers.authorization == "x") || (has(request.params.t) && request.params.t == "z")' }
    identity: none
  - name: copies
    match: { when: 'has(request.headers.authorization)' }
    identity: none
    set: { copy: request.headers.authorization, key: 'request.headers["x-api-key"]', query: request.query, part: 'request.headers.authorization.substring(7, 14)' }
    redirect: { to: '"https://login.example.com/?back=" + request.headers.authorization.substring(7, 15)' }
    workflow: { signal: note, key: 'request.headers.authorization.substring(0, 14)', data: { a: 'request.headers.authorization.substring(7, 15)' } }
  - name: last
    identity: { require: corp }
`

const LEAK = /CANARY|Q0FOQVJZ|eyJhbGciOiJub25lIn0|eyJzdWIiOiJDQU5BUlkifQ/

async function outputs(url: string, header: string[]): Promise<string[]> {
  const loaded = parseConfig('agent.yaml', CONFIG, {})
  const progress: string[] = []
  const asked = requestOf({ request: url, header })
  const { explanation, unreachable } = await explain(loaded, asked, {
    timeoutMs: 3000,
    progress: (text) => progress.push(text),
  })
  const texts = [
    render(explanation, { all: true }),
    JSON.stringify(explanation),
    unreachable?.message ?? '',
    ...progress,
  ]
  return texts
}

const ROWS: [string, string, string[]][] = [
  ['a bearer token', 'https://x.example.com/', [`authorization: Bearer ${TOKEN}`]],
  ['a token in a query', `https://x.example.com/?t=${TOKEN}&x=1`, []],
  ['an encoded token in a query', `https://x.example.com/?%74=${encodeURIComponent(`${OPAQUE}%`)}`, []],
  ['a token of a name that sounds like one', `https://x.example.com/?access_token=${OPAQUE}`, ['authorization: x']],
  ['a cookie', 'https://x.example.com/', [`cookie: a=b; session=${COOKIE}`]],
  ['a key in a field', 'https://x.example.com/', [`x-api-key: ${OPAQUE}`, `authorization: Bearer ${OPAQUE}`]],
  ['a field that a provider reads', 'https://x.example.com/', [`x-corp-thing: ${OPAQUE}`]],
  ['a password', 'https://x.example.com/', [`authorization: Basic ${BASIC}`, `x-note: ${PASSWORD}-${PASSWORD}`]],
  ['a token in the path', `https://x.example.com/reset/${TOKEN}`, []],
  ['a token that stands elsewhere too', `https://x.example.com/${OPAQUE}`, [`authorization: Bearer ${OPAQUE}`]],
]

it.each(ROWS)('no byte of it is printed: %s', async (_, url, header) => {
  for (const text of await outputs(url, header)) expect(text).not.toMatch(LEAK)
})

it('shows the digest in its place, by which a credential is revoked', async () => {
  const [text] = await outputs('https://x.example.com/', [`authorization: Bearer ${OPAQUE}`])
  expect(text).toMatch(/authorization +sha256:[A-Za-z0-9_-]{43}/)
})

it('keeps what a terminal would obey out of the text', async () => {
  const [text] = await outputs('https://x.example.com/', ['x-evil: \u001b[2Jred\u0007'])
  expect(text).not.toMatch(/[\u001b\u0007]/)
})

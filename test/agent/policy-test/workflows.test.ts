import { describe, expect, it } from 'vitest'
import { failures, problemsOf, run } from './support.ts'

const RULES = `  - name: doc
    match: { path: "/docs/{id}" }
    identity: { require: corp }
    workflow: { signal: indexer, key: captures.id, memo: { by: identity.subject }, searchAttributes: { Doc: captures.id } }
  - { name: pay, match: { path: "/pay/{id}" }, identity: none, workflow: { signalTo: '"order/" + captures.id', signalName: paid, delivery: strict } }
  - { name: stop, match: { path: "/stop/{id}" }, identity: none, workflow: { cancel: '"order/" + captures.id' } }
  - { name: kill, match: { path: "/kill/{id}" }, identity: none, workflow: { terminate: '"order/" + captures.id' } }
  - { name: metered, match: { path: /metered }, identity: none, workflow: { meter: usage, key: request.host, shards: 2 } }
`
const IDENTITIES = 'identities: { ann: { provider: corp } }\n'

const test = (url: string, workflow: string): string[] =>
  failures(
    run(
      RULES,
      `${IDENTITIES}tests:\n  - { name: a, request: GET ${url}, as: ann, expect: { workflow: ${workflow} } }\n`,
    ),
  )

describe('what a test expects of a workflow', () => {
  it.each([
    ['/docs/7', '{ signal: indexer, id: doc/7, key: "7", memo: { by: ann }, searchAttributes: { Doc: "7" } }'],
    ['/docs/7', '{ signalWithStart: indexer }'],
    ['/pay/7', '{ signalTo: order/7, delivery: strict }'],
    ['/stop/7', '{ cancel: order/…, eventId: stop/… }'],
    ['/kill/7', '{ terminate: order/7 }'],
    ['/metered', '{ meter: usage, id: metered/…/…, data: {} }'],
  ])('of %s is met by %s', (url, workflow) => {
    expect(test(url, workflow)).toEqual([])
  })

  it.each([
    ['/pay/7', '{ signal: paid }', 'workflow.signal: expected paid, got signalTo order/7'],
    ['/docs/7', '{ signalTo: doc/7 }', 'workflow.signalTo: expected doc/7, got signal indexer'],
    ['/stop/7', '{ cancel: order/8 }', 'workflow.cancel: expected order/8, got order/7'],
    ['/stop/7', '{ terminate: order/7 }', 'workflow.terminate: expected order/7, got cancel order/7'],
    ['/kill/7', 'none', 'workflow: expected none, got terminate order/7'],
    ['/docs/7', '{ memo: { by: ben } }', 'workflow.memo: expected {"by":"ben"}, got {"by":"ann"}'],
    ['/docs/7', '{ searchAttributes: {} }', 'workflow.searchAttributes: expected {}, got {"Doc":"7"}'],
    ['/metered', '{ type: metered }', 'workflow.type: expected metered, got none'],
  ])('of %s is not met by %s', (url, workflow, message) => {
    expect(test(url, workflow)).toEqual([expect.stringContaining(message)])
  })

  it('names a delivery that there is', () => {
    const file = 'tests:\n  - { name: a, request: GET /metered, expect: { workflow: { delivery: sure } } }\n'
    expect(problemsOf(RULES, file)).toMatchObject([{ message: expect.stringContaining('memory, durable or strict') }])
  })
})

describe('a window', () => {
  const rules = `  - { name: traffic, match: { path: /shop }, identity: none, workflow: { window: trafficWindow, key: request.host, every: 10s } }
`
  const seen = (url: string, workflow: string): string[] =>
    failures(run(rules, `tests:\n  - { name: a, request: GET ${url}, expect: { workflow: ${workflow} } }\n`))

  it('is known by its key, and makes no event of a request', () => {
    expect(
      seen('https://a.example.com/shop', '{ window: trafficWindow, key: a.example.com, id: traffic/a.example.com }'),
    ).toEqual([])
    expect(seen('https://a.example.com/shop', 'none')).toEqual([
      expect.stringContaining('workflow: expected none, got window trafficWindow'),
    ])
  })

  it('counts nothing of a request that no rule lets in', () => {
    expect(seen('https://a.example.com/other', 'none')).toEqual([])
  })
})

import { describe, expect, it } from 'vitest'
import { message, type MessageView, type Reply } from 'node-spoe'
import { parseConfig } from '../../../agent/config/load.ts'
import type { AgentConfig } from '../../../agent/config/schema.ts'
import type { Authenticator } from '../../../agent/identity/authenticator.ts'
import { Generation, carriedOver } from '../../../agent/reload/generation.ts'
import { inSlices } from '../../../agent/reload/in-slices.ts'
import { InUse } from '../../../agent/reload/in-use.ts'
import { changesOf, outlineOf } from '../../../agent/reload/outline.ts'
import { withKnownRequirements } from '../../../agent/reload/requirements.ts'
import { applicable } from '../../../agent/reload/restart-keys.ts'
import { Shared } from '../../../agent/reload/shared.ts'

const BASE = {
  spop: 'listen: "tcp://127.0.0.1:9000"',
  temporal: 'address: "127.0.0.1:7233"',
}
function configOf(rest = 'rules: []', { spop, temporal }: Partial<typeof BASE> = {}): AgentConfig {
  const text = `version: 1\nspop: { ${spop ?? BASE.spop} }\ntemporal: { ${temporal ?? BASE.temporal} }\n${rest}\n`
  return parseConfig('agent.yaml', text, {}).config
}

describe('keys that need a restart', () => {
  it.each<[string, AgentConfig, string[]]>([
    ['nothing', configOf(), []],
    ['where it listens', configOf(undefined, { spop: 'listen: "tcp://127.0.0.1:9001"' }), ['spop.listen']],
    ['the deadline', configOf(undefined, { spop: `${BASE.spop}, deadline: 90ms` }), ['spop.deadline']],
    ['larger frames', configOf(undefined, { spop: `${BASE.spop}, maxFrameSize: 131072` }), ['spop.maxFrameSize']],
    ['how long a stop takes', configOf(undefined, { spop: `${BASE.spop}, drain: 9s` }), []],
    [
      'Temporal',
      configOf(undefined, { temporal: 'address: "t:1", namespace: n, apiKey: canary' }),
      ['temporal.address', 'temporal.namespace', 'temporal.tls', 'temporal.apiKey'],
    ],
    [
      'another way to a namespace',
      configOf(undefined, { temporal: `${BASE.temporal}, namespaces: { shop: { address: "s:1" } }` }),
      ['temporal.namespaces'],
    ],
    ['an admin server', configOf('admin: { listen: "tcp://127.0.0.1:9101" }\nrules: []'), ['admin.listen']],
    [
      'the outbox',
      configOf(
        'outbox: { path: other.db, maxRows: 7, maxBytes: 8, maxDeadLetters: 9, retain: 1d, encryptionKey: { file: k }, drain: 1s }\nrules: []',
      ),
      [
        'outbox.path',
        'outbox.maxRows',
        'outbox.maxBytes',
        'outbox.maxDeadLetters',
        'outbox.retain',
        'outbox.encryptionKey',
      ],
    ],
    ['the queue', configOf('queue: { maxEvents: 5, maxBytes: 9 }\nrules: []'), ['queue.maxEvents', 'queue.maxBytes']],
    ['envelopes', configOf('actor: { lifetime: 9m }\nrules: []'), ['actor.lifetime']],
    ['rules', configOf('default: { deny: 404 }\nrules: [{ name: a, identity: none }]'), []],
  ])('%s', (_, wanted, keys) => {
    const running = configOf()
    const { config, pendingRestart } = applicable(running, wanted)
    expect(pendingRestart).toEqual(keys)
    expect(config.rules).toBe(wanted.rules)
    expect(config.spop.drain).toBe(wanted.spop.drain)
    // What is in force for them is what was, so that the next reload finds them again.
    expect(applicable(running, config).pendingRestart).toEqual([])
    expect(applicable(config, wanted).pendingRestart).toEqual(keys)
  })

  it('an admin server that the file has dropped goes on', () => {
    const running = configOf('admin: { listen: "tcp://127.0.0.1:9101" }\nrules: []')
    expect(applicable(running, configOf())).toMatchObject({
      config: { admin: { listen: 'tcp://127.0.0.1:9101' } },
      pendingRestart: ['admin.listen'],
    })
  })
})

describe('what changed', () => {
  const rules = (...names: readonly string[]): string =>
    `rules: [${names.map((name) => `{ name: ${name.replace('*', '')}, ${name.endsWith('*') ? 'deny: 404' : 'identity: none'} }`).join(', ')}]`
  const changes = (before: string, after: string) => changesOf(outlineOf(configOf(before)), outlineOf(configOf(after)))

  it.each<[string, string, object]>([
    [rules('a', 'b'), rules('a', 'b'), {}],
    [rules('a', 'b'), rules('new', 'a', 'b'), { rules: { added: ['new'] } }],
    [rules('a', 'b'), rules('a', 'b*'), { rules: { changed: ['b'] } }],
    [rules('a', 'b', 'c'), rules('c', 'b*'), { rules: { removed: ['a'], changed: ['b'], reordered: true } }],
    [rules('a', 'b'), rules('b', 'a'), { rules: { reordered: true } }],
    ['rules: []', 'default: { deny: 404 }\nlog: { level: warn }\nrules: []', { sections: ['default', 'log'] }],
    [
      'rules: []',
      'identity: { rateLimitKey: "canary-canary-canary", providers: { a: { kind: api_key, file: k } } }\nrules: []',
      { providers: { added: ['a'] }, sections: ['identity.rateLimitKey'] },
    ],
  ])('from %s to %s', (before, after, expected) => {
    const found = changes(before, after)
    expect(found).toEqual(expected)
    expect(JSON.stringify(found)).not.toContain('canary')
  })

  it('lists twenty names, and how many more there are', () => {
    const many = rules(...Array.from({ length: 30 }, (_, i) => `r${i}`))
    expect(changes('rules: []', many).rules?.added?.slice(-2)).toEqual(['r19', 'and 10 more'])
  })
})

describe('parts that generations share', () => {
  it('are closed by the last one, once', async () => {
    let closed = 0
    const part = new Shared('x', () => void closed++)
    const again = carriedOver(part, { a: [1] }, { a: [1] })
    expect(carriedOver(part, { a: [1] }, { a: [2] })).toBeUndefined()
    expect(again).toBe(part)
    await part.release()
    expect(closed).toBe(0)
    await again?.release()
    expect(closed).toBe(1)
  })

  it('are let go of when the last request is answered, and only once', async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let next = 0
    let closed = 0
    const part = <T>(): Shared<T> => new Shared({} as T, () => void closed++)
    const facts = {
      number: 1,
      config: configOf(),
      hash: '',
      outline: outlineOf(configOf()),
      loadedAt: 0,
      pendingRestart: [],
    }
    const generation = new Generation(
      { ...facts, counters: {} as never },
      { identity: part(), actors: part(), audit: undefined },
      { messages: { check: message({ args: {}, handle: () => gates[next++]?.promise }) } },
    )
    const handle = () => generation.handlers.messages['check']?.handle({} as MessageView<never>, {} as Reply)
    const answers = [handle(), handle()]
    expect(handle()).toBeUndefined()
    const retired = generation.retire()
    expect([generation.waiting, closed]).toEqual([2, 0])
    gates[0]?.reject(new Error('failed'))
    await expect(answers[0]).rejects.toThrow('failed')
    expect([generation.waiting, closed]).toEqual([1, 0])
    gates[1]?.resolve()
    await retired
    await generation.close()
    expect([generation.waiting, closed]).toEqual([0, 2])
  })

  it('handlers that never wait are not counted at all', () => {
    const handler = message({ args: {}, sync: true, handle() {} })
    expect(new InUse().count({ messages: { handler } }).messages['handler']).toBe(handler)
  })
})

it('requirements of later configurations are the objects that an authenticator knows', () => {
  const YAML = `identity: { providers: { a: { kind: api_key, file: k } } }
rules: [{ name: x, identity: { require: a } }, { name: y, identity: { require: a, optional: true } }, { name: z, identity: none }]`
  const authenticator = {} as Authenticator
  const requirements = (config: AgentConfig): unknown[] =>
    config.rules.map(({ identity }) => (typeof identity === 'object' ? identity.require : undefined))
  const first = requirements(withKnownRequirements(configOf(YAML), authenticator))
  const second = requirements(withKnownRequirements(configOf(YAML), authenticator))
  expect(second[0]).toBe(first[0])
  expect(second[1]).toBe(first[0])
  expect(second[2]).toBeUndefined()
  expect(requirements(withKnownRequirements(configOf(YAML), {} as Authenticator))[0]).not.toBe(first[0])
})

it('work in slices lets other work in between, and hands on its result and its errors', async () => {
  let turns = 0
  const other = setInterval(() => turns++, 0)
  function* busy(steps: number): Generator<void, string, void> {
    for (let i = 0; i < steps; i++) {
      const until = performance.now() + 3
      while (performance.now() < until);
      yield
    }
    return 'done'
  }
  expect(await inSlices(busy(20))).toBe('done')
  clearInterval(other)
  expect(turns).toBeGreaterThan(0)
  await expect(
    inSlices(
      (function* (): Generator<void, never, void> {
        yield
        throw new Error('at a step')
      })(),
    ),
  ).rejects.toThrow('at a step')
})

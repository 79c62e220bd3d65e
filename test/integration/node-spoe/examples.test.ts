import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { reservePort } from '../../../agent/dev/ports.ts'
import { ROOT } from '../../../agent/dev/tools.ts'
import { HAPROXY_VERSIONS } from '../../support/edge.ts'
import { Example } from '../../support/example.ts'

/** HAProxy finds out about an agent within a few health checks; a changed file is seen within a second. */
const PATIENCE = { timeout: 30_000, interval: 100 }

const NO_ANSWER = '503 cannot tell: no answer'

const port = async (): Promise<string> => String(await reservePort())

/** The code block that README.md gives for a file, with other ports than it has. */
function fromReadme(before: string, ports: Readonly<Record<string, string>>): string {
  const text = readFileSync(join(ROOT, 'node-spoe/README.md'), 'utf8')
  const found = new RegExp(`\`${before}\`[^]*?^\`\`\`.*?\\n([^]*?)^\`\`\``, 'm').exec(text)?.[1] ?? ''
  expect(found).not.toBe('')
  return Object.entries(ports).reduce((block, [from, to]) => block.replaceAll(`127.0.0.1:${from}`, to), found)
}

describe.each(HAPROXY_VERSIONS)('the examples of node-spoe behind HAProxy %s', (version) => {
  it('the one in README.md welcomes, denies, and cannot tell without its agent', async () => {
    const example = new Example('', {})
    const [edge, spop] = [await port(), await port()]
    const ports = { 8080: `127.0.0.1:${edge}`, 9000: `127.0.0.1:${spop}` }
    const [script, config, spoe] = ['agent.mts', 'haproxy.cfg', 'spoe.conf'].map((name) => join(example.folder, name))
    writeFileSync(script!, fromReadme('agent.mts', ports))
    writeFileSync(config!, fromReadme('haproxy.cfg', ports).replace('config spoe.conf', `config ${spoe}`))
    // A loaded machine is no reason for another answer.
    writeFileSync(spoe!, fromReadme('spoe.conf', {}).replace('timeout processing 100ms', 'timeout processing 5s'))
    const agent = await example.run(script!, {}, 'tcp://127.0.0.1')
    await example.haproxy(version, { config: config!, port: Number(edge) })

    const headers = { authorization: 'Bearer letmein' }
    await expect.poll(() => example.get({ headers }), PATIENCE).toBe('200 welcome')
    expect(await example.get()).toBe('403 denied')
    await agent.stop('SIGKILL')
    await expect.poll(() => example.get({ headers }), PATIENCE).toBe('503 cannot tell')
  })

  it('ip-reputation denies, tarpits and lets pass by a file that may change, and lets pass without its agent', async () => {
    const example = new Example('ip-reputation', { SPOP_PORT: await port(), TARPIT_TIMEOUT: '100ms' })
    const networks = join(example.folder, 'networks.txt')
    copyFileSync(join(ROOT, 'node-spoe/examples/ip-reputation/networks.txt'), networks)
    const agent = await example.run('agent.ts', { NETWORKS: networks })
    await example.haproxy(version)

    await expect.poll(() => example.get(), PATIENCE).toBe('200 score 0')
    expect(await example.get({ from: '127.0.0.66' })).toMatch(/^403 /)
    expect(await example.get({ from: '127.0.0.65' })).toMatch(/^429 /)
    expect(await example.get({ from: '127.0.0.80' })).toBe('200 score 0')

    writeFileSync(networks, 'no network 100\n')
    await expect.poll(() => agent.logTail(), PATIENCE).toContain('the previous list stays')
    expect(await example.get({ from: '127.0.0.66' })).toMatch(/^403 /)
    writeFileSync(networks, '127.0.0.1 40\n')
    await expect.poll(() => example.get(), PATIENCE).toBe('200 score 40')
    expect(await example.get({ from: '127.0.0.66' })).toBe('200 score 0')

    await agent.stop('SIGKILL')
    await expect.poll(() => example.get(), PATIENCE).toBe('200 score unknown')
  })

  it('header-routing knows tenants and a steady share of sessions, and falls back to the stable backend', async () => {
    const example = new Example('header-routing', { SPOP_PORT: await port(), CANARY_PERCENT: '50' })
    const agent = await example.run('agent.ts')
    await example.haproxy(version)

    await expect.poll(() => example.get({ headers: { 'x-tenant': 'acme' } }), PATIENCE).toBe('200 acme')
    expect(await example.get()).toBe('200 stable')
    // The agent names a backend that this haproxy.cfg does not have.
    expect(await example.get({ headers: { 'x-tenant': 'globex' } })).toBe('200 stable')
    expect(await example.get({ headers: { 'x-tenant': 'canary' } })).toBe('200 stable')

    const visit = async (i: number): Promise<string> => example.get({ headers: { cookie: `session=s${i}` } })
    const sessions = Array.from({ length: 40 }, (_, i) => i)
    const first = await Promise.all(sessions.map(visit))
    expect(new Set(first)).toEqual(new Set(['200 stable', '200 canary']))
    expect(await Promise.all(sessions.map(visit))).toEqual(first)

    await agent.stop('SIGKILL')
    await expect.poll(() => example.get({ headers: { 'x-tenant': 'acme' } }), PATIENCE).toBe('200 stable')
  })

  it('async-lookup asks once for a key, and survives one of two agents', async () => {
    const [spop, second, directory] = [await port(), await port(), await port()]
    const example = new Example('async-lookup', {
      SPOP_PORT: spop,
      SPOP_PORT_2: second,
      DIRECTORY_PORT: directory,
      DIRECTORY: `http://127.0.0.1:${directory}`,
    })
    const keys = await example.run('directory.ts')
    const one = await example.run('agent.ts')
    const two = await example.run('agent.ts', { SPOP_PORT: second })
    await example.haproxy(version)
    const get = (key: string): Promise<string> => example.get({ headers: { 'x-api-key': key } })

    await expect.poll(() => get('alice-key'), PATIENCE).toBe('200 plan gold')
    expect(await get('nobodys-key')).toBe('401 no such key')
    expect(await example.get()).toBe('401 no such key')
    expect(new Set(await Promise.all(Array.from({ length: 20 }, () => get('slow-key'))))).toEqual(
      new Set(['200 plan silver']),
    )
    // Twenty requests at once, two agents: each asks at most once.
    const asked = readFileSync(keys.logFile, 'utf8').match(/asked for slow-key/g)
    expect(asked?.length).toBeLessThanOrEqual(2)

    const answers: string[] = []
    const load = (async () => {
      for (let i = 0; i < 60; i++) answers.push(await get('alice-key'))
    })()
    await expect.poll(() => answers.length, PATIENCE).toBeGreaterThan(20)
    one.signal('SIGKILL')
    await load
    // 2.6 does not ask again, see haproxy.cfg.
    const lost = answers.filter((answer) => answer !== '200 plan gold')
    if (version === '2.6') expect(new Set(lost)).toEqual(new Set(lost.length > 0 ? [NO_ANSWER] : []))
    else expect(lost).toEqual([])
    await expect.poll(() => get('alice-key'), PATIENCE).toBe('200 plan gold')

    two.signal('SIGKILL')
    await expect.poll(() => get('alice-key'), PATIENCE).toBe(NO_ANSWER)
  })

  it('async-lookup gives up at its deadline, and knows the answer the next time', async () => {
    const [spop, directory] = [await port(), await port()]
    const example = new Example('async-lookup', {
      SPOP_PORT: spop,
      SPOP_PORT_2: await port(),
      DIRECTORY_PORT: directory,
      DIRECTORY: `http://127.0.0.1:${directory}`,
      DEADLINE_MS: '300',
      SLOW_MS: '3000',
    })
    const keys = await example.run('directory.ts')
    await example.run('agent.ts')
    await example.haproxy(version)
    const get = (key: string): Promise<string> => example.get({ headers: { 'x-api-key': key } })

    expect(await get('slow-key')).toBe('503 cannot tell: deadline')
    await expect.poll(() => get('slow-key'), PATIENCE).toBe('200 plan silver')
    await keys.stop('SIGKILL')
    await expect.poll(() => get('another-key'), PATIENCE).toBe('503 cannot tell: error')
    expect(await get('slow-key')).toBe('200 plan silver')
  })
})

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RunningCommand } from '../../support/command.ts'
import { tempFolder } from '../../support/folder.ts'
import { replaceKeys } from '../crypto/support/keys.ts'

function start(cwd: string, ...args: readonly string[]): RunningCommand {
  const command = new RunningCommand(['codec-server', ...args], { cwd })
  onTestFinished(() => command.dispose())
  return command
}

/** Where it says that it listens. */
async function urlOf(command: RunningCommand): Promise<string> {
  await command.untilStderr('codec server on http')
  return /codec server on (http:[^"\s]+)/.exec(command.stderr)?.[1] ?? ''
}

const body = '{"payloads":[{"data":"eA=="}]}'
const post = (url: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })

describe('codec-server', { timeout: 60_000 }, () => {
  it('encrypts and decrypts with the keys of a file, for pages that it was told of, until it is stopped', async () => {
    const folder = tempFolder()
    replaceKeys(join(folder, 'keys.yaml'), 'a')
    const command = start(
      folder,
      '--keys',
      'keys.yaml',
      '--listen',
      '127.0.0.1:0',
      '--origin',
      'http://localhost:8233/',
    )
    const url = await urlOf(command)
    const encoded = await post(`${url}/encode`, { origin: 'http://localhost:8233' })
    expect([encoded.status, encoded.headers.get('access-control-allow-origin')]).toEqual([200, 'http://localhost:8233'])
    const decoded = await fetch(`${url}/decode`, {
      method: 'POST',
      body: await encoded.text(),
      headers: { 'content-type': 'application/json' },
    })
    expect(await decoded.json()).toEqual(JSON.parse(body))
    expect((await post(`${url}/encode`, { origin: 'http://localhost:9999' })).status).toBe(403)
    command.signal('SIGTERM')
    expect((await command.result).code).toBe(0)
  })

  it('asks for the token in a file', async () => {
    const folder = tempFolder()
    replaceKeys(join(folder, 'keys.yaml'), 'a')
    writeFileSync(join(folder, 'token'), 'canary-codec-token-2\n')
    const command = start(folder, '--keys', 'keys.yaml', '--listen', '0.0.0.0:0', '--token-file', 'token')
    const url = (await urlOf(command)).replace('0.0.0.0', '127.0.0.1')
    expect(command.stderr).toContain('not on loopback: payloads go over the network in plain text')
    expect((await post(`${url}/encode`)).status).toBe(401)
    expect((await post(`${url}/encode`, { authorization: 'Bearer canary-codec-token-2' })).status).toBe(200)
    expect(command.stderr).not.toContain('canary')
  })

  it('does not start where everybody could call it, or without keys', async () => {
    const folder = tempFolder()
    replaceKeys(join(folder, 'keys.yaml'), 'a')
    const open = await start(folder, '--keys', 'keys.yaml', '--listen', '0.0.0.0:0').result
    expect([open.code, open.stderr]).toEqual([2, expect.stringContaining('there is no token')])
    const none = await start(folder, '--keys', 'none.yaml').result
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('none.yaml: error CONFIG_INVALID')])
    for (const wrong of [
      ['--listen', 'localhost'],
      ['--listen', 'a:99999'],
      ['--origin', 'localhost:8233'],
      ['--origin', '*'],
    ]) {
      expect((await start(folder, '--keys', 'keys.yaml', ...wrong).result).code).toBe(2)
    }
  })
})

import { spawn } from 'node:child_process'
import { chownSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { outboxCommand } from '../../../agent/cli/outbox.ts'
import { createPayloadKey, removePayloadKey, usePayloadKey } from '../../../agent/crypto/edit-key-file.ts'
import { KeyFile } from '../../../agent/crypto/key-file.ts'
import { RowCipher } from '../../../agent/crypto/row-cipher.ts'
import { contentOf } from '../../../agent/dispatch/action-table.ts'
import { Outbox } from '../../../agent/dispatch/store/outbox.ts'
import { ROOT } from '../../../agent/dev/tools.ts'
import { RunningCommand } from '../../support/command.ts'
import { tempFolder } from '../../support/folder.ts'
import { command, recordedLog } from '../dispatch/support/commands.ts'

/** agent.yaml in a folder of its own, whose outbox is `outbox.db` beside it. */
function configured(lines = ''): string {
  const folder = tempFolder()
  const text = `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:1" }
${lines}
rules:
  - { name: orders, identity: none }
  - { name: audit, identity: none }
`
  writeFileSync(join(folder, 'agent.yaml'), lines.includes('outbox:') ? text : `${text}outbox: { path: outbox.db }\n`)
  return folder
}

/** Two dead letters of `orders`, of an hour ago and of now, and one event of `audit` that waits. */
function fill(folder: string, cipher?: RowCipher): void {
  const outbox = new Outbox(join(folder, 'outbox.db'), cipher)
  const now = Date.now()
  const rows = [
    command(1, { at: now - 3_600_000 }),
    command(2, { at: now }),
    command(3, { rule: 'audit', kind: 'signal', at: now }),
  ].map((one) => ({
    ...one,
    action: contentOf(one.action),
    rule: one.action.rule,
    events: 1,
    call: '',
    body: JSON.stringify(one.body),
  }))
  outbox.insert(rows, { events: 10, bytes: 100_000 })
  outbox.bury(1, 'INVALID_ARGUMENT: no such queue', 2)
  outbox.bury(2, 'INVALID_ARGUMENT: no such queue', 2)
  outbox.close()
}

interface Answer {
  readonly stdout: string
  /** Of stdout, where it was asked for. */
  readonly json: Record<string, unknown>
  readonly error: (Error & { readonly code?: string; readonly hint?: string; readonly exitCode?: number }) | undefined
}

/** The command in this process, which is a hundred times quicker. */
async function run(folder: string, ...args: readonly string[]): Promise<Answer> {
  const lines: string[] = []
  const spies = [
    vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(`${line}\n`)),
    vi.spyOn(console, 'error').mockImplementation((line: string) => void lines.push(`${line}\n`)),
    vi.spyOn(process.stderr, 'write').mockReturnValue(true),
  ]
  let error: Answer['error']
  try {
    const [name = '', ...rest] = args
    await outboxCommand().parseAsync([name, '--config', join(folder, 'agent.yaml'), ...rest], { from: 'user' })
  } catch (thrown) {
    error = thrown as Error
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
  const stdout = lines.join('')
  const isJson = args.includes('--json') && error === undefined
  return { stdout, error, json: isJson ? (JSON.parse(stdout) as Record<string, unknown>) : {} }
}

/** The same on a terminal, with a line typed into it. */
async function typed(folder: string, line: string, ...args: readonly string[]): Promise<string> {
  const words = [join(ROOT, 'bin/haproxy-temporal'), 'outbox', ...args].map((word) => `'${word}'`).join(' ')
  const child = spawn('script', ['-qec', words, '/dev/null'], { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] })
  let told = ''
  child.stdout.on('data', (chunk: Buffer) => {
    told += chunk.toString()
    if (told.includes('[y/N]')) child.stdin.end(`${line}\n`)
  })
  await new Promise((resolve) => child.once('close', resolve))
  return told
}

describe('outbox, of an agent that does not run', { timeout: 60_000 }, () => {
  it('tells, lists, shows, redrives, pauses and resumes, for people and as JSON', async () => {
    const folder = configured()
    fill(folder)
    const { stdout } = await run(folder, 'status')
    expect(stdout).toMatch(/^pending +1 event, the oldest is \d+s old$/m)
    expect(stdout).toMatch(/^dead +2 events$/m)
    expect((await run(folder, 'status', '--json')).json).toMatchObject({
      ok: true,
      source: 'file',
      status: { path: join(folder, 'outbox.db'), events: { pending: 1, dead: 2, delivered: 0 }, encrypted: false },
    })

    expect((await run(folder, 'list')).stdout).toMatch(/2 rows, 2 events: dead letters\n$/)
    expect((await run(folder, 'list', '--json', '--from', '10m')).json).toMatchObject({
      table: 'dead',
      rows: [{ id: command(2).id, reason: 'INVALID_ARGUMENT: no such queue' }],
      more: false,
    })
    expect((await run(folder, 'list', '--json', '--limit', '1')).json).toMatchObject({ rows: [{}], more: true })
    expect((await run(folder, 'list', '--json', '--table', 'pending')).json).toMatchObject({
      rows: [{ rule: 'audit' }],
    })

    const shown = await run(folder, 'show', command(1).id)
    expect(shown.stdout).toMatch(/^reason +INVALID_ARGUMENT: no such queue$/m)
    expect(shown.stdout).toContain('"plan": "gold"')
    expect((await run(folder, 'show', 'nowhere')).error).toMatchObject({ code: 'OUTBOX_REFUSED' })

    expect((await run(folder, 'redrive', '--to', '10m', '--json')).json).toMatchObject({ changed: 1, left: false })
    expect((await run(folder, 'redrive', '--rule', 'nobody')).stdout).toBe('nothing to try again\n')
    expect((await run(folder, 'replay', '--from', '2h')).stdout).toBe('nothing to send once more\n')
    expect((await run(folder, 'pause', 'orders')).stdout).toBe('paused: events of orders wait on disk from now on\n')
    expect((await run(folder, 'pause', 'orders')).stdout).toBe('orders is paused already\n')
    expect((await run(folder, 'status', '--json')).json).toMatchObject({
      status: { events: { pending: 2, dead: 1 }, pausedRules: ['orders'] },
    })
    expect((await run(folder, 'resume', 'orders')).stdout).toBe('resumed: events of orders are delivered again\n')
    expect((await run(folder, 'resume', 'orders')).stdout).toBe('orders is not paused\n')
  })

  it('tells of dead letters that stay, because the same event waits already', async () => {
    const folder = configured()
    fill(folder)
    const db = new DatabaseSync(join(folder, 'outbox.db'))
    db.exec(
      'INSERT INTO outbox SELECT seq + 10, id, action, rule, workflow_id, key, tenant, at, events, call, body FROM dead_letters WHERE seq = 1',
    )
    db.close()
    expect((await run(folder, 'redrive')).stdout).toBe(
      '1 event to be tried again\nothers stay dead letters: they wait already, or cannot be read\n',
    )
  })

  it('tells of events that cannot be read, and leaves them', async () => {
    const folder = configured()
    fill(folder)
    const db = new DatabaseSync(join(folder, 'outbox.db'))
    db.exec('UPDATE dead_letters SET action = 999 WHERE seq = 1')
    db.close()
    expect((await run(folder, 'redrive', '--id', command(1).id)).stdout).toBe(
      'nothing to try again\n' +
        'others stay dead letters: they wait already, or cannot be read\n' +
        'not readable, and left where they are: 1 event (the action of the row is not there)\n',
    )
    expect((await run(folder, 'redrive', '--json')).json).toMatchObject({
      changed: 1,
      left: true,
      unreadable: { events: 1, why: 'the action of the row is not there' },
    })
    expect((await run(folder, 'status', '--json')).json).toMatchObject({ status: { events: { dead: 1 } } })
  })

  it('purges after a yes on the terminal, or with --yes, and otherwise not', async () => {
    const folder = configured()
    fill(folder)
    const refusal = { exitCode: 2, message: 'error: purge deletes for good: give --yes' }
    expect((await run(folder, 'purge')).error).toMatchObject(refusal)
    expect((await run(folder, 'purge', '--json')).error).toMatchObject(refusal)
    const no = await typed(folder, 'n', 'purge', '--table', 'pending')
    expect(no).toContain('Delete 1 event of "pending", which Temporal has not got, for good? [y/N]')
    expect(no).toContain('nothing is deleted')
    expect(await typed(folder, 'y', 'purge', '--to', '10m')).toContain('deleted: 1 event')
    expect((await run(folder, 'purge', '--yes', '--json')).json).toMatchObject({ changed: 1 })
    expect((await run(folder, 'status', '--json')).json).toMatchObject({ status: { events: { pending: 1, dead: 0 } } })
  })

  it('refuses what cannot be meant', async () => {
    const folder = configured()
    fill(folder)
    const usage = [
      ['replay', '--rule', 'orders'],
      ['list', '--from', 'yesterday'],
      ['list', '--from', '1h', '--to', '2h'],
      ['list', '--limit', '0'],
      ['list', '--table', 'all'],
      ['list', '--file', 'a', '--admin', 'http://127.0.0.1:1'],
      ['show'],
    ]
    for (const args of usage) expect([args, (await run(folder, ...args)).error?.name]).toEqual([args, 'CommanderError'])
    expect((await run(folder, 'pause', 'oders')).error).toMatchObject({
      code: 'OUTBOX_UNKNOWN_RULE',
      message: 'there is no rule "oders"; did you mean "orders"?',
    })
  })

  it('says what is wrong with the file, and what to do', async () => {
    const folder = configured()
    const told = async (...args: readonly string[]) => (await run(folder, 'list', ...args)).error
    expect(await told()).toMatchObject({ code: 'OUTBOX_MISSING', hint: expect.stringContaining('outbox.path') })
    fill(folder)
    writeFileSync(join(folder, 'damaged.db'), 'no database at all, and long enough to be looked at as one')
    expect(await told('--file', join(folder, 'damaged.db'))).toMatchObject({
      code: 'OUTBOX_UNUSABLE',
      message: expect.stringMatching(/damaged\.db is damaged$/),
    })

    const outbox = new Outbox(join(folder, 'outbox.db'))
    expect(await told()).toMatchObject({ code: 'OUTBOX_NO_ADMIN', message: expect.stringContaining('no "admin"') })
    expect(await told('--file', join(folder, 'outbox.db'))).toMatchObject({ code: 'OUTBOX_LOCKED' })
    outbox.close()
    expect(await told('--file', join(folder, 'outbox.db'))).toBeUndefined()
  })

  it.runIf(process.getuid?.() === 0)('leaves the file of another user alone', async () => {
    const folder = configured()
    fill(folder)
    chownSync(join(folder, 'outbox.db'), 1, 1)
    expect((await run(folder, 'list')).error).toMatchObject({
      code: 'OUTBOX_UNUSABLE',
      message: expect.stringContaining('uid 1'),
      hint: expect.stringContaining('user of the agent'),
    })
  })

  it('shows encrypted bodies with their keys only, and redrives none without', async () => {
    const folder = configured('outbox: { path: outbox.db, encryptionKey: { file: keys.yaml } }')
    const file = join(folder, 'keys.yaml')
    createPayloadKey(file, 'one', true)
    const keys = new KeyFile(file, recordedLog())
    await keys.refresh()
    fill(folder, new RowCipher(keys))
    const { json, stdout } = await run(folder, 'show', command(1).id, '--json')
    expect(json).toMatchObject({ body: { vars: { plan: 'gold' } } })
    expect(stdout).not.toContain(keys.current?.get('one')?.secret.export().toString('base64'))

    createPayloadKey(file, 'two', true)
    usePayloadKey(file, 'two')
    removePayloadKey(file, 'one')
    expect((await run(folder, 'show', command(1).id)).error).toMatchObject({
      code: 'OUTBOX_REFUSED',
      message: expect.stringContaining('encrypted with a key that the key file does not have (key one)'),
    })
    writeFileSync(file, 'nothing')
    const sealed = await run(folder, 'show', command(1).id)
    expect(sealed.stdout).toContain('"(encrypted)"')
    expect(sealed.stdout).toContain('warning: file not read')
    expect((await run(folder, 'redrive')).error).toMatchObject({
      code: 'OUTBOX_ENCRYPTED',
      message: expect.stringContaining('keys.yaml'),
    })
  })
})

describe('outbox, by an admin server', { timeout: 60_000 }, () => {
  /** Somebody else's server that answers like this. */
  async function server(status: number, body: string): Promise<string> {
    const http = createServer((_request, response) => void response.writeHead(status).end(body))
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void http.close())
    return `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  }

  it('says when nobody is there, or somebody else', async () => {
    const folder = configured('admin: { listen: "tcp://127.0.0.1:1" }')
    fill(folder)
    const told = async (...args: readonly string[]) => (await run(folder, 'status', ...args)).error
    expect(await told('--admin', 'http://127.0.0.1:1')).toMatchObject({ code: 'ADMIN_UNREACHABLE' })
    expect(await told('--admin', await server(404, 'here are other things\n'))).toMatchObject({
      code: 'ADMIN_UNREACHABLE',
      message: expect.stringContaining('answers 404'),
    })
    expect(await told('--admin', await server(200, '{}'))).toMatchObject({ code: 'ADMIN_UNREACHABLE' })
    const outbox = new Outbox(join(folder, 'outbox.db'))
    onTestFinished(() => outbox.close())
    expect(await told()).toMatchObject({
      code: 'OUTBOX_LOCKED',
      message: expect.stringMatching(/outbox\.db is in use, and http:\/\/127\.0\.0\.1:1 does not answer/),
    })
  })

  it('passes on why it is refused, with the hint of the server', async () => {
    const refusal = { error: 'token_wrong', message: 'the token is missing or wrong', hint: 'Send it.' }
    const admin = await server(401, JSON.stringify(refusal))
    const outbox = new RunningCommand(['outbox', 'status', '--admin', admin], { cwd: configured() })
    onTestFinished(() => outbox.dispose())
    expect(await outbox.result).toEqual({
      code: 1,
      stdout: '',
      stderr: `OUTBOX_REFUSED: ${admin}: the token is missing or wrong\n  hint: Send it.\n`,
    })
  })
})

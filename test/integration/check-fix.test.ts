import { chmodSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ensureCertificates } from '../../agent/dev/certificates.ts'
import { askHaproxy } from '../../agent/lint/haproxy-binary.ts'
import { type CommandResult, RunningCommand } from '../support/command.ts'
import { replaced } from '../support/docs.ts'
import { HAPROXY_VERSIONS, haproxyBinary } from '../support/edge.ts'
import { newFolder, removeFolder } from '../support/folder.ts'
import { type ConfigFiles, shipped, writeConfigFiles } from '../support/shipped-files.ts'

interface Report {
  readonly ok: boolean
  readonly haproxy: string | null
  readonly problems: { code: string; severity: string; fixable: boolean; line: number; column: number; caret: string }[]
  readonly summary: { errors: number; warnings: number; fixable: number }
  readonly changes: { file: string; findings: number; diff: string }[]
}

let certificates: string
let tls: string
let folder: string
const commands: RunningCommand[] = []

beforeAll(async () => {
  certificates = newFolder()
  tls = (await ensureCertificates(join(certificates, 'tls'))).edge
})
afterAll(() => removeFolder(certificates))
afterEach(() => {
  for (const command of commands.splice(0)) command.dispose()
  if (folder !== undefined) removeFolder(folder)
})

/** The shipped files without much of what `--fix` can add. */
function brokenFiles(): ConfigFiles {
  folder = newFolder()
  const without = (text: string, ...lines: RegExp[]): string =>
    lines.reduce((rest, line) => replaced(rest, line, ''), text)
  const agent = shipped('agent.yaml').replace('set: { plan:', 'set: { colour: identity.subject, plan:')
  // The servers behind keep theirs, only the backend of the agent has none.
  const own = shipped('haproxy.cfg').replace(/^backend (?:app|orders)$/gm, '$&\n    timeout server 30s')
  const haproxy = without(
    own,
    /^ *option spop-check\n/m,
    /^ *unique-id-format .*\n/m,
    /^ *timeout server 30s\n/m,
    /^ *timeout server 2m\n/m,
  )
  const spoe = without(
    shipped('spoe.conf'),
    /^ *option set-on-error error\n/m,
    /^ *option continue-on-error\n/m,
    /^ *no option send-frag-payload\n/m,
    /^ *timeout hello 1s\n/m,
    /^ *timeout idle 2m\n/m,
    /^ *timeout processing .*\n/m,
    / query=query src=src/,
    / auth_count=req\.fhdr_cnt\(authorization\)/,
  )
  return writeConfigFiles(folder, { config: agent, haproxy, spoe })
}

async function run(files: ConfigFiles, ...more: string[]): Promise<CommandResult> {
  const { config, haproxy, spoe } = files
  const command = new RunningCommand(['check', '--config', config, '--haproxy', haproxy, '--spoe', spoe, ...more], {
    env: { OIDC_ISSUER: 'https://id.example.com', TLS_CERT: tls },
  })
  commands.push(command)
  return command.result
}

const parsed = ({ stdout }: CommandResult): Report => JSON.parse(stdout) as Report
const texts = ({ haproxy, spoe }: ConfigFiles): string[] => [haproxy, spoe].map((file) => readFileSync(file, 'utf8'))

describe.each(HAPROXY_VERSIONS)('check for HAProxy %s', (version) => {
  it('asks the HAProxy of that version, and finds nothing in the shipped files', async () => {
    folder = newFolder()
    const files = writeConfigFiles(folder, {
      config: shipped('agent.yaml'),
      haproxy: shipped('haproxy.cfg'),
      spoe: shipped('spoe.conf'),
    })
    const result = await run(files, '--json', '--strict', '--haproxy-version', version)
    expect(parsed(result)).toMatchObject({ ok: true, problems: [], summary: { errors: 0, warnings: 0, fixable: 0 } })
    expect(parsed(result).haproxy).toMatch(new RegExp(`^${version.replace('.', '\\.')}\\.`))
    expect(result.code).toBe(0)
  })

  it('--fix mends what it can, every HAProxy accepts the result, and a second run changes nothing', async () => {
    const files = brokenFiles()
    chmodSync(files.spoe, 0o640)
    const [haproxyBefore = '', spoeBefore = ''] = texts(files)
    const before = parsed(await run(files, '--json', '--haproxy-version', version))
    expect(before.ok).toBe(false)
    expect(before.summary.fixable).toBeGreaterThan(8)
    for (const { caret, line, column } of before.problems) {
      if (line > 0) expect(caret.indexOf('^') + 1).toBe(column)
    }

    const mended = await run(files, '--fix', '--json', '--strict', '--haproxy-version', version)
    expect(parsed(mended)).toMatchObject({ ok: true, problems: [], summary: { fixable: 0 } })
    expect(parsed(mended).changes.map(({ file }) => file)).toEqual([files.haproxy, files.spoe])
    expect(mended.code).toBe(0)
    expect(statSync(files.spoe).mode & 0o777).toBe(0o640)
    const after = texts(files)
    for (const [i, text] of [haproxyBefore, spoeBefore].entries()) {
      const kept = after[i]?.split('\n') ?? []
      for (const line of text.split('\n')) expect(kept.splice(0, kept.indexOf(line) + 1)).toContain(line)
    }

    for (const other of HAPROXY_VERSIONS) {
      const env = { SPOE_CONF: files.spoe, TLS_CERT: tls }
      const said = askHaproxy(haproxyBinary(other), files.haproxy, env)
      expect([other, said.filter(({ severity }) => severity === 'error')]).toEqual([other, []])
    }
    const again = parsed(await run(files, '--fix', '--json', '--haproxy-version', version))
    expect(again.changes).toEqual([])
    expect(texts(files)).toEqual(after)
  })
})

describe('check', () => {
  it('--fix --dry-run shows a diff, and leaves the files as they are', async () => {
    const files = brokenFiles()
    const before = texts(files)
    const { code, stdout } = await run(files, '--fix', '--dry-run')
    expect(stdout).toContain(`--- ${files.spoe}\n+++ ${files.spoe}\n@@ -`)
    expect(stdout).toContain('\n+    args query=query src=src auth_count=req.fhdr_cnt(authorization)\n')
    expect(stdout).toMatch(/--fix mends \d+ of them/)
    expect(code).toBe(1)
    expect(texts(files)).toEqual(before)
  })

  it('warnings fail with --strict only', async () => {
    folder = newFolder()
    const files = writeConfigFiles(folder, {
      config: shipped('agent.yaml'),
      haproxy: replaced(shipped('haproxy.cfg'), 'check inter 1s', 'maxconn 10 check inter 1s'),
      spoe: shipped('spoe.conf'),
    })
    const lax = await run(files, '--json')
    expect(parsed(lax)).toMatchObject({ ok: true, problems: [{ code: 'HAPROXY_AGENT_MAXCONN', fixable: false }] })
    expect(lax.code).toBe(0)
    const strict = await run(files, '--json', '--strict')
    expect(parsed(strict)).toMatchObject({ ok: false, summary: { errors: 0, warnings: 1, fixable: 0 } })
    expect(strict.code).toBe(1)
  })

  it.each([[['--haproxy-version', 'three']], [['--dry-run']], [['--fixx']]])('%s is a usage error', async (args) => {
    const files = brokenFiles()
    const { code, stderr } = await run(files, ...args)
    expect([code, stderr]).toEqual([2, expect.stringContaining('error:')])
  })

  it('a file that is not there is said in one line', async () => {
    const files = brokenFiles()
    const { code, stderr } = await run({ ...files, spoe: join(folder, 'none.conf') })
    expect(stderr).toMatch(/^HAPROXY_UNREADABLE: cannot read .*none\.conf/)
    expect(code).toBe(1)
  })
})

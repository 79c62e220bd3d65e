import { chmodSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { check, countProblems } from '../../../agent/lint/check.ts'
import { problem, type Problem } from '../../../agent/config/problem.ts'
import { ROOT } from '../../../agent/dev/tools.ts'
import { askHaproxy } from '../../../agent/lint/haproxy-binary.ts'
import { parseVersion } from '../../../agent/lint/version.ts'

let folder: string

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'check-')))
  vi.stubEnv('OIDC_ISSUER', 'https://id.example.com')
})

afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

/** A HAProxy that says this. */
function haproxyThatSays(text: string, status = 1): string {
  const file = join(folder, 'haproxy')
  writeFileSync(
    file,
    `#!/bin/sh\n[ "$1" = -v ] && echo 'HAProxy version 3.2.1' && exit 0\ncat >&2 <<END\n${text}\nEND\nexit ${status}\n`,
  )
  chmodSync(file, 0o755)
  return file
}

/** What becomes of one message about the shipped files. */
function about(text: string): Problem | undefined {
  return askHaproxy(haproxyThatSays(text), join(ROOT, 'haproxy.cfg'))[0]
}

describe('what HAProxy says', () => {
  const file = join(ROOT, 'haproxy.cfg')
  const line = readFileSync(file, 'utf8').split('\n').indexOf('    balance roundrobin') + 1

  it.each([
    [`config : parsing [${file}:${line}] : wrong.`, 'wrong.'],
    [`config : Parsing [${file}:${line}]: wrong.`, 'wrong.'],
    [`config : [${file}:${line}] : parsing [${file}:${line}] : 'server' wrong.`, "'server' wrong."],
    [`[${file}:${line}] : 'server app/app1' : wrong.`, "'server app/app1' : wrong."],
    [`unknown backend, declared at ${file}:${line}.`, `unknown backend, declared at ${file}:${line}.`],
  ])('has its place: %s', (text, message) => {
    expect(about(`[ALERT]    (12) : ${text}`)).toMatchObject({
      code: 'HAPROXY_REFUSES',
      file,
      line,
      column: 1,
      source: '    balance roundrobin',
      length: 22,
      message,
    })
  })

  it('may have no place, and an address is none', () => {
    expect(about('[ALERT] (12) : cannot listen at 127.0.0.1:80')).toMatchObject({ file, line: 0 })
  })

  it('tells where a certificate comes from', () => {
    const text = `parsing [${file}:1] : 'bind x' : unable to stat SSL certificate from file 'y' : No such file or directory.`
    expect(about(`[ALERT] (12) : config : ${text}`)?.hint).toContain('make demo')
  })

  it('is not summed up', () => {
    const text = [
      `[WARNING] (12) : config : parsing [${file}:1] : odd.`,
      `[ALERT] (12) : config : parsing [${file}:1] : 'filter' : 'Error(s) found in configuration file x'`,
      `[ALERT] (12) : config : Error(s) found in configuration file : x`,
      `[ALERT] (12) : config : Fatal errors found in configuration.`,
    ].join('\n')
    expect(askHaproxy(haproxyThatSays(text), file)).toMatchObject([
      { code: 'HAPROXY_WARNS', severity: 'warning' },
      { code: 'HAPROXY_REFUSES', message: 'haproxy -c ended with 1' },
    ])
  })
})

describe('check', () => {
  const shipped = { config: join(ROOT, 'agent.yaml'), haproxy: join(ROOT, 'haproxy.cfg') }

  it('asks HAProxy about the very file that it reads, and calls it as the user does', () => {
    vi.stubEnv('HAPROXY', haproxyThatSays('[ALERT] (12) : config : parsing [$SPOE_CONF:2] : wrong in $SPOE_CONF.'))
    const own = join(folder, 'own.conf')
    writeFileSync(own, readFileSync(join(ROOT, 'spoe.conf')))
    const spoe = relative(process.cwd(), own)
    const { problems, haproxy } = check({ ...shipped, spoe })
    expect(haproxy).toBe('3.2.1')
    expect(problems).toMatchObject([{ file: spoe, line: 2, source: '[temporal]', message: `wrong in ${spoe}.` }])
  })

  const spoe = join(ROOT, 'spoe.conf')

  it('asks no HAProxy of another branch than the one that is meant', () => {
    vi.stubEnv('HAPROXY', haproxyThatSays('[ALERT] (12) : config : wrong'))
    const of = (version: string): string | null =>
      check({ ...shipped, spoe, haproxyVersion: parseVersion(version) }).haproxy
    expect([of('3.2'), of('3.2.26'), of('3.99')]).toEqual(['3.2.1', '3.2.1', null])
  })

  it('says once what both find about a section of spoe.conf', () => {
    const lines = readFileSync(spoe, 'utf8').split('\n')
    const own = join(folder, 'own.conf')
    writeFileSync(own, lines.filter((line) => !/timeout processing .*PROCESSING/.test(line)).join('\n'))
    const at = `${lines.findIndex((line) => line.startsWith('spoe-agent')) + 1}`
    const missing = `[WARNING] (12) : config : Proxy 'edge': missing timeouts for SPOE agent 'temporal-agent' declare at ${own}:${at}.`
    const other = `[WARNING] (12) : config : Proxy 'edge': something else at ${own}:${at}.`
    vi.stubEnv('HAPROXY', haproxyThatSays(`${missing}\n${other}`, 0))
    const { problems } = check({ ...shipped, spoe: own })
    expect(problems.map(({ code }) => code)).toEqual(['SPOE_DEADLINE', 'HAPROXY_WARNS'])
    expect(problems[1]?.message).toContain('something else')
  })

  it('mends nothing unless it is told to', () => {
    vi.stubEnv('HAPROXY', haproxyThatSays('', 0))
    const own = join(folder, 'own.conf')
    const text = readFileSync(spoe, 'utf8').replace(' query=query', '')
    writeFileSync(own, text)
    const counts = (fix?: 'show' | 'write'): number[] => {
      const { problems, changes } = check({ ...shipped, spoe: own, fix })
      return [problems.length, changes.length]
    }
    expect([counts(), counts('show')]).toEqual([
      [1, 0],
      [1, 1],
    ])
    expect(readFileSync(own, 'utf8')).toBe(text)
    expect([counts('write'), counts('write')]).toEqual([
      [0, 1],
      [0, 0],
    ])
  })

  it('wants the files that agent.yaml names, from its folder', () => {
    vi.stubEnv('HAPROXY', haproxyThatSays('', 0))
    const config = join(folder, 'agent.yaml')
    const text = readFileSync(shipped.config, 'utf8')
      .replace('\noutbox:', '  tls: { caFile: ca.pem, certFile: cert.pem, keyFile: key.pem }\n\noutbox:')
      .replace('preset: oidc', 'preset: oidc\n      caFile: provider.pem')
    writeFileSync(config, text)
    writeFileSync(join(folder, 'ca.pem'), '')
    // A folder is there, but nothing to read.
    mkdirSync(join(folder, 'cert.pem'))
    const { problems } = check({ ...shipped, config, spoe: join(ROOT, 'spoe.conf') })
    expect(
      problems.map(({ code, source, column, length }) => [code, source?.slice(column - 1).slice(0, length)]),
    ).toEqual([
      ['CONFIG_FILE_MISSING', 'cert.pem'],
      ['CONFIG_FILE_MISSING', 'key.pem'],
      ['CONFIG_FILE_MISSING', 'provider.pem'],
    ])
    expect(problems[1]?.message).toBe(`cannot read ${join(folder, 'key.pem')}: ENOENT`)
  })

  it.each([
    [0, 0, 'no problems'],
    [1, 0, '1 problem'],
    [2, 0, '2 problems'],
    [0, 1, '1 warning'],
    [1, 2, '1 error, 2 warnings'],
    [2, 1, '2 errors, 1 warning'],
  ])('%i errors and %i warnings are "%s"', (errors, warnings, text) => {
    const of = (count: number, severity: Problem['severity']): Problem[] =>
      Array.from({ length: count }, () =>
        problem({ code: 'HAPROXY_WARNS', severity, file: 'x', line: 0, column: 0, message: '' }),
      )
    expect(countProblems([...of(errors, 'error'), ...of(warnings, 'warning')])).toBe(text)
  })
})

import { describe, expect, it } from 'vitest'
import { parseConfig } from '../../../agent/config/load.ts'
import type { Finding } from '../../../agent/lint/finding.ts'
import { fixed, type Texts } from '../../../agent/lint/fix.ts'
import { haproxyEnvironment, HaproxyFile } from '../../../agent/lint/haproxy-file.ts'
import { LintInput, rulesNeed } from '../../../agent/lint/input.ts'
import { lint } from '../../../agent/lint/lint.ts'
import { parseVersion } from '../../../agent/lint/version.ts'
import { both, edited, type Edits, replace } from './shipped.ts'

const ENV = { OIDC_ISSUER: 'https://id.example.com' }
const FILES = { haproxy: 'haproxy.cfg', spoe: 'spoe.conf' }

/** What is found, and the files before and after they were mended. */
function mend(edits: Edits): { before: Texts; after: Texts; found: Finding[]; left: Finding[]; diffs: string[] } {
  const before = edited(edits)
  const version = parseVersion(edits.version ?? 'any')
  const find = ({ haproxy, spoe }: Texts): Finding[] => {
    const env = haproxyEnvironment(haproxy, ENV, version)
    const loaded = parseConfig('agent.yaml', before.agent, ENV)
    const [first, second] = [
      new HaproxyFile(FILES.haproxy, haproxy, env, version),
      new HaproxyFile(FILES.spoe, spoe, env, version),
    ]
    return lint(new LintInput(loaded, rulesNeed(loaded), first, second, version))
  }
  const changes = fixed(FILES, before, find)
  const textOf = (name: keyof Texts): string => changes.find(({ file }) => file === FILES[name])?.text ?? before[name]
  const after = { haproxy: textOf('haproxy'), spoe: textOf('spoe') }
  return { before, after, found: find(before), left: find(after), diffs: changes.map(({ diff }) => diff) }
}

const added = (before: string, after: string): string[] => {
  const old = before.split('\n')
  let at = 0
  return after.split('\n').filter((line) => line !== old[at] || (at++, false))
}

describe('--fix adds', () => {
  it.each<[string, Edits, keyof Texts, string[]]>([
    [
      'names to register, in one line below the others',
      { agent: replace('set: { plan:', 'set: { colour: identity.subject, size: identity.subject, plan:') },
      'spoe',
      ['    register-var-names colour size'],
    ],
    [
      'set-on-error',
      { spoe: replace(/^ *option set-on-error error\n/, '') },
      'spoe',
      Array(2).fill('    option set-on-error error'),
    ],
    [
      'what 3.0 needs',
      { spoe: replace(/^ *timeout (?:hello|idle) .*\n/, ''), version: '3.0' },
      'spoe',
      ['    timeout hello 1s', '    timeout idle 2m'],
    ],
    [
      'a time to wait, above the deadline of the agent',
      { spoe: replace(/^ *timeout processing "\$\{SPOE_PROCESSING.*\n/, '') },
      'spoe',
      ['    timeout processing 50ms'],
    ],
    [
      'arguments of each message, in one line each',
      { spoe: replace('path=path query=query src=src ', ''), version: '3.0' },
      'spoe',
      ['    args path=path query=query src=src'],
    ],
    [
      'an id, and the format that it then needs',
      { spoe: replace('id=unique-id ', ''), haproxy: replace(/^ *unique-id-format .*\n/, ''), version: '3.2' },
      'haproxy',
      ['    unique-id-format %{+X}o\\ %Ts-%[uuid]'],
    ],
    [
      'a timeout of the backend',
      { haproxy: replace(/^ *timeout server .*\n/, '') },
      'haproxy',
      ['    timeout server 2m'],
    ],
    ['a health check', { haproxy: replace(/^ *option spop-check\n/, '') }, 'haproxy', ['    option spop-check']],
  ])('%s', (_what, edits, name, lines) => {
    const { before, after, found, left } = mend(edits)
    expect(added(before[name], after[name])).toEqual(lines)
    expect(found.filter(({ addition }) => addition !== undefined)).not.toEqual([])
    expect(left).toEqual([])
  })

  it('so much that lines are folded, and no more than HAProxy takes in one', () => {
    const names = Array.from({ length: 80 }, (_, i) => `v${i}`)
    const { before, after, left } = mend({
      agent: replace('set: { plan:', `set: { ${names.map((name) => `${name}: identity.subject`).join(', ')}, plan:`),
    })
    const lines = added(before.spoe, after.spoe)
    expect(lines.length).toBeGreaterThan(1)
    expect(lines.every((line) => line.length <= 120 && line.split(' ').length < 64)).toBe(true)
    expect(left).toEqual([])
  })
})

describe('--fix', () => {
  const broken: Edits = {
    spoe: both(replace(/^ *no option send-frag-payload\n/, ''), replace(' auth_count=req.fhdr_cnt(authorization)', '')),
    haproxy: replace(/^ *option spop-check\n/, ''),
  }

  it('changes nothing else: every line that was there stays, comments too', () => {
    const { before, after } = mend(broken)
    for (const name of ['haproxy', 'spoe'] as const) {
      const lines = after[name].split('\n')
      for (const line of before[name].split('\n')) expect(lines.splice(0, lines.indexOf(line) + 1)).toContain(line)
    }
  })

  it('keeps the line ends of Windows', () => {
    const { after, left } = mend({ spoe: both(broken.spoe!, (text) => text.replaceAll('\n', '\r\n')) })
    expect(after.spoe.split('\n').filter((line) => line !== '' && !line.endsWith('\r'))).toEqual([])
    expect(left).toEqual([])
  })

  it('adds below the last line of a file that has no line break at its end', () => {
    const spoe = both(
      replace(/^\n# The same with HAProxy below 3\.0[^]*/, ''),
      replace(/^ *event on-http-response.*$\n/, ''),
    )
    const edits = { spoe: both(spoe, (text) => text.replace(' server=srv_name', '').trimEnd()), version: '3.2' }
    const { before, after, diffs } = mend({
      ...edits,
      spoe: both(edits.spoe, (text) =>
        text.replace('args id=unique-id rule', 'event on-http-response\n    args id=unique-id rule'),
      ),
    })
    expect(after.spoe).toBe(`${before.spoe}\n    args server=srv_name`)
    expect(diffs[0]).toContain(`be_name\n+    args server=srv_name\n`)
  })

  it('leaves alone what it cannot mend', () => {
    const { diffs, left } = mend({ spoe: replace('option var-prefix temporal', 'option var-prefix edge') })
    expect(diffs).toEqual([])
    expect(left.map(({ code }) => code)).toContain('SPOE_VAR_PREFIX')
  })

  it('shows a unified diff', () => {
    const { diffs, before } = mend({ haproxy: replace(/^ *option spop-check\n/, '') })
    const from = before.haproxy.split('\n').indexOf('backend spoe-agents') - 1
    expect(diffs).toEqual([
      `--- haproxy.cfg
+++ haproxy.cfg
@@ -${from},6 +${from},7 @@

 # The agent. "mode spop" exists since 3.1; before, SPOP runs over "mode tcp".
 backend spoe-agents
+    option spop-check
     .if version_atleast(3.1-dev4)
     mode spop
     .else
`.replace('\n\n', '\n \n'),
    ])
  })
})

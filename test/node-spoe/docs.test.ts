import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readClientOptions } from '../../node-spoe/src/client/options.ts'
import { readLoadOptions } from '../../node-spoe/src/client/load-options.ts'
import { channels } from '../../node-spoe/src/diagnostics.ts'
import { ERRORS, createAgent } from '../../node-spoe/src/index.ts'
import { DEFAULTS, newCounters } from '../../node-spoe/src/options.ts'
import { ROOT } from '../../agent/dev/tools.ts'
import { anchorOf } from '../support/docs.ts'
import { tempFolder } from '../support/folder.ts'

const PACKAGE = join(ROOT, 'node-spoe')
const API = readFileSync(join(PACKAGE, 'docs/api.md'), 'utf8')
const SECTIONS = API.split(/^(?=#)/m)
const DOCUMENTS = [
  'README.md',
  'docs/api.md',
  ...readdirSync(join(PACKAGE, 'examples')).map((name) => `examples/${name}/README.md`),
]

/** Words in code spans. */
function words(markdown: string): Set<string> {
  const spans = markdown.match(/`[^`\n]+`/g) ?? []
  return new Set(spans.flatMap((span) => span.match(/[\w-]+/g) ?? []))
}

/** The sections that are about a type: those that name it. */
function about(type: string): string {
  return SECTIONS.filter((text) => new RegExp(`^#.*\\b${type}\\b|\`${type}\``).test(text)).join('\n')
}

/** The table row whose first cell is this name, as cells. */
function row(name: string, text = API): string[] {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`| \`${name}\` |`))
  return (line ?? '').split('|').map((cell) => cell.trim())
}

/** `2^31-1`, `2^28`, `40`. */
function number(text: string): number {
  const [, power, minus = 0] = /^2\^(\d+)(?:-(\d))?$/.exec(text) ?? []
  return power === undefined ? Number(text) : 2 ** Number(power) - Number(minus)
}

/** The members of each exported interface of a source file. */
function interfaces(file: string): [name: string, members: string[]][] {
  const text = readFileSync(join(PACKAGE, 'src', file), 'utf8')
  const found = text.matchAll(/^export interface (\w+)[^{]*\{\n(.*?)^\}/gms)
  return Array.from(found, ([, name, body]) => [
    name!,
    Array.from(body!.matchAll(/^ {2}(?:readonly )?(\w+)\??[(:<]/gm), ([, member]) => member!),
  ])
}

/** What an entry point exports: values, types, and the file that each comes from. */
function exportsOf(file: string): { names: string[]; from: string }[] {
  const text = readFileSync(join(PACKAGE, 'src', file), 'utf8')
  return Array.from(text.matchAll(/^export (?:type )?\{([^}]+)\} from '([^']+)'/gm), ([, list, from]) => ({
    names: list!.match(/\w+/g) ?? [],
    from: join(dirname(file), from!),
  }))
}

describe('the API reference', () => {
  const entries = ['index.ts', 'client/index.ts', 'protocol/index.ts']

  it.each(entries)('names everything that %s exports, and every member of its interfaces', (entry) => {
    const all = words(API)
    for (const { names, from } of exportsOf(entry)) {
      expect(names.filter((name) => !all.has(name))).toEqual([])
      for (const [type, members] of interfaces(from).filter(([name]) => names.includes(name))) {
        const here = words(about(type))
        expect([type, members.filter((member) => !here.has(member))]).toEqual([type, []])
      }
    }
  })

  it('gives the defaults and ranges of createAgent', () => {
    const section = about('AgentOptions')
    for (const [name, byDefault] of Object.entries(DEFAULTS)) {
      const [, , , documented = '', range = ''] = row(name, section)
      expect([name, documented]).toEqual([name, String(byDefault)])
      expectRange(name, range, (value) => createAgent({ messages: {}, [name]: value }))
    }
  })

  it('gives the defaults and ranges of connect', () => {
    const section = about('ClientOptions')
    for (const [name, byDefault] of Object.entries(readClientOptions({}))) {
      const [, , , documented = '', range = ''] = row(name, section)
      expect([name, documented]).not.toEqual([name, ''])
      if (typeof byDefault !== 'number') continue
      expect([name, documented]).toEqual([name, String(byDefault)])
      expectRange(name, range, (value) => readClientOptions({ [name]: value }))
    }
  })

  it('gives the defaults and ranges of load', () => {
    const section = about('LoadOptions')
    const settings = readLoadOptions({ notify: {} })
    for (const [name, byDefault] of Object.entries(settings)) {
      if (typeof byDefault !== 'number') continue
      const [, , , documented = '', range = ''] = row(name, section)
      if (Number.isFinite(byDefault)) expect([name, documented.split(' ')[0]]).toEqual([name, String(byDefault)])
      expectRange(name, range, (value) => readLoadOptions({ notify: {}, [name]: value }))
    }
  })

  it('explains every counter, and no other', () => {
    const section = SECTIONS.find((text) => text.startsWith('### Counters')) ?? ''
    for (const name of Object.keys(newCounters())) expect(row(name, section)[2]).toMatch(/\w/)
    const documented = Array.from(section.matchAll(/^\| `(\w+)` \|/gm), ([, name]) => name)
    expect(documented).toEqual(Object.keys(newCounters()))
  })

  it('has the error table of the code', () => {
    for (const { code, message, ...rest } of ERRORS) {
      const status = 'status' in rest ? String(rest.status) : ''
      expect(row(code).slice(1, 4)).toEqual([`\`${code}\``, status, message.replaceAll(/\{\d\}/g, '…')])
      expect(row(code)[4]).not.toBe('')
    }
    const documented = Array.from(API.matchAll(/^\| `(ERR_SPOP_\w+)` \|/gm), ([, code]) => code)
    expect(documented).toEqual(ERRORS.map(({ code }) => code))
  })

  it('lists every diagnostics channel', () => {
    for (const { name } of Object.values(channels)) expect(row(String(name))[2]).toMatch(/^`\w+`$/)
  })
})

/** "1 to 2^31-1" or "from 1": the code takes the ends and refuses what is beyond. */
function expectRange(name: string, range: string, use: (value: number) => unknown): void {
  const [, least, most] = /^(?:from )?(\S+)(?: to (\S+))?$/.exec(range) ?? []
  expect([name, least]).not.toEqual([name, undefined])
  const beyond = number(least!) - (number(least!) < 1 ? 0.001 : 1)
  expect(() => use(number(least!)), name).not.toThrow()
  expect(() => use(beyond), name).toThrow('is not between')
  if (most === undefined) return
  expect(() => use(number(most)), name).not.toThrow()
  expect(() => use(number(most) + 1), name).toThrow('is not between')
}

describe('the documents', () => {
  it('have TypeScript that compiles', () => {
    const folder = tempFolder()
    let blocks = 0
    for (const document of DOCUMENTS) {
      for (const [, code] of readFileSync(join(PACKAGE, document), 'utf8').matchAll(/^```ts\n(.*?)^```/gms)) {
        writeFileSync(join(folder, `${document.replaceAll(/\W/g, '-')}-${blocks++}.mts`), code!)
      }
    }
    expect(blocks).toBeGreaterThan(0)
    const compilerOptions = { lib: ['es2024', 'esnext.disposable'], noUnusedLocals: false }
    const config = { extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: ['*.mts'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
    const { stdout, status } = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder], { encoding: 'utf8' })
    expect(stdout).toBe('')
    expect(status).toBe(0)
  })

  it('show what node-spoe decode prints', () => {
    const text = readFileSync(join(PACKAGE, 'README.md'), 'utf8')
    const [, args = '', output] = /^npx node-spoe (decode .*)\n```\n\n```\n([^`]+)```/m.exec(text) ?? []
    const { stdout } = spawnSync(join(PACKAGE, 'bin/node-spoe'), args.split(' '), { encoding: 'utf8' })
    expect(stdout.trim()).toBe(output?.trim())
  })

  it.each(DOCUMENTS)('%s links to files and headings that exist', (document) => {
    const text = readFileSync(join(PACKAGE, document), 'utf8')
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)]+)\)/g)) {
      const [path = '', heading] = target!.split('#')
      const file = path === '' ? join(PACKAGE, document) : join(dirname(join(PACKAGE, document)), path)
      expect([target, existsSync(file)]).toEqual([target, true])
      if (heading === undefined) continue
      const headings = readFileSync(file, 'utf8').match(/^#+ .*$/gm) ?? []
      expect(headings.map(anchorOf)).toContain(heading)
    }
  })
})

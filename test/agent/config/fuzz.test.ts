import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Document, isCollection, isMap, isScalar, parseDocument, visit } from 'yaml'
import { renderProblem } from '../../../agent/config/problem.ts'
import { ROOT } from '../../../agent/dev/tools.ts'
import { problemsOf } from './bad-files/row.ts'

const SHIPPED = readFileSync(join(ROOT, 'agent.yaml'), 'utf8')
/** Cases of each property; more in CONFIG_FUZZ_RUNS for a search of its own. */
const RUNS = Number(process.env['CONFIG_FUZZ_RUNS'] ?? 60)

/** Milliseconds; a case takes a few. */
const TIMEOUT_MS = 30_000 + RUNS * 50

const ENV = { OIDC_ISSUER: 'https://id.example.com' }

/** Pieces of YAML, CEL and references that are more trouble than random characters. */
const PIECES = [
  ...'{}[]:,#&*!|>%@`"\'\\-?$=~<^/. \t\n\r\0'.split(''),
  '\r\n',
  '\ufeff',
  '\u2028',
  '\u{1F600}',
  '\ud800',
  '${',
  '${X}',
  '${X:-',
  '$${',
  '<<: ',
  '*a',
  '&a ',
  '&a [*a]',
  '!!set ',
  '!x ',
  '---\n',
  '...\n',
  '%YAML 1.1\n',
  '? ',
  '- ',
  ': ',
  '"\\x"',
  '|2\n',
  '>-\n',
  '\n\n',
  '__proto__: ',
  'constructor: ',
  'null',
  '.nan',
  '1e999',
  '0x',
  '99999999999999999999',
  'version: 1\n',
  'when: |\n      a ==\n      b\n',
  '[['.repeat(40),
  '('.repeat(80),
  '\n  - ',
  'identity.claims.',
  ' in ',
  '&& ',
  'kind: alb',
  'preset: ',
  'deny: 403',
]

const piece = fc.oneof(fc.constantFrom(...PIECES), fc.string({ unit: 'binary', maxLength: 8 }))

/** A change of the text from `at` on, as a share of its length. */
const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  cut: fc.nat({ max: 40 }),
  piece: fc.option(piece, { nil: '' }),
})

function edited(text: string, edits: readonly { at: number; cut: number; piece: string }[]): string {
  return edits.reduce((now, { at, cut, piece: put }) => {
    const from = Math.floor(at * now.length)
    return now.slice(0, from) + put + now.slice(from + cut)
  }, text)
}

/** No file makes the loader throw anything else, and every problem is one that a reader can find. */
function expectReadable(text: string): void {
  const lines = text.replace(/^\ufeff/, '').split('\n')
  // Anything but a ConfigError is thrown on.
  for (const found of problemsOf(text, ENV)) {
    const line = lines[found.line - 1]?.replace(/\r$/, '')
    expect(found.source).toBe(line)
    expect(found.column).toBeGreaterThanOrEqual(1)
    expect(found.column).toBeLessThanOrEqual((line?.length ?? 0) + 1)
    expect(found.length).toBeGreaterThanOrEqual(1)
    expect(found.hint).not.toBe('')
    if (!text.includes('undefined')) expect(found.message).not.toMatch(/undefined|\[object|Invalid input/)
    expect(renderProblem(found)).toContain('^')
  }
}

it('the shipped file has nothing to tell', () => {
  expect(problemsOf(SHIPPED, ENV)).toEqual([])
})

it(
  'whatever characters are put into or taken out of the shipped file',
  () => {
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => expectReadable(edited(SHIPPED, edits))),
      { numRuns: RUNS },
    )
  },
  TIMEOUT_MS,
)

it(
  'whatever lines are taken out, doubled, swapped or moved',
  () => {
    const all = SHIPPED.split('\n')
    const line = fc.nat({ max: all.length - 1 })
    const step = fc.record({ kind: fc.constantFrom('drop', 'double', 'swap', 'indent', 'outdent'), line, other: line })
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 5 }), (steps) => {
        const lines = [...all]
        for (const { kind, line: at, other } of steps) {
          const text = lines[at] ?? ''
          if (kind === 'drop') lines.splice(at, 1)
          else if (kind === 'double') lines.splice(other, 0, text)
          else if (kind === 'swap') lines.splice(at, 1, lines.splice(other, 1, text)[0] ?? '')
          else lines[at] = kind === 'indent' ? `  ${text}` : text.slice(2)
        }
        expectReadable(lines.join('\n'))
      }),
      { numRuns: RUNS },
    )
  },
  TIMEOUT_MS,
)

/** Replaces, removes or moves the node that is `index`th in the file. */
function changeNode(document: Document, index: number, kind: string, value: unknown): void {
  let seen = 0
  visit(document, {
    Node: (key, node, path) => {
      if (seen++ !== index) return undefined
      const parent = path.at(-1)
      if (kind === 'remove') return visit.REMOVE
      if (kind === 'rename' && isScalar(node) && key === 'key') node.value = typeof value === 'string' ? value : 'odd'
      else if (kind === 'wrap' && isCollection(parent)) return document.createNode([node]) as never
      else if (kind === 'add' && isMap(node)) node.set('extra', value)
      else if (key !== 'key') return document.createNode(value) as never
      return visit.BREAK
    },
  })
}

it(
  'whatever values stand where others are meant',
  () => {
    const value = fc.oneof(
      fc.constantFrom(
        '',
        'corp',
        'none',
        'request.path',
        '/a',
        '40',
        '40ms',
        '*',
        'tcp://a:1',
        '${X}',
        '__proto__',
        'jwt',
        'cognito',
      ),
      fc.jsonValue({ maxDepth: 3 }),
      fc
        .anything({ maxDepth: 1, withDate: false, withBigInt: true })
        .filter((one) => typeof one !== 'symbol' && typeof one !== 'function'),
    )
    const change = fc.record({
      index: fc.nat({ max: 160 }),
      kind: fc.constantFrom('replace', 'remove', 'rename', 'wrap', 'add'),
      value,
    })
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const document = parseDocument(SHIPPED)
        for (const { index, kind, value: put } of changes) changeNode(document, index, kind, put)
        expectReadable(document.toString({ lineWidth: 0 }))
      }),
      { numRuns: RUNS },
    )
  },
  TIMEOUT_MS,
)

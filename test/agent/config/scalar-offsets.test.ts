import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Document, isScalar, parseDocument, Scalar } from 'yaml'
import { scalarOffsets } from '../../../agent/config/scalar-offsets.ts'

const TYPES = [
  Scalar.PLAIN,
  Scalar.QUOTE_SINGLE,
  Scalar.QUOTE_DOUBLE,
  Scalar.BLOCK_LITERAL,
  Scalar.BLOCK_FOLDED,
] as const

const word = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'abcXYZ019_.=&|!()<>"\'\\/'.split('')), minLength: 1, maxLength: 12 }),
  fc.constantFrom('ä', '\u{1F600}', '\u0007', '\u00a0', '#', ': ', '- '),
)
const gap = fc.constantFrom(' ', ' ', ' ', '  ', '\n', '\n\n', '\n   ', ' \n', '\t')

/** Words with blanks and line ends between them, and perhaps around. */
const value = fc
  .tuple(
    fc.constantFrom('', ' ', '\n'),
    fc.array(fc.tuple(word, gap), { minLength: 1, maxLength: 8 }),
    fc.constantFrom('', '\n'),
  )
  .map(([before, parts, after]) => before + parts.flat().join('').trimEnd() + after)

it('every character of a value is found where it stands in the file, however YAML writes it', () => {
  fc.assert(
    fc.property(
      value,
      fc.constantFrom(...TYPES),
      fc.constantFrom(0, 20, 40),
      fc.boolean(),
      (text, type, lineWidth, crlf) => {
        const scalar = new Scalar(text)
        scalar.type = type
        let file = new Document({ list: [{ key: scalar }] }).toString({ lineWidth, minContentWidth: 0 })
        if (crlf) file = file.replaceAll('\n', '\r\n')
        const node = parseDocument(file).getIn(['list', 0, 'key'], true)
        if (!isScalar(node) || typeof node.value !== 'string' || node.range === null || node.range === undefined) return
        const [start, end] = node.range
        const offsets = scalarOffsets(file, start, end, node.type ?? undefined, node.value)
        expect(offsets, file).toBeDefined()
        expect(offsets).toHaveLength(node.value.length + 1)
        let last = start
        for (const [i, offset] of (offsets ?? []).entries()) {
          expect(offset, file).toBeGreaterThanOrEqual(last)
          expect(offset, file).toBeLessThanOrEqual(end)
          last = offset
          const char = node.value[i]
          if (char === undefined || /\s/.test(char)) continue
          // Quoted, a character may be written as an escape: that is where it stands.
          expect(file[offset] === char || file[offset] === '\\', `${i} "${char}" at ${offset} of\n${file}`).toBe(true)
        }
      },
    ),
    { numRuns: 500 },
  )
})

it('each word is found at the very character', () => {
  const file = 'a: "x \\u0041 \\\n   y\n\n   z"\n'
  expect(scalarOffsets(file, 3, file.length - 1, Scalar.QUOTE_DOUBLE, 'x A y\nz')).toEqual([
    4, 5, 6, 12, 18, 19, 24, 25,
  ])
})

it('a value that is not the scalar’s has no places', () => {
  expect(scalarOffsets('a: bc', 3, 5, Scalar.PLAIN, 'xy')).toBeUndefined()
})

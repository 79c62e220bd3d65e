import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT } from '../../../agent/dev/tools.ts'
import { BESIDE, SECTIONS, THROUGH_HAPROXY } from './support/attack-coverage.ts'

const listed = Object.entries(SECTIONS).flatMap(([section, cases]) =>
  Array.from({ length: cases }, (_, i) => `${section}${i + 1}`),
)
const idsOf = ({ ids }: { readonly ids: string }): string[] => ids.split(/\s+/)

const textOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

/** Ids that stand in a text of the code; a comment runs nothing. */
function named(file: string): Set<string> {
  const lines = textOf(file)
    .split('\n')
    .filter((line) => !/^\s*(?:\/\/|\/?\*)/.test(line))
  const texts = lines.flatMap((line) => line.match(/(['"`]).*?\1/g) ?? [])
  return new Set(texts.flatMap((text) => text.match(/\b[A-Z]\d{1,2}\b/g) ?? []))
}

describe('the attack list', () => {
  it('goes through HAProxy case by case', () => {
    const covered = new Set(THROUGH_HAPROXY.flatMap(idsOf))
    expect(listed.filter((id) => !covered.has(id))).toEqual([])
    expect([...covered, ...BESIDE.flatMap(idsOf)].filter((id) => !listed.includes(id))).toEqual([])
  })

  it.each([...THROUGH_HAPROXY, ...BESIDE])('names its cases in $file', (coverage) => {
    const names = named(coverage.file)
    expect(idsOf(coverage).filter((id) => !names.has(id))).toEqual([])
  })

  it('names tests that exist: of HAProxy, but for what HAProxy does not show', () => {
    for (const { file, by } of [...THROUGH_HAPROXY, ...BESIDE]) {
      if (by !== undefined) expect(textOf(by)).toContain(basename(file))
    }
    const tests = THROUGH_HAPROXY.map(({ file, by }) => by ?? file)
    expect(tests.filter((file) => !/^test\/integration\/[\w-]+\.test\.ts$/.test(file))).toEqual([])
  })
})

import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

function measure(mode: string): { bytes: number; collections: number; acks: number } {
  const flags = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64']
  const script = fileURLToPath(new URL('support/allocation.ts', import.meta.url))
  return JSON.parse(execFileSync(process.execPath, [...flags, script, mode], { encoding: 'utf8' })) as ReturnType<
    typeof measure
  >
}

test('a NOTIFY with a synchronous handler allocates nothing on its way to the ACK', { timeout: 30_000 }, () => {
  const clean = measure('clean')
  expect(clean).toMatchObject({ collections: 0, acks: 60_000 })
  expect(clean.bytes).toBeLessThan(16)
  // The method must be able to see an allocation, or the line above proves nothing.
  expect(measure('dirty').bytes).toBeGreaterThan(32)
})

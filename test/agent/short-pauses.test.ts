import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT } from '../../agent/dev/tools.ts'
import { SHORT_PAUSES } from '../../agent/short-pauses.ts'

const node = (...args: readonly string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], { encoding: 'utf8' })

describe('short pauses', () => {
  it('are flags that this V8 has', () => {
    const known = node('--v8-options').stdout
    for (const flag of SHORT_PAUSES) expect(known).toContain(`\n  ${flag.replace('--no-', '--')} (`)
  })

  it('can be asked for when the process runs: what lives goes on living, and what is dead is collected', () => {
    const script = `
      const { keepPausesShort } = await import(${JSON.stringify(join(ROOT, 'agent/short-pauses.ts'))})
      keepPausesShort()
      const kept = []
      for (let i = 0; i < 300_000; i++) {
        const buffer = new Uint8Array(100)
        buffer[0] = i
        if (i % 1000 === 0) kept.push(buffer)
      }
      if (kept.some((buffer, i) => buffer[0] !== (i * 1000) % 256)) throw new Error('lost')
      console.log('lived', process.memoryUsage().arrayBuffers < 20e6)
    `
    expect(node('--input-type=module', '--eval', script)).toMatchObject({
      status: 0,
      stdout: 'lived true\n',
      stderr: '',
    })
  })
})

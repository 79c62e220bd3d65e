import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createServer } from 'node:net'
import { onTestFinished } from 'vitest'

/** Waits until the condition holds. How long it may take is the runner's business, so that a slow machine fails no test. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 10))
}

/** A folder of this test's own under the repository's `.data`, gone when the test has ended. */
export function tempFolder(): string {
  const data = join(import.meta.dirname, '../../../../.data')
  mkdirSync(data, { recursive: true })
  const folder = mkdtempSync(join(data, 'dispatch-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      )
    })
  })
}

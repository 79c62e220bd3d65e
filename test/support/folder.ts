import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { ROOT } from '../../agent/dev/tools.ts'

/** An empty folder inside the repository's `.data`; whoever asks for it removes it. */
export function newFolder(): string {
  const data = join(ROOT, '.data')
  mkdirSync(data, { recursive: true })
  return mkdtempSync(join(data, 'test-'))
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}

/** An empty folder of this test's own, gone when the test has ended. */
export function tempFolder(): string {
  const folder = newFolder()
  onTestFinished(() => removeFolder(folder))
  return folder
}

/** Runs `body` with an empty folder of its own, which is removed afterwards. */
export async function withFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = newFolder()
  try {
    return await body(folder)
  } finally {
    removeFolder(folder)
  }
}

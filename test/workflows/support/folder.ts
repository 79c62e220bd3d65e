import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'

const DATA = join(import.meta.dirname, '..', '..', '..', '.data')

/** Runs `body` with an empty folder of its own inside the repository, which is removed afterwards. */
export async function withFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(DATA, { recursive: true })
  const folder = await mkdtemp(join(DATA, 'workflows-'))
  try {
    return await body(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { FileWatch } from '../../../agent/reload/file-watch.ts'
import { tempFolder } from '../../support/folder.ts'
import { memoryLog } from '../identity/support/provider.ts'

function watched(path: string) {
  let changes = 0
  const log = memoryLog()
  const watch = new FileWatch({ path, changed: () => changes++, log })
  return { watch, log, changes: () => changes }
}

it('tells a change once, when two looks in a row see the same', async () => {
  const path = join(tempFolder(), 'agent.yaml')
  writeFileSync(path, 'a')
  const { watch, changes } = watched(path)
  for (let i = 0; i < 3; i++) await watch.look()
  expect(changes()).toBe(0)
  writeFileSync(path, 'half')
  await watch.look()
  writeFileSync(path, 'half and the rest')
  await watch.look()
  expect(changes()).toBe(0)
  for (let i = 0; i < 3; i++) await watch.look()
  expect(changes()).toBe(1)
})

it('sees a file that was renamed into place, and one of the same size', async () => {
  const folder = tempFolder()
  const path = join(folder, 'agent.yaml')
  writeFileSync(path, 'a')
  utimesSync(path, 1, 1)
  const { watch, changes } = watched(path)
  await watch.look()
  writeFileSync(join(folder, 'new'), 'b')
  utimesSync(join(folder, 'new'), 1, 1)
  renameSync(join(folder, 'new'), path)
  await watch.look()
  await watch.look()
  expect(changes()).toBe(1)
})

it("sees Kubernetes' swap of the folder that a link leads to", async () => {
  const folder = tempFolder()
  for (const version of ['one', 'two']) {
    mkdirSync(join(folder, version))
    writeFileSync(join(folder, version, 'agent.yaml'), version)
  }
  symlinkSync('one', join(folder, '..data'))
  symlinkSync('..data/agent.yaml', join(folder, 'agent.yaml'))
  const { watch, changes } = watched(join(folder, 'agent.yaml'))
  await watch.look()
  symlinkSync('two', join(folder, '..new'))
  renameSync(join(folder, '..new'), join(folder, '..data'))
  await watch.look()
  await watch.look()
  expect(changes()).toBe(1)
})

it('waits while the file is away, tells that once, and nothing after it was closed', async () => {
  const path = join(tempFolder(), 'agent.yaml')
  writeFileSync(path, 'a')
  const { watch, log, changes } = watched(path)
  await watch.start()
  rmSync(path)
  await watch.look()
  await watch.look()
  expect([changes(), log.lines.length]).toEqual([0, 1])
  writeFileSync(path, 'again')
  await watch.look()
  await watch.look()
  expect(changes()).toBe(1)
  watch.close()
  writeFileSync(path, 'once more')
  await watch.look()
  await watch.look()
  expect(changes()).toBe(1)
})

it('takes a file for changed that changed since it was read', async () => {
  const path = join(tempFolder(), 'agent.yaml')
  writeFileSync(path, 'a')
  let changes = 0
  const read = (readAt: number) => new FileWatch({ path, changed: () => changes++, log: memoryLog(), readAt })
  const before = read(Date.now() - 60_000)
  await before.look()
  await before.look()
  expect(changes).toBe(1)
  const after = read(Date.now() + 60_000)
  await after.look()
  await after.look()
  expect(changes).toBe(1)
})

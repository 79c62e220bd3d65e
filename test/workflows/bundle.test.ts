import { execFile } from 'node:child_process'
import { cp, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { bundledSources, workflowBundle } from '../../workflows/bundle.ts'
import { withFolder } from '../support/folder.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const run = promisify(execFile)

test('a bundle is built once, and by several callers at once into the same file', { timeout: 60_000 }, async () => {
  await withFolder(async (cacheFolder) => {
    const bundles = await Promise.all([workflowBundle({ cacheFolder }), workflowBundle({ cacheFolder })])
    expect(bundles[0]).toEqual(bundles[1])
    const before = await stat(bundles[0].codePath)
    expect(await workflowBundle({ cacheFolder })).toEqual(bundles[0])
    expect((await stat(bundles[0].codePath)).mtimeMs).toBe(before.mtimeMs)
    // Nothing half-written is left.
    expect(await readdir(cacheFolder)).toHaveLength(1)
  })
})

test('everything that workflow code imports is part of the hash', async () => {
  const sources = await bundledSources()
  for (const file of sources) {
    const text = await readFile(file, 'utf8')
    // `import type` leaves nothing in the bundle.
    const imports = [...text.matchAll(/^(?:import|export)(?! type).* from '(\..*)'/gm)]
    for (const [, path = ''] of imports) expect(sources, file).toContain(resolve(dirname(file), path))
  }
})

test('workflow code imports nothing but the workflow SDK, messages and its own', async () => {
  const files = (await bundledSources()).filter((file) => file.includes('/workflows/workflows/'))
  expect(files.length).toBeGreaterThan(5)
  for (const file of files) {
    const text = await readFile(file, 'utf8')
    const imports = [...text.matchAll(/^(?:import|export)(?! type)[^']* from '(.*)'/gm)].map((match) => match[1])
    for (const path of imports) {
      expect(path, file).toMatch(
        /^(@temporalio\/workflow|\.\/[\w-]+\.ts|\.\.\/\.\.\/agent\/messages\.ts|\.\.\/interceptors\/workflow-actor\.ts)$/,
      )
    }
  }
})

test(
  'a change of the sources makes another bundle; sources and emitted code both work',
  { timeout: 120_000 },
  async () => {
    await withFolder(async (folder) => {
      const sources = join(folder, 'sources')
      const shared = ['agent/messages.ts', 'agent/actor/proof.ts']
      for (const part of ['workflows', ...shared, 'tsconfig.json', 'tsconfig.build.json', 'package.json']) {
        await cp(join(ROOT, part), join(sources, part), { recursive: true })
      }
      await symlink(join(ROOT, 'node_modules'), join(sources, 'node_modules'))
      const build = async (script: string) => {
        const { stdout } = await run(process.execPath, [script], { cwd: sources })
        const bundles = stdout.trim().split('\n')
        expect(new Set(bundles.map(dirname)).size).toBe(1)
        // Webpack names the files in front of what they hold.
        const texts = await Promise.all(bundles.map((bundle) => readFile(bundle, 'utf8')))
        const holding = (name: RegExp) => texts.map((text) => name.test(text))
        expect(holding(/workflows\/versioned\.[jt]s/)).toEqual([false, true, false, true])
        expect(holding(/workflows\/failure-converter\.[jt]s/)).toEqual([false, false, true, true])
        return bundles[0] ?? ''
      }

      const first = await build('workflows/bundle.ts')
      expect(dirname(first)).toBe(join(sources, '.data'))
      expect(await build('workflows/bundle.ts')).toBe(first)
      const entity = join(sources, 'workflows/workflows/entity.ts')
      await writeFile(entity, `${await readFile(entity, 'utf8')}\n// changed\n`)
      expect(await build('workflows/bundle.ts')).not.toBe(first)

      await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], {
        cwd: sources,
      })
      const shipped = await build('dist/workflows/bundle.js')
      expect(dirname(shipped)).toBe(join(sources, 'dist'))
      expect(await readFile(shipped, 'utf8')).toContain('usageMeter')
      // A worker of the package finds the shipped bundle and builds none.
      const find = `import { workflowBundle } from './dist/workflows/bundle.js'; console.log((await workflowBundle()).codePath)`
      const found = await run(process.execPath, ['--input-type=module', '-e', find], { cwd: sources })
      expect(found.stdout.trim()).toBe(shipped)
    })
  },
)

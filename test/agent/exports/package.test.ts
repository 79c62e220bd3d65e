import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ROOT } from '../../../agent/dev/tools.ts'
import { codeBlocks, docsPage } from '../../support/docs.ts'
import { newFolder, removeFolder } from '../../support/folder.ts'

/** The package as npm makes it, in a project of somebody who has installed it. */

const run = promisify(execFile)
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { exports: Record<string, string> }
const MODULES = Object.keys(manifest.exports).filter((name) => !name.endsWith('.json'))
const nameOf = (module: string) => module.replace('.', 'haproxy-temporal')

const CODE = new Map(
  readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .flatMap((name) => codeBlocks(docsPage(name), 'ts').map((code, i) => [`${name.replace('.md', '')}-${i}`, code])),
)

let folder: string
beforeAll(async () => {
  folder = newFolder()
  await install(folder)
}, 300_000)
afterAll(() => removeFolder(folder))

/** Builds a copy of the sources, packs it, and unpacks it beside the modules that it wants. */
async function install(project: string): Promise<void> {
  const sources = join(project, 'sources')
  for (const part of ['agent', 'workflows', 'bin', 'package.json', 'tsconfig.json', 'tsconfig.build.json']) {
    cpSync(join(ROOT, part), join(sources, part), { recursive: true })
  }
  symlinkSync(join(ROOT, 'node_modules'), join(sources, 'node_modules'))
  // node-spoe is a package of its own, which is not built here: the agent's code finds its types in the sources.
  await run(process.execPath, [TSC, '-p', 'tsconfig.build.json', '--customConditions', 'node-spoe-source'], {
    cwd: sources,
  })
  const npm = ['--ignore-scripts', '--json', '--offline', '--cache', join(project, 'npm')]
  const { stdout } = await run('npm', ['pack', ...npm], { cwd: sources })
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
  const modules = join(project, 'node_modules')
  mkdirSync(modules)
  await run('tar', ['-xzf', join(sources, filename), '-C', project])
  cpSync(join(project, 'package'), join(modules, 'haproxy-temporal'), { recursive: true })
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
  }
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'shop', type: 'module' }))
}

/** What the compiler says of these files, which import the package by its name. Nothing when all is well. */
async function compile(name: string, files: Record<string, string>): Promise<string> {
  const place = join(folder, name)
  mkdirSync(place)
  for (const [file, code] of Object.entries(files)) writeFileSync(join(place, file), code)
  const compilerOptions = { module: 'nodenext', target: 'es2024', strict: true, types: ['node'], skipLibCheck: true }
  writeFileSync(join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  const { stdout } = await run(process.execPath, [TSC, '-p', place]).catch((error: { stdout: string }) => error)
  return stdout
}

describe('the package', { timeout: 300_000 }, () => {
  test('gives whoever imports a module by its name what its source exports, and nothing else', async () => {
    const names = MODULES.map((module) => `'${nameOf(module)}': Object.keys(await import('${nameOf(module)}')).sort()`)
    const script = `console.log(JSON.stringify({ ${names.join(', ')} }))`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: folder })
    const installed = JSON.parse(stdout) as Record<string, string[]>
    for (const module of MODULES) {
      const source = join(ROOT, manifest.exports[module]?.replace('./dist/', '').replace(/js$/, 'ts') ?? '')
      const exported = (await import(source)) as object
      expect(installed[nameOf(module)], module).toEqual(Object.keys(exported).sort())
      expect(installed[nameOf(module)]?.length, module).toBeGreaterThan(0)
    }
    const inside = `import 'haproxy-temporal/dist/workflows/codec.js'`
    const refused = run(process.execPath, ['--input-type=module', '-e', inside], { cwd: folder })
    await expect(refused).rejects.toMatchObject({ stderr: expect.stringContaining('ERR_PACKAGE_PATH_NOT_EXPORTED') })
  })

  test('brings types along', async () => {
    const wrong = MODULES.map((module, i) => `// @ts-expect-error\nimport { absent as a${i} } from '${nameOf(module)}'`)
    const right = `
      import { createWorkerHost } from 'haproxy-temporal/worker'
      import type { EdgeEvent } from 'haproxy-temporal/messages'
      import type { RequestHookResult } from 'haproxy-temporal/workflows'
      import type { Handler } from 'haproxy-temporal/activity'
      export const text: (event: EdgeEvent, result: RequestHookResult) => string = (event, result) => event.id + result.handledBy
      export const handler: Handler = async (event) => ({ path: event.request.path })
      // @ts-expect-error: a handler's output is plain
      export const wrong: Handler = async () => 7
      // @ts-expect-error: an address is a text
      createWorkerHost({ address: 7 })
    `
    expect(await compile('types', { 'wrong.ts': wrong.join('\n'), 'right.ts': right })).toBe('')
  })

  test('is what the documentation says: its code compiles, and every module is in the table', async () => {
    const files = [...CODE].map(([name, code]): [string, string] => [
      `${name}.ts`,
      // Blocks of one page are files of one project, which are told by their number here.
      code.replaceAll("'./activities.js'", "'./workflows-1.js'"),
    ])
    expect(files.length).toBeGreaterThan(7)
    expect(await compile('docs', Object.fromEntries(files))).toBe('')
    for (const module of MODULES) expect(docsPage('workflows.md')).toContain(`| \`${nameOf(module)}\` |`)
  })

  test('works in the sandbox of workflows', async () => {
    const { WORKFLOW_INTERCEPTORS } = (await import(
      join(folder, 'node_modules/haproxy-temporal/dist/agent/exports/worker.js')
    )) as { WORKFLOW_INTERCEPTORS: string }
    const code = `export * from 'haproxy-temporal/workflows'\n${CODE.get('workflows-0')}`
    writeFileSync(join(folder, 'workflows.ts'), code)
    const bundle = await bundleWorkflowCode({
      workflowsPath: join(folder, 'workflows.ts'),
      workflowInterceptorModules: [WORKFLOW_INTERCEPTORS],
      logger: new DefaultLogger('ERROR'),
    })
    for (const part of ['exportOrders', 'usageMeter', 'serveInbox', 'dist/workflows/interceptors/workflow.js']) {
      expect(bundle.code).toContain(part)
    }
    // Two copies of this module would be two callers: the interceptor's, and none.
    expect(bundle.code.match(/^\/\*\*\*\/ "[^"]*interceptors\/workflow-actor\.js"/gm)).toHaveLength(1)
  })
})

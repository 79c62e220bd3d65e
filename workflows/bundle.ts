import { createHash, randomUUID } from 'node:crypto'
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, extname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker'
import { FAILURE_CONVERTER } from './codec.ts'
import { WORKFLOW_INTERCEPTORS } from './interceptors-module.ts'

/** `.ts` when Node runs the sources, `.js` in the emitted package: tsc does not rewrite paths in strings. */
const extension = extname(fileURLToPath(import.meta.url))
const here = dirname(fileURLToPath(import.meta.url))
/** `workflows/` and `agent/` side by side: the repository, or `dist/` of the package. */
const sourceRoot = dirname(here)
const emitted = extension === '.js' && basename(sourceRoot) === 'dist'

/** A built package brings its bundle along; what has to be built on the spot goes where the process keeps its data. */
const shippedFolder = emitted ? sourceRoot : undefined
const defaultCacheFolder = emitted ? resolve('.data') : join(sourceRoot, '.data')

export interface WorkflowBundleOptions {
  /** Where bundles are kept. Default: `.data/` of the repository, or of the working folder when installed as a package. */
  readonly cacheFolder?: string
  /** For workers that are versions of a deployment, see workflows/versioned.ts. */
  readonly versioned?: boolean
  /** For workers with encrypted payloads: texts of errors of workflow code become payloads too, see failure-converter.ts. */
  readonly encrypted?: boolean
}

export interface WorkflowBundle {
  /** Absolute path of the bundle, for the worker's `workflowBundle`. */
  readonly codePath: string
}

/**
 * The workflows as one file, built now (about a second) unless a bundle of the very same sources is there. Its name holds
 * a hash of everything that goes into it, so a bundle is never stale; several processes may build it at once.
 *
 * @throws Error when the sources do not compile or the cache folder cannot be written
 */
export async function workflowBundle(options: WorkflowBundleOptions = {}): Promise<WorkflowBundle> {
  const { versioned = false, encrypted = false } = options
  const variant = `${versioned ? 'versioned-' : ''}${encrypted ? 'encrypted-' : ''}`
  const name = `workflow-bundle-${variant}${await hashSources()}.js`
  const codePath = resolve(options.cacheFolder ?? defaultCacheFolder, name)
  for (const path of shippedFolder === undefined ? [codePath] : [codePath, join(shippedFolder, name)]) {
    if (await exists(path)) return { codePath: path }
  }

  const { code } = await bundleWorkflowCode({
    workflowsPath: join(here, 'workflows', `${versioned ? 'versioned' : 'index'}${extension}`),
    workflowInterceptorModules: [WORKFLOW_INTERCEPTORS],
    ...(encrypted && { failureConverterPath: FAILURE_CONVERTER }),
    // Webpack's report of a good build is noise; what goes wrong comes as an exception.
    logger: new DefaultLogger('ERROR'),
  })
  await writeAtomically(codePath, code)
  return { codePath }
}

/** Every file that may be part of the bundle, as absolute paths in a fixed order. */
export async function bundledSources(): Promise<string[]> {
  const folders = [join(here, 'workflows'), join(here, 'interceptors')]
  const listings = await Promise.all(
    folders.map(async (folder) => {
      const names = await readdir(folder, { recursive: true })
      // Declarations lie beside emitted code and are not part of a bundle.
      return names.filter((name) => extname(name) === extension && !name.endsWith('.d.ts')).map((n) => join(folder, n))
    }),
  )
  return [join(sourceRoot, 'agent', `messages${extension}`), FAILURE_CONVERTER, ...listings.flat()].sort()
}

async function hashSources(): Promise<string> {
  const hash = createHash('sha256')
  // The bundle holds the workflow half of the SDK, and must fit the half outside the sandbox.
  hash.update(sdkVersion())
  for (const file of await bundledSources()) {
    const content = await readFile(file)
    hash.update(`\0${relative(sourceRoot, file)}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex').slice(0, 16)
}

function sdkVersion(): string {
  const { version } = createRequire(import.meta.url)('@temporalio/worker/package.json') as { version: string }
  return version
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Readers see the whole file or none: they may look while it is written, and the writer may die. */
async function writeAtomically(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const draft = `${path}.${randomUUID()}.tmp`
  try {
    await writeFile(draft, content)
    await rename(draft, path)
  } finally {
    await rm(draft, { force: true })
  }
}

// `node workflows/bundle.ts [FOLDER]`: builds ahead and prints where the bundles are, the one of workers without a version
// and without keys first. Run on emitted code it puts them where the package ships them.
if (import.meta.main) {
  const cacheFolder = process.argv[2] ?? shippedFolder ?? defaultCacheFolder
  for (const encrypted of [false, true]) {
    for (const versioned of [false, true]) {
      console.log((await workflowBundle({ cacheFolder, versioned, encrypted })).codePath)
    }
  }
}

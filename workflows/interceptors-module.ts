import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The module that carries the caller's identity through workflows, as a path: for `workflowInterceptorModules` of a bundle
 * and `interceptors.workflowModules` of a worker, which take no functions, because they load it into the sandbox.
 */
export const WORKFLOW_INTERCEPTORS = fileURLToPath(
  new URL(`interceptors/workflow${extname(fileURLToPath(import.meta.url))}`, import.meta.url),
)

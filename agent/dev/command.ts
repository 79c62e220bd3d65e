import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ManagedProcess, waitUntil } from './process.ts'

/** Our own command in a process of its own, as it would run in production. */
export function startCommand(
  name: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  folder: string,
): ManagedProcess {
  const main = fileURLToPath(new URL(`../cli/main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url))
  return new ManagedProcess({
    name,
    command: process.execPath,
    args: ['--conditions=node-spoe-source', '--disable-warning=ExperimentalWarning', main, ...args],
    // The compiler of the workflow bundle would unpack itself into ~/.cache: what dev writes belongs into its folder.
    env: { SWC_NATIVE_BINDING_CACHE: process.env['SWC_NATIVE_BINDING_CACHE'] ?? resolve(folder, 'swc'), ...env },
    logFile: join(folder, `${name}.log`),
  })
}

/** Waits until the agent says that it is ready. */
export async function agentReady(agent: ManagedProcess, adminUrl: string): Promise<void> {
  await waitUntil('the agent to be ready', () => isReady(`${adminUrl}/readyz`), agent)
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}

import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { ROOT } from '../../../agent/dev/tools.ts'
import { tempFolder } from '../../support/folder.ts'

vi.setConfig({ testTimeout: 60_000 })

interface Options {
  readonly onTerminal: boolean
  /** The work ends when this was shown; at once without it. */
  readonly until?: string
}

/** What is shown while work is done that lets nothing else happen in its thread. */
async function shown({ onTerminal, until }: Options): Promise<string> {
  const folder = tempFolder()
  const [file, end] = [join(folder, 'work.ts'), join(folder, 'end')]
  if (until === undefined) writeFileSync(end, '')
  writeFileSync(
    file,
    `import { existsSync } from 'node:fs'
import { withProgress } from '${join(ROOT, 'agent/cli/progress.ts')}'
await withProgress('counting', async () => {
  while (!existsSync('${end}'));
})
console.log('done')
`,
  )
  const node = `${process.execPath} --conditions=node-spoe-source --disable-warning=ExperimentalWarning ${file} 2>&1`
  const [program, ...args] = onTerminal ? ['script', '-qec', node, '/dev/null'] : ['sh', '-c', node]
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let told = ''
  child.stdout.on('data', (chunk: Buffer) => {
    told += chunk.toString()
    if (until !== undefined && told.includes(until)) writeFileSync(end, '')
  })
  await new Promise((resolve) => child.once('close', resolve))
  return told
}

it('tells on a terminal that it goes on, although nothing else happens, and clears the line', async () => {
  const told = await shown({ onTerminal: true, until: 'counting: 2 s' })
  expect(told).toContain('\r\x1b[Kcounting: 1 s')
  expect(told).toMatch(/\r\x1b\[Kdone\r\n$/)
})

it('says nothing of work that is done at once, nor where no terminal is', async () => {
  expect(await shown({ onTerminal: true })).toBe('done\r\n')
  expect(await shown({ onTerminal: false })).toBe('done\n')
})

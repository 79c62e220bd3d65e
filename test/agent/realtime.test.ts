import { spawnSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ROOT } from '../../agent/dev/tools.ts'
import { tempFolder } from '../support/folder.ts'

/** Policies of sched(7) by thread, as /proc tells of them: the 41st field. */
const SCRIPT = `
  import { readdirSync, readFileSync } from 'node:fs'
  import { Worker } from 'node:worker_threads'
  const { runInRealTime } = await import(${JSON.stringify(join(ROOT, 'agent/realtime.ts'))})
  const reason = runInRealTime()
  const worker = new Worker('setInterval(() => {}, 1000)', { eval: true })
  await new Promise((resolve) => worker.once('online', resolve))
  const policyOf = (tid) => Number(readFileSync('/proc/self/task/' + tid + '/stat', 'utf8').split(') ').at(-1).split(' ')[38])
  const others = readdirSync('/proc/self/task').filter((tid) => tid !== String(process.pid))
  console.log(JSON.stringify({ reason, main: policyOf(process.pid), others: [...new Set(others.map(policyOf))] }))
  await worker.terminate()
`
const run = (script: string, env = {}): unknown => {
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', script]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, ...env } })
  return JSON.parse(stdout === '' ? JSON.stringify(stderr) : stdout)
}

it.runIf(process.platform === 'linux')('the thread that decides runs in real time, and no other one', () => {
  const found = run(SCRIPT) as { reason?: string }
  // Not everybody may: then everything is as it was, and it is said why.
  expect(found).toEqual(
    found.reason === undefined
      ? { main: 2, others: [0] }
      : { reason: expect.stringMatching(/./), main: 0, others: [0] },
  )
})

it.runIf(process.platform === 'linux')('without chrt it is said that there is none, and the agent goes on', () => {
  expect(run(SCRIPT, { PATH: '/nowhere' })).toEqual({
    reason: expect.stringContaining('ENOENT'),
    main: 0,
    others: [0],
  })
})

it.runIf(process.platform === 'linux')('of BusyBox, whose usage is no reason, it is said what to install', () => {
  const folder = tempFolder()
  const chrt = join(folder, 'chrt')
  // As it answers to any option that it does not know.
  const usage = [
    'chrt: unrecognized option: rr',
    'BusyBox v1.37.0 multi-call binary.',
    '',
    'Usage: chrt -m | -p [PRIO] PID',
  ]
  writeFileSync(chrt, `#!/bin/sh\nprintf '%s\\n' ${usage.map((line) => `'${line}'`).join(' ')} >&2\nexit 1\n`)
  chmodSync(chrt, 0o755)
  const path = `${folder}:${process.env['PATH']}`
  expect(run(SCRIPT, { PATH: path })).toEqual({
    reason: 'chrt of BusyBox cannot leave later threads out: install that of util-linux',
    main: 0,
    others: [0],
  })
})

import { Command } from 'commander'
import type { ReloadProblem } from '../reload/problems.ts'
import { configOption, jsonOption } from './options.ts'

interface Options {
  readonly config: string
  readonly admin: string | undefined
  readonly json: boolean
}

/** What `POST /reload` answers, in all its forms. */
interface Answer {
  readonly reloaded?: boolean
  readonly generation?: number
  readonly replaced?: boolean
  readonly pendingRestart?: readonly string[]
  readonly problems?: readonly ReloadProblem[]
  readonly message?: string
  readonly hint?: string
}

/** `haproxy-temporal reload`: `POST /reload` of the agent on this machine. */
export function reloadCommand(): Command {
  return new Command('reload')
    .description('make the running agent read its configuration again')
    .addOption(configOption())
    .option('--admin <url>', 'its admin server; default: admin.listen of the configuration')
    .addOption(jsonOption())
    .action(async ({ config: file, admin, json }: Options) => {
      const [{ adminToken, adminUrl }, { loadConfig }, { UserError }, { placed }] = await Promise.all([
        import('../admin/address.ts'),
        import('../config/load.ts'),
        import('../errors.ts'),
        import('../reload/problems.ts'),
      ])
      // Where it is wrong, this tells at once, and the agent is left alone.
      const { config } = loadConfig(file)
      const url = admin ?? adminUrl(config)
      if (url === undefined) throw new UserError('CONFIG_MISSING', `${file} has no "admin": send SIGHUP to the agent`)
      const token = adminToken(config)
      const response = await fetch(new URL('/reload', url), {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
      })
      const answer = (await response.json()) as Answer
      if (!response.ok) process.exitCode = 1
      if (json) console.log(JSON.stringify({ ok: response.ok, ...answer }))
      else for (const line of linesOf(answer, placed)) (response.ok ? console.log : console.error)(line)
    })
}

function linesOf(answer: Answer, placed: (problem: ReloadProblem) => string): string[] {
  if (answer.reloaded === undefined) return [`refused: ${answer.message ?? ''}`, `  hint: ${answer.hint ?? ''}`]
  if (!answer.reloaded) {
    const problems = (answer.problems ?? []).flatMap((problem) => [placed(problem), `  hint: ${problem.hint}`])
    return [...problems, `generation ${answer.generation} stays in force`]
  }
  const pending = answer.pendingRestart ?? []
  return [
    `generation ${answer.generation} is in force${answer.replaced === true ? '' : ', as before'}`,
    ...(pending.length === 0 ? [] : [`these keys need a restart: ${pending.join(', ')}`]),
  ]
}

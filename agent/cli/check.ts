import { Command } from 'commander'
import { renderProblem } from '../config/problem.ts'
import type { CheckedFiles } from '../lint/check.ts'
import { configOption, haproxyOption, jsonOption, spoeOption } from './options.ts'

interface Options extends CheckedFiles {
  readonly json: boolean
}

export function checkCommand(): Command {
  return new Command('check')
    .description('check agent.yaml, haproxy.cfg and spoe.conf, each and against each other')
    .addOption(configOption())
    .addOption(haproxyOption())
    .addOption(spoeOption())
    .addOption(jsonOption())
    .action(async (options: Options) => {
      const { check, countProblems } = await import('../lint/check.ts')
      const { problems, haproxy } = check(options)
      const ok = problems.every((found) => found.severity !== 'error')
      if (options.json) console.log(JSON.stringify({ ok, problems, haproxy }))
      else {
        for (const found of problems) console.log(renderProblem(found))
        const witness = haproxy === null ? 'there is no HAProxy here to ask' : `HAProxy ${haproxy} was asked`
        console.log(`${options.config}, ${options.haproxy}, ${options.spoe}: ${countProblems(problems)}; ${witness}`)
      }
      process.exitCode = ok ? 0 : 1
    })
}

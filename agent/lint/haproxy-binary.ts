import { spawnSync } from 'node:child_process'
import { problem, type Problem } from '../config/problem.ts'

/**
 * What HAProxy itself says about its configuration: every `[ALERT]` and `[WARNING]` line of `haproxy -c`.
 * @param env added to the environment, for `presetenv` variables
 */
export function askHaproxy(binary: string, file: string, env: Readonly<Record<string, string>> = {}): Problem[] {
  const result = spawnSync(binary, ['-c', '-f', file], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 30_000,
  })
  if (result.error !== undefined) throw result.error
  const problems = `${result.stdout}\n${result.stderr}`.split('\n').flatMap((line) => parseMessage(file, line))
  if (result.status !== 0 && problems.length === 0) {
    problems.push(
      problem({
        code: 'HAPROXY_REFUSES',
        file,
        line: 0,
        column: 0,
        message: `haproxy -c ended with ${result.status ?? result.signal}`,
      }),
    )
  }
  return problems
}

/** `[ALERT]    (123) : config : parsing [haproxy.cfg:12] : unknown keyword …` */
function parseMessage(file: string, text: string): Problem[] {
  const message = /^\[(ALERT|WARNING)\]\s*\(\d+\) : (?:config : )?(.*)$/.exec(text)
  if (message === null) return []
  const [, level, rest = ''] = message
  const place = /parsing \[([^\]]+):(\d+)\]\s*:?\s*(.*)$/.exec(rest)
  const severity = level === 'ALERT' ? 'error' : 'warning'
  // The last lines of a failed check only sum up the ones before.
  if (place === null && /^(?:Error\(s\) found|Fatal errors found|config : )/.test(rest)) return []
  return [
    problem({
      code: severity === 'error' ? 'HAPROXY_REFUSES' : 'HAPROXY_WARNS',
      severity,
      file: place?.[1] ?? file,
      line: Number(place?.[2] ?? 0),
      column: place === null ? 0 : 1,
      message: place?.[3] ?? rest,
    }),
  ]
}

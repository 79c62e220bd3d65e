import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { problem, type Problem } from '../config/problem.ts'

const CERTIFICATE_HINT = 'Set TLS_CERT, or run "make demo" once for a development certificate.'

/**
 * What HAProxy itself says about its configuration: every `[ALERT]` and `[WARNING]` line of `haproxy -c`.
 * @param env added to the environment, for `presetenv` variables
 * @param names what the user calls a file that HAProxy knows by another path
 */
export function askHaproxy(
  binary: string,
  file: string,
  env: Readonly<Record<string, string>> = {},
  names: Readonly<Record<string, string>> = {},
): Problem[] {
  const result = spawnSync(binary, ['-c', '-f', file], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 30_000,
  })
  if (result.error !== undefined) throw result.error
  const output = Object.entries(names).reduce(
    (text, [path, name]) => text.replaceAll(path, () => name),
    `${result.stdout}\n${result.stderr}`,
  )
  const problems = output.split('\n').flatMap((line) => parseMessage(file, line))
  if (result.status !== 0 && problems.every(({ severity }) => severity === 'warning')) {
    const message = `haproxy -c ended with ${result.status ?? result.signal}`
    problems.push(problem({ code: 'HAPROXY_REFUSES', file, line: 0, column: 0, message }))
  }
  return problems
}

/** The last lines of a failed check, and the one about the file that includes another, only sum up those before. */
const SUMMARY =
  /^(?:'filter' : '?)?(?:Error\(s\) found in configuration file|Fatal errors found|Failed to initialize server\(s\) addr)/

/** `[ALERT]    (123) : config : parsing [haproxy.cfg:12] : unknown keyword …` */
function parseMessage(file: string, text: string): Problem[] {
  const message = /^\[(ALERT|WARNING)\]\s*\(\d+\) : (?:config : )?(.*)$/.exec(text)
  if (message === null) return []
  const severity = message[1] === 'ALERT' ? 'error' : 'warning'
  const { place, rest } = splitPlace(message[2] ?? '')
  if (SUMMARY.test(rest)) return []
  const source = place === undefined ? undefined : sourceLine(place)
  return [
    problem({
      code: severity === 'error' ? 'HAPROXY_REFUSES' : 'HAPROXY_WARNS',
      severity,
      file: place?.file ?? file,
      line: place?.line ?? 0,
      column: place === undefined ? 0 : 1,
      message: rest,
      ...(source !== undefined && { source, length: source.length }),
      ...(rest.includes('unable to stat SSL certificate') && { hint: CERTIFICATE_HINT }),
    }),
  ]
}

interface Place {
  readonly file: string
  readonly line: number
}

/**
 * A place stands in front, `parsing [haproxy.cfg:12] :` or `[haproxy.cfg:12] :`, sometimes twice; or it is only told:
 * `… declared at spoe.conf:3.`
 */
function splitPlace(message: string): { place: Place | undefined; rest: string } {
  let place: Place | undefined
  let rest = message
  for (;;) {
    const front = /^(?:parsing )?\[([^\]]+):(\d+)\]\s*:?\s*/i.exec(rest)
    if (front === null) break
    place = { file: front[1] ?? '', line: Number(front[2]) }
    rest = rest.slice(front[0].length)
  }
  if (place !== undefined) return { place, rest }
  const told = /\bat (\S+):(\d+)\b/.exec(rest)
  const there = { file: told?.[1] ?? '', line: Number(told?.[2]) }
  // It may be an address as well.
  return { place: told === null || sourceLine(there) === undefined ? undefined : there, rest }
}

function sourceLine({ file, line }: Place): string | undefined {
  try {
    return readFileSync(file, 'utf8').split('\n')[line - 1]?.trimEnd()
  } catch {
    // HAProxy may name a file by a path of its own: then its place has to do.
    return undefined
  }
}

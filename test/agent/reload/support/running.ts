import { join } from 'node:path'
import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { type RunningAgent, startAgent } from '../../../../agent/agent.ts'
import { parseConfig } from '../../../../agent/config/load.ts'
import { validConfigOf } from '../../../../agent/reload/valid-config.ts'
import { connect } from '../../../../node-spoe/src/client/index.ts'
import { tempFolder } from '../../../support/folder.ts'

/** An agent in this process, whose file is a text that a test changes. */
export interface Running {
  readonly agent: RunningAgent
  readonly folder: string
  /** Lines of the log. */
  readonly lines: Record<string, unknown>[]
  /** What the file says from now on: all but what every configuration of these tests has. */
  readonly write: (yaml: string) => void
  /** Variables of the answer to a GET. */
  readonly ask: (path: string, token?: string) => Promise<Record<string, unknown>>
  /** The body of a page of the admin server. */
  readonly page: (path: string) => Promise<string>
}

export async function running(yaml: string, warmMs = 300): Promise<Running> {
  const folder = tempFolder()
  const whole = (text: string): string => `version: 1
spop: { listen: "tcp://127.0.0.1:0", deadline: 10s, drain: 0s }
admin: { listen: "tcp://127.0.0.1:0" }
temporal: { address: "127.0.0.1:1" }
outbox: { path: "${join(folder, 'outbox.db')}", drain: 0s }
${text}`
  let file = whole(yaml)
  const parse = () => parseConfig('agent.yaml', file, { FOLDER: folder })
  const lines: Record<string, unknown>[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line) as never) })
  const agent = await startAgent(parse(), log, { load: async () => validConfigOf(parse()), warmMs })
  onTestFinished(() => agent.stop())
  let session: ReturnType<typeof connect> | undefined
  return {
    agent,
    folder,
    lines,
    write: (text) => (file = whole(text)),
    async ask(path, token) {
      session ??= connect(agent.spop[0] ?? '')
      const credentials = token === undefined ? { auth_count: 0 } : { auth: `Bearer ${token}`, auth_count: 1 }
      const ack = await (
        await session
      ).notify({
        check: {
          id: `r-${Math.random()}`,
          method: 'GET',
          host: 'api.example',
          path,
          query: '',
          src: { ip: '10.0.0.1' },
          tls: true,
          ...credentials,
        },
      })
      return Object.fromEntries(ack.actions.flatMap((a) => (a.action === 'set-var' ? [[a.name, a.value]] : [])))
    },
    page: async (path) => (await fetch(`${agent.admin}${path}`)).text(),
  }
}

import { existsSync, readFileSync, statSync } from 'node:fs'
import type { AgentConfig } from '../config/schema.ts'
import { loadConfig } from '../config/load.ts'
import { DispatchError, type DispatchErrorCode, messageOf } from '../dispatch/errors.ts'
import type { OutboxAnswer, OutboxRequest } from '../dispatch/store/outbox-calls.ts'
import { UserError } from '../errors.ts'
import { adminToken, adminUrl } from '../admin/address.ts'
import { AdminOutbox } from './outbox-admin.ts'
import { FileOutbox } from './outbox-file.ts'

/** Who answers: the agent that runs, or the file itself. */
export interface OutboxSource {
  readonly source: 'agent' | 'file'
  /** Its admin server, or the path of the file. */
  readonly place: string
  /** Names of all rules; undefined where the agent knows them itself. */
  readonly rules?: readonly string[]
  /** @throws {UserError} when there is no answer, or the caller is refused */
  ask(request: OutboxRequest): Promise<OutboxAnswer>
  close(): void
}

export interface SourceOptions {
  /** agent.yaml. */
  readonly config: string
  /** URL of the admin server to ask, whatever agent.yaml says. */
  readonly admin?: string
  /** File with its token, instead of `admin.token`. */
  readonly tokenFile?: string
  /** The outbox file, whatever agent.yaml says: no agent is asked. */
  readonly file?: string
}

/**
 * The outbox of the agent with this configuration: by its admin server while it runs, which is when it holds the lock of
 * the file, and the file itself otherwise.
 *
 * @throws {UserError} with what to do; {ConfigError} when agent.yaml is needed and wrong
 */
export async function openSource({ config: configFile, admin, tokenFile, file }: SourceOptions): Promise<OutboxSource> {
  const given = tokenFile === undefined ? undefined : readFileSync(tokenFile, 'utf8').trim()
  if (admin !== undefined) return new AdminOutbox(admin, given ?? adminToken(loadConfig(configFile).config))
  const { config } = loadConfig(configFile)
  const path = file ?? config.outbox.path
  try {
    return await openFile(path, config)
  } catch (error) {
    if (!isLocked(error)) throw explained(error, path)
    if (file !== undefined) throw new UserError('OUTBOX_LOCKED', `${path} is in use`)
  }
  const url = adminUrl(config)
  if (url === undefined) throw new UserError('OUTBOX_NO_ADMIN', `${path} is in use, and ${configFile} has no "admin"`)
  return new AdminOutbox(url, given ?? adminToken(config), path)
}

async function openFile(path: string, config: AgentConfig): Promise<OutboxSource> {
  if (!existsSync(path)) throw new UserError('OUTBOX_MISSING', `there is no ${path}`)
  const { uid } = statSync(path)
  // Files that come into being beside it would be closed to the agent.
  if (process.getuid !== undefined && process.getuid() !== uid) {
    throw new UserError('OUTBOX_UNUSABLE', `${path} belongs to another user (uid ${uid})`)
  }
  return FileOutbox.open(path, config)
}

function isLocked(error: unknown): boolean {
  return error instanceof DispatchError && error.code === 'DISPATCH_OUTBOX_LOCKED'
}

/** As the agent's log says it, but for what the agent does then: here the file stays as it is. */
const WHY: Partial<Record<DispatchErrorCode, string>> = {
  DISPATCH_OUTBOX_CORRUPT: 'is damaged',
  DISPATCH_OUTBOX_NEWER: 'was written by a newer release',
  DISPATCH_OUTBOX_FULL: 'is on a disk without room',
}

/** What SQLite and the file system throw has neither code nor hint of ours. */
function explained(error: unknown, path: string): Error {
  if (error instanceof UserError) return error
  const why = error instanceof DispatchError ? WHY[error.code] : undefined
  const text = why === undefined ? `${path}: ${messageOf(error)}` : `${path} ${why}`
  return new UserError('OUTBOX_UNUSABLE', text, { cause: error })
}

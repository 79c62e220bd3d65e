import type { LoadedConfig } from '../../config/load.ts'
import { UserError } from '../../errors.ts'
import { readLog } from './read.ts'
import { OTHER, type RecordedRequest } from './recorded.ts'

/**
 * The record of a request, by its unique-id or by the id of its event, `rule/unique-id`.
 * @throws {UserError} EXPLAIN_NOT_FOUND when the file has none; EXPLAIN_INPUT when it cannot be read
 */
export async function findRecord(file: string, id: string): Promise<RecordedRequest> {
  for await (const read of readLog(file)) {
    if (read === 'unparsable' || read === OTHER || read.request.id === undefined) continue
    if (read.request.id === id || id.endsWith(`/${read.request.id}`)) return read
  }
  throw new UserError('EXPLAIN_NOT_FOUND', `${file} has no request ${id}`)
}

/** The file where the agent puts its records. @throws {UserError} EXPLAIN_INPUT when agent.yaml names none */
export function auditFileOf({ config, document }: LoadedConfig): string {
  const { audit } = config
  if (audit === undefined || audit.to === 'stdout') {
    const what = audit === undefined ? 'keeps no audit records' : 'writes its audit records to standard output'
    throw new UserError(
      'EXPLAIN_INPUT',
      `${document.file} ${what}: name a file of them, or the log of HAProxy, with --log`,
    )
  }
  return audit.to.file
}

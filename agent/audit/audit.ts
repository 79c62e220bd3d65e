import type { AuditSettings } from '../config/audit.ts'
import type { SchemeContext } from '../identity/scheme.ts'
import { PseudonymKey } from '../identity/pseudonym.ts'
import { SecretSource } from '../secrets/secret-file.ts'
import type { AuditDecision } from './decision.ts'
import { LineFile } from './line-file.ts'
import { toOcsf } from './ocsf.ts'
import { recordBuilder, toEcs } from './record.ts'
import { isSampled } from './sample.ts'
import { BatchWriter, type WriterStatus } from './writer.ts'

/** Milliseconds to write what waits on a stop. */
const CLOSE_MS = 2000

export interface AuditStatus extends WriterStatus {
  /** Allows that the settings leave out. */
  readonly sampledOut: number
  /** Why the key of pseudonyms cannot be read; absent when it can. */
  readonly keyError?: string
}

/** Where decisions are put on record. */
export interface AuditSink {
  /** Records a decision. Costs a push; never throws. */
  decision(record: AuditDecision): void
  /** Begins to watch the file of the key. Resolves when it was read. */
  start(): Promise<void>
  /** Opens the file anew, for rotation by signal; without it a file that was moved is noticed within a second. */
  reopen(): void
  status(): AuditStatus
  /** Writes what waits, for at most two seconds. Never rejects. */
  close(): Promise<void>
}

/** The audit stream of agent.yaml. */
export function createAudit(settings: AuditSettings, { log, monotonicMs }: SchemeContext): AuditSink {
  const secret = settings.pseudonyms === undefined ? undefined : new SecretSource(settings.pseudonyms.secret, log)
  const key = secret === undefined ? undefined : new PseudonymKey(settings.pseudonyms?.keyId ?? '', secret)
  const build = recordBuilder(settings, { pseudonymise: settings.pseudonymise, key })
  const shape = settings.format === 'ocsf' ? toOcsf : toEcs
  const out = new LineFile(settings.to === 'stdout' ? undefined : settings.to.file, monotonicMs)
  const writer = new BatchWriter<AuditDecision>({
    out,
    log,
    maxQueue: settings.maxQueue,
    format: (record) => JSON.stringify(shape(build(record))),
  })
  const share = settings.allow === 'all' ? 1 : settings.allow === 'none' ? 0 : settings.allow
  let sampledOut = 0
  return {
    decision(record) {
      // Denials, and allows without proof, are never left out.
      if (record.decision.reason === 'ok' && share < 1 && !isSampled(record.request.id, share)) sampledOut++
      else writer.push(record)
    },
    start: async () => await secret?.start(),
    reopen: () => out.reopen(),
    status: () => ({
      ...writer.status(),
      sampledOut,
      ...(secret?.lastError === undefined ? {} : { keyError: secret.lastError }),
    }),
    close: async () => {
      await writer.close(CLOSE_MS)
      secret?.close()
    },
  }
}

import type { AuditSettings } from '../config/audit.ts'
import { pseudonym } from '../identity/pseudonym.ts'
import type { AuditDecision } from './decision.ts'
import { type Field, type FieldContext, FIELDS, type FieldName, fieldNames, type FieldValue } from './fields.ts'

/** A record by field name; `client.address` takes the place of a hashed `client.ip`. */
export type AuditRecord = Partial<Record<FieldName | 'client.address', FieldValue>>

export type RecordSettings = Pick<AuditSettings, 'fields' | 'redact' | 'pseudonymise'>

/** Makes records of decisions, with the fields that the settings leave. */
export function recordBuilder(settings: RecordSettings, context: FieldContext): (of: AuditDecision) => AuditRecord {
  const asked = new Set<string>(settings.fields)
  const redact: Readonly<Record<string, 'drop' | 'hash' | undefined>> = settings.redact
  const plan = fieldNames
    .map((name) => ({ name, field: FIELDS[name] as Field, redaction: redact[name] }))
    .filter(({ name, field, redaction }) => redaction !== 'drop' && (field.optional !== true || asked.has(name)))

  return (decision) => {
    const record: AuditRecord = {}
    for (const { name, field, redaction } of plan) {
      const value = field.read(decision, context)
      if (value === undefined) continue
      if (redaction === undefined) record[name] = value
      // Where an address is expected, a hash would have the whole record refused.
      else record[name === 'client.ip' ? 'client.address' : name] = hashed(name, value, context)
    }
    return record
  }
}

function hashed(name: string, value: FieldValue, { key }: FieldContext): FieldValue {
  if (key === undefined || value === undefined) return undefined
  if (typeof value === 'object') return value.flatMap((one) => pseudonym(key, name, '', one) ?? [])
  return pseudonym(key, name, '', String(value))
}

/** A record as ECS writes it: `user.id` is a member of `user`. */
export function toEcs(record: AuditRecord): Record<string, unknown> {
  const nested: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(record)) {
    if (value === undefined) continue
    const path = name.split('.')
    const last = path.pop() ?? ''
    let at = nested
    for (const part of path) at = (at[part] ??= {}) as Record<string, unknown>
    at[last] = value
  }
  return nested
}

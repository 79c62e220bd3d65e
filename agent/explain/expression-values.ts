import { compileExpression, type Facts, isExpressionError } from '../rules/cel.ts'
import type { Secrets } from './secrets.ts'

/** A field that an expression reads, as it is written there, and what it holds. */
export interface ReadValue {
  readonly name: string
  /** As JSON; undefined where there is nothing of that name. */
  readonly value: unknown
}

/** Texts, which are skipped, or a field with its members. */
const FIELD =
  /[rb]?"(?:\\.|[^"\\])*"|[rb]?'(?:\\.|[^'\\])*'|(?<![\w.])((?:request|connection|identity|captures|verdict)(?:\.[A-Za-z_]\w*|\[(?:"[^"\\]*"|'[^'\\]*')\])+)(\s*\()?/g

const MAX_VALUES = 20

/** The fields that an expression reads, each once. */
export function fieldsRead(source: string): string[] {
  const names = new Set<string>()
  for (const [, field, call] of source.matchAll(FIELD)) {
    if (field === undefined) continue
    // Of `identity.subject.startsWith(` the last name is that of a function.
    const name = call === undefined ? field : field.slice(0, field.lastIndexOf('.'))
    if (name.includes('.')) names.add(name)
  }
  return [...names]
}

/** The same with their values now: why it gave what it gave. */
export function valuesRead(source: string, facts: Facts, captures: readonly string[], secrets: Secrets): ReadValue[] {
  return fieldsRead(source)
    .slice(0, MAX_VALUES)
    .map((name) => {
      const expression = compileExpression(name, 'any', { captures: new Set(captures) })
      if (isExpressionError(expression)) return { name, value: undefined }
      try {
        return { name, value: plain(name, expression.evaluate(facts), secrets) }
      } catch {
        return { name, value: undefined }
      }
    })
}

/** Whether an expression reads a field that holds a credential: a part of one could not be found in what it gives. */
export function readsSecret(source: string, secrets: Secrets): boolean {
  return fieldsRead(source).some((name) => {
    const member = MEMBER.exec(name)?.[1]
    return member !== undefined && secrets.isSecretName(member)
  })
}

/** The name of a header field or a parameter. */
const MEMBER = /^request\.(?:headers|params)(?:\.|\[["'])([^"'\].]+)/

function plain(name: string, value: unknown, secrets: Secrets): unknown {
  const [, member = ''] = MEMBER.exec(name) ?? []
  if (member !== '' && typeof value === 'string') return secrets.valueOf(member, value)
  return secrets.cleanAll(jsonOf(value))
}

/** As JSON has it; a whole number of CEL is a bigint. */
function jsonOf(value: unknown): unknown {
  const text = JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'bigint'
      ? Number(member)
      : member instanceof Map
        ? Object.fromEntries(member as Map<string, unknown>)
        : member instanceof Uint8Array
          ? Buffer.from(member).toString('base64')
          : member,
  ) as string | undefined
  return text === undefined ? undefined : (JSON.parse(text) as unknown)
}

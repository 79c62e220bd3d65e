import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { z } from 'zod'
import { type ErrorCode, UserError } from '../errors.ts'
import { ConfigDocument, type Path } from './document.ts'
import type { Environment } from './env.ts'
import { ConfigError, type Problem } from './problem.ts'
import { type AgentConfig, configSchema } from './schema.ts'
import { suggest } from './suggest.ts'

export interface LoadedConfig {
  readonly config: AgentConfig
  /** For problems that only a later step can see, such as an expression that does not compile. */
  readonly document: ConfigDocument
}

/**
 * Reads, interpolates and checks `agent.yaml`. Paths in it are relative to its folder, and absolute in the result.
 * @throws {UserError} CONFIG_UNREADABLE
 * @throws {ConfigError} with every problem found, each at its line and column
 */
export function loadConfig(file: string, env: Environment = process.env): LoadedConfig {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new UserError('CONFIG_UNREADABLE', `cannot read ${file}: ${(error as Error).message}`, { cause: error })
  }
  const { config, document } = parseConfig(file, text, env)
  return { config: withAbsolutePaths(config, dirname(resolve(file))), document }
}

function withAbsolutePaths(config: AgentConfig, base: string): AgentConfig {
  const absolute = (path: string): string => resolve(base, path)
  const { tls } = config.temporal
  return {
    ...config,
    spop: {
      ...config.spop,
      listen: config.spop.listen.map(({ tls: files, ...rest }) =>
        files === undefined
          ? rest
          : { ...rest, tls: mapFiles(files, ['certFile', 'keyFile', 'clientCaFile'], absolute) },
      ),
    },
    outbox: { ...config.outbox, path: absolute(config.outbox.path) },
    temporal: {
      ...config.temporal,
      tls: typeof tls === 'boolean' ? tls : mapFiles(tls, ['caFile', 'certFile', 'keyFile'], absolute),
    },
    identity: mapPaths(config.identity, absolute),
    actor: mapPaths(config.actor, absolute),
    audit: mapPaths(config.audit, absolute),
  }
}

function mapFiles<T extends object>(settings: T, keys: readonly (keyof T)[], map: (path: string) => string): T {
  const files = keys.flatMap((key) => (settings[key] === undefined ? [] : [[key, map(String(settings[key]))]]))
  return { ...settings, ...Object.fromEntries(files) }
}

/** Every `file` and `…File` in a tree, made absolute: providers keep to these names for paths. */
function mapPaths<T>(value: T, absolute: (path: string) => string): T {
  if (Array.isArray(value)) return value.map((item: unknown) => mapPaths(item, absolute)) as T
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, member]: [string, unknown]) => [
    key,
    typeof member === 'string' && /^file$|File$/.test(key) ? absolute(member) : mapPaths(member, absolute),
  ])
  return Object.fromEntries(entries) as T
}

/** {@link loadConfig} on text that is already there: paths stay as they are, `file` is only for messages. */
export function parseConfig(file: string, text: string, env: Environment): LoadedConfig {
  const document = new ConfigDocument(file, text)
  const broken = document.syntaxProblems()
  if (broken.length > 0) throw new ConfigError(broken)
  const unset = document.interpolate(env)
  if (unset.length > 0) throw new ConfigError(unset)

  const parsed = configSchema.safeParse(document.toJS(), { reportInput: true })
  if (parsed.success) return { config: parsed.data, document }
  const problems = parsed.error.issues.flatMap((issue) => toProblems(document, issue))
  throw new ConfigError(problems.toSorted((a, b) => a.line - b.line || a.column - b.column))
}

function toProblems(document: ConfigDocument, issue: z.core.$ZodIssue): Problem[] {
  const path: Path = issue.path
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => {
        const known = knownKeys(path)
        const close = suggest(key, known)
        const hint = close === undefined ? `Known here: ${known.join(', ')}.` : `Did you mean "${close}"?`
        return document.atKey('CONFIG_UNKNOWN_KEY', path, key, `unknown key "${key}"${where(path)}`, hint)
      })
    case 'invalid_union':
      return unionProblems(document, issue)
    case 'invalid_key':
      return [
        document.atKey(
          'CONFIG_INVALID',
          path.slice(0, -1),
          String(path.at(-1)),
          issue.issues[0]?.message ?? issue.message,
        ),
      ]
    case 'custom':
      return [
        document.atValue((issue.params?.['code'] as ErrorCode | undefined) ?? 'CONFIG_INVALID', path, issue.message),
      ]
    default: {
      if (issue.input === undefined && path.length > 0) {
        const message = `"${String(path.at(-1))}" is missing${where(path.slice(0, -1))}`
        return [document.atValue('CONFIG_MISSING', path.slice(0, -1), message)]
      }
      const allowed = issue.code === 'invalid_value' ? issue.values.map(String) : []
      const close = typeof issue.input === 'string' ? suggest(issue.input, allowed) : undefined
      const message = `${String(path.at(-1) ?? 'the file')}: ${issue.message.replace(/^Invalid input: /, '')}`
      return [
        document.atValue(
          'CONFIG_INVALID',
          path,
          message,
          close === undefined ? {} : { hint: `Did you mean "${close}"?` },
        ),
      ]
    }
  }
}

/** Of the branches of a union, the one that got furthest says best what is wrong. */
function unionProblems(document: ConfigDocument, issue: z.core.$ZodIssueInvalidUnion): Problem[] {
  const deeper = issue.errors
    .filter((branch) => branch.some((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'))
    .at(0)
  if (deeper !== undefined) {
    return deeper.flatMap((inner) => toProblems(document, { ...inner, path: [...issue.path, ...inner.path] }))
  }
  const message =
    issue.message === 'Invalid input' ? (issue.errors.at(0)?.at(0)?.message ?? issue.message) : issue.message
  return [
    document.atValue(
      'CONFIG_INVALID',
      issue.path,
      `${String(issue.path.at(-1))}: ${message.replace(/^Invalid input: /, '')}`,
    ),
  ]
}

function where(path: Path): string {
  return path.length === 0
    ? ''
    : ` in ${path
        .map((part) => (typeof part === 'number' ? `[${part}]` : String(part)))
        .join('.')
        .replaceAll('.[', '[')}`
}

/** The keys that the schema knows at `path`. */
function knownKeys(path: Path): string[] {
  let schemas: z.core.$ZodType[] = [configSchema]
  for (const part of path) schemas = schemas.flatMap(unwrap).flatMap((schema) => child(schema, part))
  return schemas.flatMap(unwrap).flatMap((schema) => {
    const def = schema._zod.def as z.core.$ZodObjectDef
    return def.type === 'object' ? Object.keys(def.shape) : []
  })
}

type AnyDef = {
  type: string
  innerType?: z.core.$ZodType
  in?: z.core.$ZodType
  out?: z.core.$ZodType
  options?: readonly z.core.$ZodType[]
}

/** Looks through defaults, optionals, transforms before and after, and unions. */
function unwrap(schema: z.core.$ZodType): z.core.$ZodType[] {
  const def = schema._zod.def as unknown as AnyDef
  const inner = def.innerType ?? (def.in?._zod.def.type === 'transform' ? def.out : def.in)
  if (inner !== undefined) return unwrap(inner)
  return def.options === undefined ? [schema] : def.options.flatMap(unwrap)
}

function child(schema: z.core.$ZodType, part: PropertyKey): z.core.$ZodType[] {
  const def = schema._zod.def as unknown as {
    type: string
    shape?: Record<string, z.core.$ZodType>
    element?: z.core.$ZodType
    valueType?: z.core.$ZodType
  }
  const next = def.shape?.[String(part)] ?? def.element ?? def.valueType
  return next === undefined ? [] : [next]
}

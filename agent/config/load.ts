import { dirname, resolve } from 'node:path'
import { ConfigDocument } from './document.ts'
import type { Environment } from './env.ts'
import { readConfigText } from './file-text.ts'
import { ConfigError, inOrder } from './problem.ts'
import { ZodProblems } from './problems-of-zod.ts'
import { ruleProblems } from './rules-of-broken.ts'
import { type AgentConfig, configSchema } from './schema.ts'

export interface LoadedConfig {
  readonly config: AgentConfig
  /** For problems that only a later step can see, such as an expression that does not compile. */
  readonly document: ConfigDocument
}

/**
 * Reads, interpolates and checks `agent.yaml`. Paths in it are relative to its folder, and absolute in the result.
 * @throws {ConfigError} with every problem found, each at its line and column; CONFIG_UNREADABLE has none
 */
export function loadConfig(file: string, env: Environment = process.env): LoadedConfig {
  const { config, document } = parseConfig(file, readConfigText(file), env)
  return { config: withAbsolutePaths(config, dirname(resolve(file))), document }
}

function withAbsolutePaths(config: AgentConfig, base: string): AgentConfig {
  const absolute = (path: string): string => resolve(base, path)
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
    outbox: { ...mapPaths(config.outbox, absolute), path: absolute(config.outbox.path) },
    temporal: mapPaths(config.temporal, absolute),
    identity: mapPaths(config.identity, absolute),
    actor: mapPaths(config.actor, absolute),
    audit: mapPaths(config.audit, absolute),
    admin: mapPaths(config.admin, absolute),
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
  const syntax = document.syntaxProblems()
  if (syntax.fatal) throw new ConfigError(inOrder(syntax.problems))
  const unset = document.interpolate(env)
  const value = document.toJS()
  const parsed = configSchema.safeParse(value, { reportInput: true })
  const problems = [...syntax.problems, ...unset]
  if (parsed.success && problems.length === 0) return { config: parsed.data, document }
  if (!parsed.success) problems.push(...new ZodProblems(configSchema, document, value).of(parsed.error.issues))
  throw new ConfigError(inOrder([...problems, ...ruleProblems(value, document)]))
}

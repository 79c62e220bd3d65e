import { createHash } from 'node:crypto'
import { ConfigDocument } from '../config/document.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { AgentConfig } from '../config/schema.ts'
import { compileRules } from '../rules/compile.ts'
import { type Outline, outlineOf } from './outline.ts'

const HASH_CHARACTERS = 16

/** A configuration that was found right, with nothing in it that could not be handed from thread to thread. */
export interface ValidConfig {
  readonly config: AgentConfig
  readonly file: string
  /** Of the file's text: the first 16 characters of its SHA-256, as `sha256sum agent.yaml | cut -c1-16` prints them. */
  readonly hash: string
  readonly outline: Outline
}

/** @throws {ConfigError} when the rules do not compile */
export function validConfigOf({ config, document }: LoadedConfig): ValidConfig {
  compileRules(config, document)
  const hash = createHash('sha256').update(document.text).digest('hex').slice(0, HASH_CHARACTERS)
  return { config, file: document.file, hash, outline: outlineOf(config) }
}

/** For compiling once more what has compiled before: problems have no place then, and there are none. */
export function documentOf({ file }: ValidConfig): ConfigDocument {
  return new ConfigDocument(file, '')
}

import { findHaproxy, findTemporal, toolVersion } from './tools.ts'
import { UserError } from '../errors.ts'
import { VERSION } from '../version.ts'

export interface Versions {
  readonly agent: string
  readonly node: string
  /** `null` when there is none on this machine, or none that works. */
  readonly haproxy: string | null
  readonly temporal: string | null
}

/** The versions of the agent and of what it works with, as far as this machine has it. */
export function versions(): Versions {
  return {
    agent: VERSION,
    node: process.versions.node,
    haproxy: versionOf(() => toolVersion(findHaproxy(), '-v')),
    temporal: versionOf(() => toolVersion(findTemporal(), '--version')),
  }
}

function versionOf(read: () => string): string | null {
  try {
    return read()
  } catch (error) {
    if (error instanceof UserError) return null
    throw error
  }
}

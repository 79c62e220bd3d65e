import { defaults, type ProviderConfig } from '../../../../agent/identity/config.ts'
import type { Log } from '../../../../agent/identity/log.ts'

/** A provider of a test issuer with the defaults of agent.yaml. */
export function provider(issuer: string, overrides: Partial<ProviderConfig> = {}): ProviderConfig {
  return { name: 'corp', issuer, audience: ['orders-api'], ...defaults, ...overrides }
}

/** A log that keeps its lines as text, to search for what must not be in them. */
export function memoryLog(): Log & { readonly lines: string[] } {
  const lines: string[] = []
  const write = (fields: object, message: string): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`)
  }
  return { lines, info: write, warn: write, error: write }
}

/** A clock that stands still until it is moved. */
export class FakeClock {
  ms: number
  readonly now = (): number => this.ms
  constructor(ms = Date.UTC(2026, 0, 1)) {
    this.ms = ms
  }
  get seconds(): number {
    return this.ms / 1000
  }
  advance(ms: number): void {
    this.ms += ms
  }
}

/** Waits until a condition holds: for things that happen in the background. */
export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 5))
  if (!condition()) throw new Error(`never true: ${condition.toString()}`)
}

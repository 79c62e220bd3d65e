import { readFileSync } from 'node:fs'

/** The nearest package.json above: the sources stand one folder deep, the emitted files two. */
function readVersion(): string {
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const parsed = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8')) as {
        name?: string
        version?: string
      }
      if (parsed.name === 'haproxy-temporal' && parsed.version !== undefined) return parsed.version
    } catch {
      // Not there: one folder further up, perhaps.
    }
  }
  return 'unknown'
}

export const VERSION: string = readVersion()

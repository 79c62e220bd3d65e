import { readFileSync } from 'node:fs'
import type { AgentCounters } from 'node-spoe'

/** How the agent was at one moment; memory in bytes. */
export interface Sample {
  /** Milliseconds since its start. */
  readonly atMs: number
  readonly rss: number
  /** After a full collection, as are the next two. */
  readonly heapUsed: number
  readonly external: number
  readonly arrayBuffers: number
  /** Open file descriptors. */
  readonly fds: number
  /** Of the event loop since the last sample. */
  readonly loopDelayP99Ms: number
  readonly loopDelayMaxMs: number
  readonly counters: Readonly<AgentCounters>
}

/** What an agent has printed so far: samples, and complaints, which are everything else. */
export function readSamples(logFile: string): { samples: Sample[]; complaints: string[] } {
  const lines = readFileSync(logFile, 'utf8').split('\n')
  // The last one may be half written; a complete file ends with an empty one.
  lines.pop()
  const isSample = (line: string): boolean => line.startsWith('{"atMs"')
  return {
    samples: lines.filter(isSample).map((line) => JSON.parse(line) as Sample),
    complaints: lines.filter((line) => !isSample(line)),
  }
}

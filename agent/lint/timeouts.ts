import { parseDuration } from '../config/duration.ts'
import type { Engine } from './engines.ts'
import { type Line, linesOf } from './haproxy-file.ts'

/** HAProxy reads a number without a unit as milliseconds. */
export function toMs(text = ''): number | undefined {
  return parseDuration(/^\d+$/.test(text) ? `${text}ms` : text)
}

export function processingLine({ agent }: Pick<Engine, 'agent'>): Line | undefined {
  return linesOf(agent, 'timeout', 'processing').at(-1)
}

/** Milliseconds that HAProxy waits for an answer; `undefined`: for ever, or nobody knows. */
export function processingTime(engine: Engine): number | undefined {
  return toMs(processingLine(engine)?.words[2]?.text)
}

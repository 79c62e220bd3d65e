import { frameSize, type Limits, limitsOf, misreadBuffers } from './buffer-sizes.ts'
import { type Engine, eventOf, messageOf, messagesOf } from './engines.ts'
import { type Content, contentOf, isPartOf } from './fetch-content.ts'
import { type Finding, warning } from './finding.ts'
import type { Section, Word } from './haproxy-file.ts'
import type { LintInput } from './input.ts'
import { type Argument, argumentsOf } from './message-arguments.ts'

/** HAProxy keeps so much of a frame for itself. */
const PAYLOAD_RESERVE = 32

/** Whether what HAProxy puts into one frame fits, whatever a client sends. */
export function frames(input: LintInput): Finding[] {
  const found = input.ours.flatMap((engine) => {
    const limits = limitsOf(input, engine)
    return [...frameSize(input, limits), ...overflows(input, engine, limits)]
  })
  // What "global" says, is said once for all engines.
  const places = found.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`)
  return [...misreadBuffers(input), ...found.filter((_, i) => places.indexOf(places[i] ?? '') === i)]
}

/** All messages of one event travel together, as do those of a group. */
function overflows({ spoe }: LintInput, engine: Engine, limits: Limits): Finding[] {
  const { frame, where } = limits
  const seen = new Set<Word | undefined>()
  return together(engine).flatMap((messages) => {
    const load = loadOf(messages.flatMap(argumentsOf), limits)
    const room = frame - PAYLOAD_RESERVE
    if (load === undefined || load.bytes <= room) return []
    const place = load.times < 2 && load.certificates === 0 && where?.file === 'spoe' ? where : load.last
    // The same message may come by an event and by a group.
    if (seen.has(place.word)) return []
    seen.add(place.word)
    const hint = load.times < 2 && where?.file !== 'spoe' ? moreRoom(limits, load.bytes - room) : undefined
    return [warning(spoe.at('SPOE_FRAME_OVERFLOW', place.line, place.word, told(load, room), hint))]
  })
}

function together(engine: Engine): Section[][] {
  const all = new Map<string, Section[]>()
  const add = (key: string, section: Section | undefined): void => {
    if (section !== undefined) all.set(key, [...(all.get(key) ?? []), section])
  }
  for (const name of messagesOf(engine.agent)) {
    const message = messageOf(engine, name)
    const event = message === undefined ? undefined : eventOf(message)?.words[1]?.text
    if (event !== undefined) add(`event ${event}`, message)
  }
  for (const group of engine.groups) {
    for (const name of messagesOf(group)) add(`group ${group.name}`, messageOf(engine, name))
  }
  return [...all.values()]
}

interface Load {
  readonly bytes: number
  /** How often the part that is sent most often is sent. */
  readonly times: number
  readonly ofResponse: boolean
  readonly certificates: number
  /** The last argument that has a part in it. */
  readonly last: Argument
}

/** The most that these arguments can come to. A client can make any part of its request as long as the whole. */
function loadOf(given: readonly Argument[], { content }: Limits): Load | undefined {
  const parts = given.map((argument) => ({ argument, ...contentOf(argument.fetch) }))
  const most = mostRepeated(parts)
  const certificates = parts.reduce((sum, { bytes }) => sum + bytes, 0)
  const counted = parts.filter((part) => most.of.includes(part) || part.bytes > 0)
  const last = counted.at(-1)?.argument
  if (last === undefined) return undefined
  const { times, ofResponse } = most
  return { bytes: Math.round(times * content + certificates), times, ofResponse, certificates, last }
}

interface MostRepeated<T> {
  readonly times: number
  readonly ofResponse: boolean
  readonly of: readonly T[]
}

function mostRepeated<T extends Content>(parts: readonly T[]): MostRepeated<T> {
  let best: MostRepeated<T> = { times: 0, ofResponse: false, of: [] }
  for (const name of new Set(parts.flatMap(({ covers }) => covers))) {
    const of = parts.filter(({ covers }) => covers.some((part) => isPartOf(name, part)))
    const times = of.reduce((sum, { factor }) => sum + factor, 0)
    if (times > best.times) best = { times, ofResponse: name.startsWith('res:'), of }
  }
  return best
}

function told({ bytes, times, ofResponse, certificates }: Load, room: number): string {
  const whole = ofResponse ? 'response' : 'request'
  const holds = `and a frame holds ${room}`
  if (times >= 2) return `the same part of a ${whole} is sent ${times} times here: up to ${bytes} bytes, ${holds}`
  if (certificates === 0) return `a ${whole} may fill ${bytes} bytes, ${holds}`
  const beside = times === 0 ? 'certificates' : `a ${whole} and certificates beside it`
  return `${beside} may fill ${bytes} bytes, ${holds}`
}

/** Both, or requests could grow with the buffer. */
function moreRoom({ bufsize, maxrewrite }: Limits, missing: number): string {
  const more = Math.ceil(missing / 4096) * 4096
  return `Write "tune.bufsize ${bufsize + more}" and "tune.maxrewrite ${maxrewrite + more}" in "global": as much room for a request as now, and ${more} bytes beside it.`
}

import type { Engine } from './engines.ts'
import { type Finding, warning } from './finding.ts'
import { type HaproxyFile, type Line, linesOf, type Word } from './haproxy-file.ts'
import type { LintInput } from './input.ts'

/** `tune.bufsize` and `tune.maxrewrite` where haproxy.cfg says nothing, bytes. */
const BUFSIZE = 16_384
const MAXREWRITE = 1024
/** HAProxy keeps so much of a buffer for itself. */
const FRAME_RESERVE = 4
/** The sizes that an engine has to do with, as they are meant. */
export interface Limits {
  readonly bufsize: number
  /** What is left free of it. */
  readonly maxrewrite: number
  readonly frame: number
  /** The setting that says so, in spoe.conf or in haproxy.cfg. */
  readonly where:
    | { readonly file: 'spoe' | 'haproxy'; readonly line: Line; readonly word: Word | undefined }
    | undefined
  /** The most that a client or a server can fill of a buffer. */
  readonly content: number
}

export function limitsOf({ haproxy }: Pick<LintInput, 'haproxy'>, { agent }: Engine): Limits {
  const size = (line: Line | undefined): number | undefined => meant(line?.words[1]?.text ?? '')
  const bufsize = size(tuned(haproxy, 'tune.bufsize')) ?? BUFSIZE
  const maxrewrite = Math.min(size(tuned(haproxy, 'tune.maxrewrite')) ?? MAXREWRITE, bufsize / 2)
  const own = linesOf(agent, 'max-frame-size').at(-1)
  const line = own ?? tuned(haproxy, 'tune.bufsize')
  return {
    bufsize,
    maxrewrite,
    frame: size(own) ?? bufsize - FRAME_RESERVE,
    where: line === undefined ? undefined : { file: own === undefined ? 'haproxy' : 'spoe', line, word: line.words[1] },
    content: bufsize - maxrewrite,
  }
}

/** Frames that no buffer holds, or that the agent does not take. */
export function frameSize(input: LintInput, { bufsize, frame, where }: Limits): Finding[] {
  if (where === undefined) return []
  const at = (message: string, hint: string): Finding =>
    input[where.file].at('SPOE_FRAME_SIZE', where.line, where.word, message, hint)
  const most = bufsize - FRAME_RESERVE
  const text = where.word?.text ?? ''
  // No HAProxy takes a unit here.
  if (where.file === 'spoe' && !/^\d+$/.test(text)) {
    return [at(`"max-frame-size" is a number of bytes, and "${text}" is none`, `Write ${Math.min(frame, most)}.`)]
  }
  if (frame > most) {
    return [at(`"max-frame-size" is ${frame}, but a buffer holds ${most}`, `Write ${most}, or raise "tune.bufsize".`)]
  }
  const { maxFrameSize } = input.loaded.config.spop
  if (frame <= maxFrameSize) return []
  const message = `HAProxy offers frames of ${frame} bytes, and the agent takes ${maxFrameSize}: whatever is larger fails`
  const raised = `"spop: { maxFrameSize: ${frame} }" in agent.yaml`
  return [warning(at(message, `Write ${raised}, or "max-frame-size ${maxFrameSize}" in the spoe-agent.`))]
}

/** Sizes of "global" that HAProxy reads otherwise than they are meant. A unit is known to 3.1 and later, for buffers only. */
export function misreadBuffers({ haproxy, maybeOld }: LintInput): Finding[] {
  const bufsize = misread(haproxy, 'tune.bufsize', (text) => {
    if (meant(text) === undefined) return `"${text}" is no size`
    const bytes = parseInt(text, 10)
    return maybeOld
      ? `HAProxy up to 3.0 reads "${text}" as ${bytes} bytes, and crashes where that is too little`
      : undefined
  })
  const maxrewrite = misread(
    haproxy,
    'tune.maxrewrite',
    (text) => `HAProxy reads "${text}" as ${parseInt(text, 10) || 0} bytes`,
  )
  return [...bufsize, ...maxrewrite.map(warning)]
}

function misread(haproxy: HaproxyFile, name: string, says: (text: string) => string | undefined): Finding[] {
  const line = tuned(haproxy, name)
  const word = line?.words[1]
  if (line === undefined || word === undefined || /^\d+$/.test(word.text)) return []
  const message = says(word.text)
  return message === undefined ? [] : [haproxy.at('SPOE_FRAME_SIZE', line, word, message, plainly(word.text))]
}

function tuned(haproxy: HaproxyFile, name: string): Line | undefined {
  return haproxy
    .sectionsOf('global')
    .flatMap((section) => linesOf(section, name))
    .at(-1)
}

const UNITS = ['', 'k', 'm', 'g']

/** Bytes; `32k` are 32768. `undefined`: no size. */
function meant(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d+)([kmg]?)$/i.exec(text) ?? []
  return digits === undefined ? undefined : Number(digits) * 1024 ** UNITS.indexOf(unit.toLowerCase())
}

function plainly(text: string): string {
  const bytes = meant(text)
  return bytes === undefined ? 'Write the number of bytes.' : `Write ${bytes}.`
}

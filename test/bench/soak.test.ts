import { describe, expect, it } from 'vitest'
import type { PaceResult } from '../../bench/soak/pace.ts'
import type { Sample } from '../../bench/soak/sample.ts'
import { slope, trend } from '../../bench/soak/trend.ts'
import { judge } from '../../bench/soak/verdict.ts'

const MIB = 2 ** 20
const NOTIFIES_PER_MS = 20

const load: PaceResult = {
  due: 1,
  allowed: 1,
  refused: 0,
  broken: 0,
  unsent: 0,
  latencyMs: { p50: 1, p99: 1, p999: 1, max: 1 },
}

/** Ten minutes of samples, five seconds apart. */
function samples(change: (sample: Sample, i: number) => object = () => ({})): Sample[] {
  return Array.from({ length: 120 }, (_, i) => {
    const atMs = i * 5_000
    const notifies = atMs * NOTIFIES_PER_MS
    const sample = {
      atMs,
      rss: 90 * MIB,
      heapUsed: 6 * MIB,
      external: 3 * MIB,
      arrayBuffers: MIB,
      fds: 40,
      loopDelayP99Ms: 12,
      loopDelayMaxMs: 20,
      counters: {
        notifies,
        acks: notifies,
        deadlineAnswers: 0,
        overloadAnswers: 0,
        handlerErrors: 0,
        acksDropped: 0,
        protocolErrors: 0,
        variablesRefused: 0,
      } as unknown as Sample['counters'],
    }
    return { ...sample, ...change(sample, i) }
  })
}

describe('the slope', () => {
  it('is that of the line', () => {
    expect(slope([0, 1, 2, 3].map((atMs) => ({ atMs, value: 7 + 2 * atMs })))).toBe(2)
    expect(slope([{ atMs: 0, value: 1 }])).toBe(0)
  })

  it('is not moved by single peaks', () => {
    const flat = Array.from({ length: 100 }, (_, atMs) => ({ atMs, value: atMs % 17 === 0 ? 1000 : 5 }))
    expect(trend(flat).growth).toBe(0)
    expect(trend(flat).median).toBe(5)
  })
})

describe('the verdict', () => {
  it('is right about an agent that keeps its memory', () => {
    expect(judge(samples(), [], load)).toMatchObject({ ok: true, findings: [] })
  })

  it('forgives what grows only while it warms up', () => {
    expect(
      judge(
        samples(({ heapUsed }, i) => ({ heapUsed: heapUsed + Math.min(i, 20) * MIB })),
        [],
        load,
      ).ok,
    ).toBe(true)
  })

  it.each([
    ['rss', 2],
    ['heapUsed', 1],
    ['external', 1],
  ] as const)('finds in %s a leak of so many bytes per request: %i', (name, bytes) => {
    const leaking = samples((sample) => ({ [name]: sample[name] + sample.atMs * NOTIFIES_PER_MS * bytes }))
    const verdict = judge(leaking, [], load)
    expect(verdict.ok).toBe(false)
    expect(verdict.findings).toEqual([expect.stringMatching(new RegExp(`^${name} has grown by`))])
  })

  it('finds descriptors that stay open', () => {
    expect(
      judge(
        samples(({ fds }, i) => ({ fds: fds + i / 10 })),
        [],
        load,
      ).ok,
    ).toBe(false)
  })

  it('finds what was refused, not answered or complained about, and a run too short to tell', () => {
    expect(judge(samples(), [], { ...load, refused: 2 }).findings).toEqual(['2 requests were refused'])
    expect(judge(samples(), [], { ...load, due: 100, unsent: 10 }).findings).toEqual([
      'only 90 % of the load could be sent',
    ])
    expect(judge(samples(), ['Error: x'], load).findings).toEqual(['the agent said: Error: x'])
    const late = samples(({ counters }) => ({ counters: { ...counters, deadlineAnswers: 3 } }))
    expect(judge(late, [], load).findings).toEqual(['3 NOTIFYs were answered by the deadline'])
    expect(judge(samples().slice(0, 10), [], load).ok).toBe(false)
    expect(judge([], [], load).ok).toBe(false)
  })
})

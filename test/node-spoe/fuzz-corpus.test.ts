import { describe, expect, test, vi } from 'vitest'
import { Cases } from '../fuzz/cases.ts'
import { readCorpus } from '../fuzz/corpus.ts'
import { minimise } from '../fuzz/minimise.ts'
import { messageBytes, notify } from './support/wire.ts'

// Thousands of frames, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 60_000 })

const corpus = readCorpus()

describe('every stream of the fuzzer corpus', () => {
  const cases = new Cases(
    1,
    corpus.map(({ bytes }) => bytes),
  )

  test.each(corpus)('$name is answered as the model of an agent says, however it is cut', async ({ bytes }) => {
    await cases.replay(bytes)
    await cases.replay(
      bytes,
      Array.from(bytes, (_, i) => i + 1),
    )
    for (const step of [3, 7, 64])
      await cases.replay(
        bytes,
        [...bytes.keys()].filter((at) => at % step === 0 && at > 0),
      )
  })
})

test('a few thousand frames of the fuzzer pass, and the same seed gives the same cases', async () => {
  const play = async (): Promise<string> => {
    const cases = new Cases(
      7,
      corpus.map(({ bytes }) => bytes),
    )
    for (let index = 0; cases.frames < 5_000; index++) await cases.play(index)
    const { bytes, length, cuts } = cases.played
    return `${cases.frames} ${cases.mutated} ${cuts.join()} ${bytes.toString('hex', 0, length)}`
  }
  expect(await play()).toBe(await play())
})

test('a failing stream is made smaller as long as it fails', async () => {
  const culprit = notify([messageBytes('culprit')])
  const bytes = Buffer.concat([notify([messageBytes('m')]), culprit, notify([messageBytes('n')])])
  const smaller = await minimise({ bytes, length: bytes.length, cuts: [5, 9] }, (candidate) =>
    Promise.resolve(candidate.includes('culprit')),
  )
  expect(smaller).toEqual({ bytes: Buffer.from('culprit'), cuts: [] })
})

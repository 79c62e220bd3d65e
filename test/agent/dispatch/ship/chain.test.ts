import { expect, test } from 'vitest'
import { chainOf, needsChain } from '../../../../agent/dispatch/ship/chain.ts'
import { fakeTemporal } from './support/fake-temporal.ts'
import { job, parcel } from './support/parcels.ts'

const ending = () => job([parcel(1, { workflowId: 'w' })], { kind: 'terminate' })

test('only what ends a workflow asks which one it is, and once', () => {
  const kinds = ['start', 'signal', 'meter', 'window', 'cancel', 'terminate'] as const
  expect(kinds.filter((kind) => needsChain(job([parcel(1)], { kind })))).toEqual(['cancel', 'terminate'])
  for (const chain of ['', 'run']) {
    const one = ending()
    one.chain = chain
    expect(needsChain(one)).toBe(false)
  }
})

test('the first run stands for the workflow, and none where the agent may not look', async () => {
  const temporal = fakeTemporal(() => ({}))
  const chain = () => chainOf(ending(), 'edge', temporal.of('edge'))
  expect(await chain()).toBe('first run of w')
  for (const code of [7, 12]) {
    temporal.firstRuns.set('w', code)
    expect(await chain()).toBe('')
  }
})

test.each([4, 5, 8, 14, 16])('a look that fails with status %i fails as the call would', async (code) => {
  const temporal = fakeTemporal(() => ({}))
  temporal.firstRuns.set('w', code)
  await expect(chainOf(ending(), 'edge', temporal.of('edge'))).rejects.toMatchObject({ code })
})

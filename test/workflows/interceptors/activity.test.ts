import { ApplicationFailure, defaultPayloadConverter, type Headers } from '@temporalio/common'
import { MockActivityEnvironment } from '@temporalio/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ActorVerifier } from '../../../agent/actor/verifier.ts'
import { type Actor, ENVELOPE_KEY, ORIGIN_KEY, type Origin } from '../../../agent/messages.ts'
import { activityInterceptors } from '../../../workflows/interceptors/activity.ts'
import { currentActor, verifiedActor } from '../../../workflows/interceptors/activity-actor.ts'
import { withActor } from '../../../workflows/interceptors/actor-header.ts'
import { SIGNED_AT, ann, quiet, subjectOf, testSigner, writeJwks } from '../../agent/actor/support/keys.ts'
import { tempFolder } from '../../support/folder.ts'

const MINUTE = 60_000
const payload = (value: unknown) => defaultPayloadConverter.toPayload(value)

interface Seen {
  readonly current: Actor | undefined
  readonly verified: Actor | undefined
}

/** Runs an activity of workflow `orders/r-1` through the interceptor. */
async function run(
  verifier: ActorVerifier | undefined,
  headers: Headers,
  info: ConstructorParameters<typeof MockActivityEnvironment>[0] = {},
): Promise<Seen> {
  const environment = new MockActivityEnvironment({
    activityType: 'create-order',
    namespace: 'default',
    workflowExecution: { workflowId: 'orders/r-1', runId: 'run' },
    scheduledTimestampMs: SIGNED_AT,
    ...info,
  })
  const execute = activityInterceptors(verifier)().inbound?.execute
  const next = () => Promise.resolve({ current: currentActor(), verified: verifiedActor() })
  return environment.run(async () => (await execute?.({ args: [], headers }, next)) as Seen)
}

async function setUp({ require = true } = {}) {
  const folder = tempFolder()
  const { key, signer } = testSigner(folder)
  const verifier = new ActorVerifier({ verifyKeys: { file: writeJwks(folder, [key]) }, require }, quiet)
  await verifier.start()
  onTestFinished(() => verifier.close())
  const headersOf = (envelope: unknown, origin?: Origin): Headers => ({
    ...withActor({}, ann),
    ...(envelope !== undefined && { [ENVELOPE_KEY]: payload(envelope) }),
    ...(origin !== undefined && { [ORIGIN_KEY]: payload(origin) }),
  })
  return { folder, signer, verifier, headersOf }
}

const FORBIDDEN = { type: 'Forbidden', nonRetryable: true }

it('without keys a caller is as the header says, and never verified', async () => {
  expect(await run(undefined, withActor({}, ann))).toEqual({ current: ann, verified: undefined })
  expect(await run(undefined, {})).toEqual({ current: undefined, verified: undefined })
})

it('a signed caller is the one of the envelope, whatever stands beside it', async () => {
  const { signer, verifier, headersOf } = await setUp()
  const headers = { ...headersOf(signer.sign(subjectOf())), ...withActor({}, { ...ann, subject: 'eve' }) }
  const { current, verified } = await run(verifier, headers)
  expect(verified).toMatchObject({ ...ann, workflowId: 'orders/r-1' })
  expect(current).toBe(verified)
})

describe('with "require" nothing is done for a caller who is not proven', () => {
  it('no envelope, or something that is none', async () => {
    const { verifier, headersOf } = await setUp()
    for (const envelope of [undefined, 'x', 7, {}]) {
      await expect(run(verifier, headersOf(envelope))).rejects.toMatchObject(FORBIDDEN)
    }
    await expect(run(verifier, {})).rejects.toThrow('the caller is not proven: missing')
  })

  it('an envelope of another workflow', async () => {
    const { signer, verifier, headersOf } = await setUp()
    const headers = headersOf(signer.sign(subjectOf({ workflowId: 'orders/r-2' })))
    await expect(run(verifier, headers)).rejects.toThrow('other_workflow')
  })

  it('an envelope that came in too late, however early the activity runs, and the other way round', async () => {
    const { signer, verifier, headersOf } = await setUp()
    const envelope = signer.sign(subjectOf())
    const late = headersOf(envelope, { at: SIGNED_AT + 62 * MINUTE, ancestors: [] })
    await expect(run(verifier, late)).rejects.toThrow('expired')
    const months = { scheduledTimestampMs: SIGNED_AT + 100 * 24 * 60 * MINUTE }
    const inTime = headersOf(envelope, { at: SIGNED_AT, ancestors: [] })
    expect(await run(verifier, inTime, months)).toMatchObject({ verified: ann })
    await expect(run(verifier, headersOf(envelope), months)).rejects.toThrow('expired')
  })

  it('an activity that a client started by itself, headers and all', async () => {
    const { signer, verifier, headersOf } = await setUp()
    const headers = headersOf(signer.sign(subjectOf()), { at: SIGNED_AT, ancestors: ['orders/r-1'] })
    const alone = { inWorkflow: false, workflowExecution: undefined } as unknown as { workflowExecution: never }
    await expect(run(verifier, headers, alone)).rejects.toThrow('other_workflow')
  })

  it('a key that is not there yet is worth another attempt', async () => {
    const { folder, verifier, headersOf } = await setUp()
    const { signer } = testSigner(folder, { name: 'newer' })
    const failure = await run(verifier, headersOf(signer.sign(subjectOf()))).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ApplicationFailure)
    expect(failure).toMatchObject({ type: 'ActorKeyMissing', nonRetryable: false })
  })

  it('but for activities that work for no caller', async () => {
    const { verifier, headersOf } = await setUp()
    const nobody = { current: undefined, verified: undefined }
    expect(await run(verifier, {}, { activityType: 'storeUsage' })).toEqual(nobody)
    expect(await run(verifier, headersOf('forged'), { activityType: 'storeUsage' })).toEqual(nobody)
  })
})

it('a child works for the caller of its parent', async () => {
  const { signer, verifier, headersOf } = await setUp()
  const headers = headersOf(signer.sign(subjectOf()), { at: SIGNED_AT, ancestors: ['orders/r-1'] })
  const child = { workflowExecution: { workflowId: 'child', runId: 'run' } }
  expect(await run(verifier, headers, child)).toMatchObject({ verified: ann })
})

describe('in a time of grace', () => {
  it('a caller without envelope is a claim', async () => {
    const { verifier, headersOf } = await setUp({ require: false })
    expect(await run(verifier, headersOf(undefined))).toEqual({ current: ann, verified: undefined })
  })

  it('a caller with a wrong envelope is nobody', async () => {
    const { signer, verifier, headersOf } = await setUp({ require: false })
    const copied = signer.sign(subjectOf({ workflowId: 'other' }))
    expect(await run(verifier, headersOf(copied))).toEqual({ current: undefined, verified: undefined })
  })

  it('the answer to workflow code waits for the key instead of being "not proven" for good', async () => {
    const { folder, verifier, headersOf } = await setUp({ require: false })
    const { signer } = testSigner(folder, { name: 'newer' })
    const headers = headersOf(signer.sign(subjectOf()))
    const verify = { activityType: 'actor.verify' }
    await expect(run(verifier, headers, verify)).rejects.toMatchObject({ type: 'ActorKeyMissing' })
    expect(await run(verifier, headersOf('forged'), verify)).toMatchObject({ verified: undefined })
  })
})

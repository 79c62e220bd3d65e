import { format, inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../../agent/secrets/secret.ts'

const CANARY = 'canary-2fd4e1c67a2d'

describe('a secret', () => {
  const secret = new Secret(CANARY)

  it('is told by reveal() alone', () => {
    expect(secret.reveal()).toBe(CANARY)
  })

  it.each([
    // oxlint-disable-next-line typescript/restrict-template-expressions -- the mistake that must not tell the secret
    ['a template', () => `${secret}`],
    ['String()', () => String(secret)],
    ['+', () => 'x' + (secret as unknown as string)],
    ['JSON', () => JSON.stringify({ deep: [{ secret }] })],
    ['console.log', () => inspect({ secret }, { showHidden: true, depth: 9, getters: true })],
    ['%s %o %O %j', () => format('%s %o %O %j', secret, secret, secret, secret)],
    // oxlint-disable-next-line typescript/no-misused-spread -- the mistake that must not tell the secret
    ['its own keys', () => JSON.stringify([Object.entries(secret), Object.getOwnPropertyNames(secret), { ...secret }])],
    // oxlint-disable-next-line typescript/restrict-template-expressions -- the mistake that must not tell the secret
    ['an error', () => new Error(`cannot use ${secret}`, { cause: secret }).stack ?? ''],
    ['an error with a cause, inspected', () => inspect(new Error('x', { cause: { secret } }))],
  ])('shows nothing of itself in %s', (_way, print) => {
    expect(print()).not.toContain(CANARY)
    expect(print()).not.toBe('')
  })
})

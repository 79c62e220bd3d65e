import { describe, expect, it } from 'vitest'
import { FetchError } from '../../../../agent/identity/http/fetch-error.ts'
import {
  exchangeError,
  type Meaning,
  meaningOf,
  statusError,
  UnusableAnswerError,
} from '../../../../agent/identity/remote/failure.ts'

describe('what a failed question says of the peer', () => {
  it.each<[number, Meaning]>([
    [502, 'away'],
    [503, 'away'],
    [504, 'away'],
    [401, 'unwelcome'],
    [407, 'unwelcome'],
    [429, 'unwelcome'],
    [301, 'answered'],
    [302, 'answered'],
    [400, 'answered'],
    [403, 'answered'],
    [404, 'answered'],
    [405, 'answered'],
    [413, 'answered'],
    [500, 'answered'],
    [501, 'answered'],
    [204, 'answered'],
  ])('status %i: %s', (status, meaning) => {
    expect(meaningOf(statusError(status))).toBe(meaning)
    expect(statusError(status)).toMatchObject({ status })
  })

  it('no answer at all: it is away', () => {
    expect(meaningOf(new FetchError('connection failed (ECONNREFUSED)'))).toBe('away')
    expect(meaningOf(new FetchError('no answer within 2000 ms'))).toBe('away')
  })

  it('half an answer: it is there', () => {
    const half = new FetchError('the answer is longer than 65536 bytes', { status: 200 })
    expect([meaningOf(half), meaningOf(exchangeError(half))]).toEqual(['answered', 'answered'])
    expect(meaningOf(new UnusableAnswerError('the answer is not JSON'))).toBe('answered')
  })

  it('a defect of ours: nothing', () => {
    expect([new TypeError('x'), 'text', undefined].map(meaningOf)).toEqual([undefined, undefined, undefined])
  })
})

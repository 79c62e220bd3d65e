import { describe, expect, onTestFinished, test } from 'vitest'
import { endOf, Thread, within } from '../../../agent/dispatch/thread.ts'

/** A thread that runs this text, and does not outlive its test. */
function thread(name: string, source: string): Thread {
  const made = new Thread(name, new URL(`data:text/javascript,${encodeURIComponent(source)}`), {}, [])
  onTestFinished(() => void made.worker.terminate())
  return made
}

const KEPT_ALIVE = 'setInterval(() => undefined, 1_000)'

describe('the end of threads', () => {
  test('those that end by themselves are waited for, and not terminated', async () => {
    const slow = thread('slow', 'setTimeout(() => undefined, 200)')
    expect(await endOf([thread('quick', ''), slow], 60_000)).toEqual([])
    expect(slow.isOver).toBe(true)
  })

  test('one that does not is terminated when the time is over, and named', async () => {
    const kept = thread('kept', KEPT_ALIVE)
    expect(await endOf([thread('quick', ''), kept], 2_000)).toEqual(['kept'])
    expect(kept.isOver).toBe(true)
  })

  test('one that died has ended', async () => {
    const dying = thread('dying', 'throw new Error("a flaw")')
    dying.worker.on('error', () => undefined)
    expect(await endOf([dying], 60_000)).toEqual([])
  })
})

describe('within', () => {
  test('what rejects has settled in time', async () => {
    expect(await within(60_000, Promise.reject(new Error('a flaw')))).toBe(true)
  })

  test('what never settles has not', async () => {
    expect(await within(10, new Promise(() => undefined))).toBe(false)
  })
})

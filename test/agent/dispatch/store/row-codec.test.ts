import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test, vi } from 'vitest'
import { CipherError } from '../../../../agent/crypto/cipher-error.ts'
import { RowCipher } from '../../../../agent/crypto/row-cipher.ts'
import { OfflineOutbox } from '../../../../agent/dispatch/store/offline.ts'
import { RowCodec } from '../../../../agent/dispatch/store/row-codec.ts'
import { tempFolder } from '../../../support/folder.ts'
import { ringOf } from '../../crypto/support/keys.ts'
import { command } from '../support/commands.ts'
import { until } from '../support/wait.ts'
import { harness } from './harness.ts'
import { row } from './support.ts'

vi.setConfig({ testTimeout: 60_000 })

const keyed = (...ids: string[]) => new RowCipher({ current: ringOf(...ids) })
const call = JSON.stringify({ memo: { note: 'for their eyes' }, reason: 'canary-reason' })
const sealedRow = { ...row(1), call }

/** The columns of a row in the file. */
function stored(codec: RowCodec, one = sealedRow): Record<string, unknown> {
  const { id, action, rule, workflowId, key, tenant, at, events } = one
  const columns = { seq: 1, id, action, rule, workflow_id: workflowId, key, tenant, at, events }
  return { ...columns, call: codec.call(one), body: codec.body(one) }
}

test('body and call are sealed where there is a key, and open to what they were', () => {
  const codec = new RowCodec(keyed('a'))
  const columns = stored(codec)
  expect(JSON.stringify(columns)).not.toMatch(/canary|their eyes|gold/)
  expect([RowCodec.isSealed(columns['body']), RowCodec.isSealed(columns['call'])]).toEqual([true, true])
  expect(codec.read(columns)).toEqual({ ...sealedRow, seq: 1 })
  expect(codec.call(row(1))).toBe('')
})

test('without a key both are plain, and so are rows of before when there is one', () => {
  const plain = stored(new RowCodec(undefined))
  expect(plain).toMatchObject({ call, body: sealedRow.body })
  expect(new RowCodec(keyed('a')).read(plain)).toEqual({ ...sealedRow, seq: 1 })
  const halfPlain = { ...stored(new RowCodec(keyed('a'))), call }
  expect(new RowCodec(keyed('a')).read(halfPlain)).toEqual({ ...sealedRow, seq: 1 })
})

test('a call opens under a later key as long as its own is there', () => {
  const columns = stored(new RowCodec(keyed('a')))
  expect(new RowCodec(keyed('b', 'a')).read(columns)).toEqual({ ...sealedRow, seq: 1 })
  expect(new RowCodec(keyed('b')).read(columns)).toMatchObject({ error: expect.any(CipherError) as Error })
  expect(new RowCodec(undefined).read(columns)).toMatchObject({
    error: expect.objectContaining({ code: 'DISPATCH_OUTBOX_KEY' }) as Error,
  })
})

test('a call opens for its own row only, and no body opens as a call', () => {
  const codec = new RowCodec(keyed('a'))
  const columns = stored(codec)
  const other = stored(codec, { ...sealedRow, id: 'orders/another' })
  expect(codec.read({ ...columns, call: other['call'] })).toMatchObject({ error: expect.any(CipherError) as Error })
  for (const id of [sealedRow.id, `${sealedRow.id}/call`]) {
    const body = Buffer.from(codec.body({ ...sealedRow, id }) as Uint8Array)
    expect('error' in codec.read({ ...columns, call: `~${body.toString('base64')}` })).toBe(true)
  }
  const [head = '', ...rest] = String(columns['call']).slice(1)
  const changed = `~${head === 'A' ? 'B' : 'A'}${rest.join('')}`
  expect(codec.read({ ...columns, call: changed })).toMatchObject({ error: expect.any(CipherError) as Error })
})

test('an encrypted outbox holds no memo, no search attribute and no reason in plain, whatever becomes of the event', async () => {
  const path = join(tempFolder(), 'outbox.db')
  const options = {
    memo: { note: 'canary-memo' },
    searchAttributes: { Kind: { type: 'Keyword' as const, value: 'canary-attribute' } },
    reason: 'canary-reason',
  }
  const over = { delivery: 'durable' as const, call: options }
  const first = harness({ path, cipher: keyed('a'), retainMs: 3_600_000 })
  first.take(command(1, over), command(2, over), command(3, { ...over, delivery: 'memory' }), command(4, over))
  // What is durable comes first.
  const [one, two, , inMemory] = first.parcels
  const letters = [one, inMemory].map((parcel) => ({ parcel: parcel as never, reason: 'NO', attempts: 1 }))
  first.engine.fromShip({ type: 'dead', letters })
  first.deliver(two === undefined ? [] : [two])
  await first.stop()
  const db = new DatabaseSync(path, { readOnly: true })
  const tables = ['outbox', 'dead_letters', 'delivered'].map((table) => db.prepare(`SELECT * FROM ${table}`).all())
  db.close()
  expect(tables.map(({ length }) => length)).toEqual([1, 2, 1])
  expect(JSON.stringify(tables)).not.toContain('canary')

  // Under a new key all of it is read back, sent again, and sealed with the new one.
  const next = harness({ path, cipher: keyed('b', 'a'), retainMs: 3_600_000 })
  await next.operate({ call: 'redrive', filter: {} })
  await next.operate({ call: 'replay', filter: { from: 0 } })
  await until(() => next.parcels.length === 4)
  for (const parcel of next.parcels) expect(JSON.parse(parcel.call)).toEqual(options)
  await next.stop()
  const later = new OfflineOutbox(path, keyed('b'))
  const shown = await later.ask({ call: 'list', table: 'pending', filter: {}, limit: 10 })
  const ids = 'rows' in shown ? shown.rows.map(({ id }) => id) : []
  const calls = await Promise.all(ids.map((id) => later.ask({ call: 'show', id })))
  // The one that has waited since then needs the old key.
  expect(calls.map((answer) => answer.ok)).toEqual([false, true, true, true])
  expect(calls[1]).toMatchObject({ callOptions: options })
  later.close()
  const keyless = new OfflineOutbox(path)
  expect(await keyless.ask({ call: 'show', id: ids[1] ?? '' })).toMatchObject({ callOptions: '(encrypted)' })
  keyless.close()
})

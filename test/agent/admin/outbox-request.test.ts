import { describe, expect, it } from 'vitest'
import { outboxRequest, OutboxRequestError } from '../../../agent/admin/outbox-request.ts'

const NOW = 1_800_000_000_000

describe('a call to the outbox', () => {
  it('lists dead letters when it does not say what, a hundred at most', () => {
    expect(outboxRequest('list', {}, NOW)).toEqual({ call: 'list', table: 'dead', filter: {}, limit: 100 })
  })

  it('takes the members of a query, which are texts, and those of a body, which may be numbers', () => {
    const filter = { rule: 'orders', from: NOW - 7_200_000, to: NOW }
    const query = { table: 'pending', rule: 'orders', from: '2h', to: String(NOW), after: '7', limit: '2' }
    expect(outboxRequest('list', query, NOW)).toEqual({ call: 'list', table: 'pending', filter, after: 7, limit: 2 })
    expect(outboxRequest('redrive', filter, NOW)).toEqual({ call: 'redrive', filter })
    expect(outboxRequest('purge', { table: 'delivered', id: 'orders/1' }, NOW)).toEqual({
      call: 'purge',
      table: 'delivered',
      filter: { id: 'orders/1' },
    })
    expect(outboxRequest('status', {}, NOW)).toEqual({ call: 'status' })
  })

  it.each([
    ['list', { tabel: 'dead' }, 'an unknown member; known are table, rule, id, from, to, after, limit'],
    ['list', { table: 'all' }, '"table" is none of pending, dead, delivered'],
    ['list', { limit: '1001' }, '"limit" is no whole number from 1 to 1000'],
    ['list', { limit: '0' }, '"limit" is no whole number from 1 to 1000'],
    ['list', { after: '-1' }, '"after" is no whole number from 0'],
    ['list', { from: 'soon' }, /^"from" is no moment: how long ago/],
    ['list', { from: '1h', to: '2h' }, '"to" is not after "from"'],
    ['status', { rule: 'orders' }, 'takes no members'],
    ['show', {}, '"id" is needed'],
    ['show', { id: '' }, '"id" is not a text'],
    ['pause', { rule: 7 }, '"rule" is not a text'],
    ['resume', {}, '"rule" is needed'],
    ['redrive', { table: 'dead' }, 'an unknown member; known are rule, id, from, to'],
    ['redrive', { from: 1.5 }, /^"from" is no moment/],
    ['purge', {}, '"table" is needed'],
    ['replay', { rule: 'orders', to: '1h' }, /^"from" or "id" is needed/],
  ] as const)('%s with %j is refused', (call, members, message) => {
    expect(() => outboxRequest(call, members, NOW)).toThrow(OutboxRequestError)
    expect(() => outboxRequest(call, members, NOW)).toThrow(message)
  })
})

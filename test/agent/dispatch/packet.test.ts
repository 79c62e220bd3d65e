import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Command } from '../../../agent/dispatch/command.ts'
import { MAX_FRAME, PacketReader, PacketWriter } from '../../../agent/dispatch/packet.ts'
import { command } from './support/commands.ts'

const text = fc.string({ unit: 'binary', maxLength: 40 })

/** Strings as they come out of UTF-8: half of a pair becomes a replacement character. */
const wire = (value: string): string => value.toWellFormed()

describe('packets', () => {
  it('carry every command as it is, in order', () => {
    const commands = fc.array(
      fc.record({
        id: text,
        at: fc.double({ noNaN: true }),
        workflowId: text,
        key: text,
        tenant: text,
        body: fc.jsonValue(),
        call: fc.option(fc.record({ shapeKey: text }), { nil: undefined }),
        action: fc.nat(2 ** 32 - 1),
        ticket: fc.nat(2 ** 32 - 1),
      }),
    )
    const writer = new PacketWriter()
    fc.assert(
      fc.property(commands, (list) => {
        const lengths = list.map((one) => writer.add(one as unknown as Command, one.action, one.ticket))
        expect(writer.count).toBe(list.length)
        expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(writer.length)
        const reader = new PacketReader(writer.take())
        for (const [i, one] of list.entries()) {
          expect(reader.next()).toBe(true)
          expect({
            length: reader.length,
            action: reader.action,
            ticket: reader.ticket,
            at: reader.at,
            id: reader.id,
            workflowId: reader.workflowId,
            key: reader.key,
            tenant: reader.tenant,
            call: reader.call,
            body: reader.body,
          }).toEqual({
            length: lengths[i],
            action: one.action,
            ticket: one.ticket,
            at: one.at,
            id: wire(one.id),
            workflowId: wire(one.workflowId),
            key: wire(one.key),
            tenant: wire(one.tenant),
            call: one.call === undefined ? '' : wire(JSON.stringify(one.call)),
            body: wire(JSON.stringify(one.body)),
          })
          expect(reader.bodyBytes).toBe(Buffer.byteLength(reader.body))
          const copy = Buffer.alloc(reader.bodyBytes + 1)
          reader.copyBody(copy, 1)
          expect(copy.toString('utf8', 1)).toBe(reader.body)
        }
        expect(reader.next()).toBe(false)
        expect(writer.count).toBe(0)
      }),
    )
  })

  it('keep apart the halves of a pair that end one part and begin the next', () => {
    const writer = new PacketWriter()
    const one = { ...command(1), id: 'a\ud83d', workflowId: '\ude00b' }
    writer.add(one, 0)
    const reader = new PacketReader(writer.take())
    reader.next()
    expect([reader.id, reader.workflowId]).toEqual(['a\ufffd', '\ufffdb'])
    expect(reader.body).toBe(JSON.stringify(one.body))
  })

  it('leave out what is too large, and go on with what comes after it', () => {
    const writer = new PacketWriter()
    const huge = (characters: number) =>
      ({ ...command(1), body: { ...command(1).body, data: 'x'.repeat(characters) } }) as unknown as Command
    expect(writer.add(huge(MAX_FRAME), 0)).toBe(0)
    expect(writer.add(huge(4 * MAX_FRAME), 0)).toBe(0)
    expect(writer.add({ ...command(1), id: 'i'.repeat(70_000) }, 0)).toBe(0)
    expect(writer.add(huge(MAX_FRAME / 2), 0)).toBeGreaterThan(MAX_FRAME / 2)
    expect(writer.add(command(2), 0)).toBeGreaterThan(0)
    const reader = new PacketReader(writer.take())
    expect([reader.next(), reader.next(), reader.next()]).toEqual([true, true, false])
  })

  it('hold nothing of a command whose body is no JSON', () => {
    const writer = new PacketWriter()
    writer.add(command(1), 0)
    expect(() => writer.add({ ...command(2), body: { n: 1n } as never }, 0)).toThrow(TypeError)
    writer.add(command(3), 0)
    const reader = new PacketReader(writer.peek())
    const ids: string[] = []
    while (reader.next()) ids.push(reader.id)
    expect(ids).toEqual([command(1).id, command(3).id])
  })

  it('are given away in memory of their own', () => {
    const writer = new PacketWriter()
    writer.add(command(1), 7)
    const first = writer.take()
    writer.add(command(2), 8)
    const reader = new PacketReader(first)
    reader.next()
    expect([reader.action, first.buffer.byteLength === first.length]).toEqual([7, true])
  })
})

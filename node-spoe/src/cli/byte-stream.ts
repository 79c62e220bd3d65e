import type { ByteSource } from './byte-source.ts'
import { Conversation } from './conversation.ts'
import { FrameAssembler } from './frame-assembler.ts'
import type { Printer } from './records.ts'

/** Prints the frames of one byte stream and says how many there were. It cannot go on behind bytes that are no frame. */
export async function decodeByteStream(
  source: ByteSource,
  printer: Printer,
  afterRead: () => Promise<void> | undefined,
): Promise<number> {
  const conversation = new Conversation()
  const path = undefined
  const time = undefined
  let frames = 0
  let broken = false
  const assembler = new FrameAssembler(
    {
      frame: (bytes, offset) => printer.frame(conversation.record(++frames, bytes, { path, offset, time })),
      broken: (error, bytes, offset) => {
        broken = true
        printer.broken({ path, offset, time, error, bytes })
      },
      skipped: () => {},
    },
    true,
  )
  while (!broken) {
    const bytes = await source.next()
    if (bytes.length === 0) break
    assembler.push(bytes, time)
    const waiting = afterRead()
    if (waiting !== undefined) await waiting
  }
  const { unfinished, offset } = assembler
  // What is there of a frame that was cut, as a person pasting one will want to see.
  if (unfinished.length > 4) printer.frame(conversation.record(++frames, unfinished, { path, offset, time }))
  if (unfinished.length > 0) printer.note({ path, offset, time, note: 'unfinished', bytes: unfinished.length })
  return frames
}

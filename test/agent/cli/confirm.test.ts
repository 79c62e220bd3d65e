import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { confirm } from '../../../agent/cli/confirm.ts'

async function answered(text: string): Promise<{ yes: boolean; question: string }> {
  const [input, output] = [new PassThrough(), new PassThrough()]
  input.end(text)
  const yes = await confirm('Delete 3 events?', input, output)
  return { yes, question: String(output.read()) }
}

it.each(['y\n', 'yes\n', ' Y \n'])('%j is a yes', async (text) => {
  expect(await answered(text)).toEqual({ yes: true, question: 'Delete 3 events? [y/N] ' })
})

it.each(['\n', 'n\n', 'yesterday\n', ''])('%j is a no', async (text) => {
  expect((await answered(text)).yes).toBe(false)
})

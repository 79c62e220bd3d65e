import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { explainCommand } from '../../../agent/cli/explain.ts'
import { codeBlock, codeBlocks, docsPage } from '../../support/docs.ts'
import { tempFolder } from '../../support/folder.ts'
import { recordPrinted } from '../../support/printed.ts'

const page = docsPage('explain.md')

const { printed } = recordPrinted()

/** The words of a command line, as a shell reads them; names of files become those of the folder. */
function wordsOf(command: string, folder: string): string[] {
  const words = [...command.trim().matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '')
  expect(words.slice(0, 2)).toEqual(['haproxy-temporal', 'explain'])
  return words.slice(2).map((word) => (/^[a-z]+\.(?:json|jsonl|yaml)$/.test(word) ? join(folder, word) : word))
}

/** Times are of the machine; and the second one is left out where nothing can be said. */
function stable(text: string, folder: string): string {
  return text
    .replaceAll(`${folder}/`, '')
    .replaceAll(/\d+(?:\.\d+)?(?:e[+-]\d+)? us/g, 'N us')
    .trimEnd()
}

it('the page shows what its commands print', async () => {
  const folder = tempFolder()
  const config = codeBlock(page, 'yaml')
  writeFileSync(join(folder, 'agent.yaml'), config)
  writeFileSync(join(folder, 'new.yaml'), config.replace('"buyer"', '"purchaser"'))
  writeFileSync(join(folder, 'identity.json'), codeBlock(page, 'json'))
  writeFileSync(join(folder, 'audit.jsonl'), codeBlock(page, 'jsonl'))
  const commands = codeBlocks(page, 'sh')
  const outputs = codeBlocks(page, 'text')
  expect(commands.length).toBe(outputs.length)
  expect(commands.length).toBeGreaterThan(4)
  for (const [i, command] of commands.entries()) {
    printed.length = 0
    const words = [...wordsOf(command, folder), '--config', join(folder, 'agent.yaml')]
    await explainCommand().parseAsync(words, { from: 'user' })
    expect(stable(printed.join('\n'), folder), command).toBe(stable(outputs[i] ?? '', folder))
  }
})

it('the page names every option', () => {
  for (const { long } of explainCommand().options) {
    if (long !== undefined && long !== null && long !== '--config') expect(page, long).toContain(long)
  }
})

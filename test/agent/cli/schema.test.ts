import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ROOT } from '../../../agent/dev/tools.ts'
import { RunningCommand } from '../../support/command.ts'

it('prints the published schema, and nothing else', async () => {
  const command = new RunningCommand(['schema'])
  const { code, stdout, stderr } = await command.result
  command.dispose()
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toBe(readFileSync(join(ROOT, 'schema/agent.schema.json'), 'utf8'))
  expect(JSON.parse(stdout)).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:haproxy-temporal:agent.yaml:1',
  })
})

it('the shipped agent.yaml names the schema in its first line, where editors look for it', () => {
  const [first = ''] = readFileSync(join(ROOT, 'agent.yaml'), 'utf8').split('\n')
  const path = /^# yaml-language-server: \$schema=(\S+)$/.exec(first)?.[1] ?? ''
  expect(JSON.parse(readFileSync(join(ROOT, path), 'utf8'))).toHaveProperty('$id')
})

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadConfig, parseConfig } from '../../../agent/config/load.ts'
import { tempFolder } from '../../support/folder.ts'

const yaml = (admin: string): string => `version: 1
spop: { listen: "tcp://127.0.0.1:9000" }
temporal: { address: "127.0.0.1:7233" }
admin: { listen: "tcp://127.0.0.1:9101", ${admin} }
rules: []
`

describe('admin.token', () => {
  it('is a text, from the environment best', () => {
    const env = { ADMIN_TOKEN: 'canary-admin-token-4d1f' }
    const { config } = parseConfig('agent.yaml', yaml('token: "${ADMIN_TOKEN}"'), env)
    expect(config.admin?.token).toEqual({ value: env.ADMIN_TOKEN })
  })

  it('is a file, beside agent.yaml', () => {
    const folder = tempFolder()
    const path = join(folder, 'agent.yaml')
    writeFileSync(path, yaml('token: { file: admin-token }'))
    expect(loadConfig(path).config.admin).toEqual({
      listen: 'tcp://127.0.0.1:9101',
      token: { file: join(folder, 'admin-token') },
    })
  })

  it.each(['token: short', 'token: ""', 'token: { path: x }'])('is not { %s }', (token) => {
    expect(() => parseConfig('agent.yaml', yaml(token), {})).toThrow()
  })

  it('is refused when it is short, without a word of it', () => {
    const broken = () => parseConfig('agent.yaml', yaml('token: "${ADMIN_TOKEN}"'), { ADMIN_TOKEN: 'hunter2' })
    expect(broken).toThrow('at least 16 characters')
    expect(broken).not.toThrow('hunter2')
  })
})

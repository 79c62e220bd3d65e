import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadConfig, parseConfig } from '../../../agent/config/load.ts'
import { ConfigError } from '../../../agent/config/problem.ts'
import { tempFolder } from '../../support/folder.ts'

const text = (temporal: string): string =>
  `version: 1\nspop: { listen: "tcp://127.0.0.1:9000" }\ntemporal: { address: "a:1", ${temporal} }\nrules: []\n`

const parse = (temporal: string, env = {}) => parseConfig('agent.yaml', text(temporal), env).config.temporal

function problemsOf(temporal: string): string[] {
  try {
    parse(temporal)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ message }) => message)
    throw error
  }
  return []
}

describe('the API key', () => {
  it('is a text, best from the environment, or a file', () => {
    expect(parse('apiKey: "${KEY}"', { KEY: 'k' }).apiKey).toEqual({ value: 'k' })
    expect(parse('apiKey: { file: key.txt }').apiKey).toEqual({ file: 'key.txt' })
  })

  it('is told as wrong without being shown', () => {
    const [message, ...others] = problemsOf('apiKey: "ca nary"')
    expect(message).toContain('expected an API key')
    expect(message).not.toContain('nary')
    expect(others).toEqual([])
  })
})

describe('namespaces', () => {
  it('may have dots in their names, as those of Temporal Cloud', () => {
    expect(parse('namespaces: { shop.a1b2c: { address: "shop.a1b2c.tmprl.cloud:7233" } }').namespaces).toEqual({
      'shop.a1b2c': { address: 'shop.a1b2c.tmprl.cloud:7233' },
    })
    expect(parse('namespace: edge').namespaces).toEqual({})
  })

  it.each([
    ['namespaces: { shop: { adress: "b:1" } }', 'unknown key "adress"'],
    ['namespaces: { shop: { address: "http://b" } }', 'expected host:port'],
    ['namespaces: { shop: { address: "b:70000" } }', 'expected a port up to 65535'],
    ['namespaces: { shop: { apiKey: k, tls: false } }', 'would send the key in clear text'],
    ['namespaces: { shop: { tls: { keyFile: k.pem } } }', 'needs both "certFile" and "keyFile"'],
    ['namespaces: [shop]', 'expected a mapping'],
  ])('%s is refused', (temporal, message) => {
    const found = problemsOf(temporal)
    expect(found).toHaveLength(1)
    expect(found[0]).toContain(message)
  })
})

it('paths are relative to the file', () => {
  const folder = tempFolder()
  const file = join(folder, 'agent.yaml')
  const tls = 'tls: { caFile: ca.pem, certFile: c.pem, keyFile: /etc/k.pem, serverName: name }'
  writeFileSync(file, text(`${tls}, apiKey: { file: key }, namespaces: { shop: { apiKey: { file: shop.key } } }`))
  const { temporal } = loadConfig(file, {}).config
  const certificates = { caFile: join(folder, 'ca.pem'), certFile: join(folder, 'c.pem'), keyFile: '/etc/k.pem' }
  expect(temporal).toMatchObject({
    tls: { ...certificates, serverName: 'name' },
    apiKey: { file: join(folder, 'key') },
    namespaces: { shop: { apiKey: { file: join(folder, 'shop.key') } } },
  })
})

import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { askMissing, type Given } from '../../../agent/init/ask.ts'

/** What a person is asked, and what comes of the answers. */
async function asked(given: Partial<Given>, ...lines: string[]): Promise<{ result: Given; questions: string }> {
  const input = new PassThrough()
  const output = new PassThrough()
  input.end(lines.map((line) => `${line}\n`).join(''))
  const result = await askMissing({ settings: new Map(), ...given }, input, output)
  return { result, questions: String(output.read() ?? '') }
}

it('asks for everything, and takes an empty answer for what stands in brackets', async () => {
  const { result, questions } = await asked({}, '', 'https://id.example.com', 'orders-api', '', '', '', '', '')
  expect(result).toEqual({
    preset: 'oidc',
    settings: new Map([
      ['issuer', ['https://id.example.com']],
      ['audience', ['orders-api']],
    ]),
    host: undefined,
    protect: ['/**'],
    open: ['/healthz'],
    workflow: undefined,
    upstream: '127.0.0.1:9201',
  })
  expect(questions).toContain('Whose tokens do callers show? oidc, okta')
  expect(questions).toContain('Paths that need a token [/**]: ')
})

it('asks what the preset needs, and not for what is given', async () => {
  const given = { protect: ['/api/**'], open: ['/healthz'], host: 'api.example.com', upstream: 'a:1' }
  const { result, questions } = await asked(
    given,
    'nothing',
    'cognito',
    'eu-west-1_AbCdEfGhI',
    'one, two',
    'requestHook',
  )
  expect(result).toEqual({
    ...given,
    preset: 'cognito',
    settings: new Map([
      ['userPool', ['eu-west-1_AbCdEfGhI']],
      ['clients', ['one', 'two']],
    ]),
    workflow: 'requestHook',
  })
  // The first answer is no preset: it is asked again.
  expect(questions.match(/Whose tokens/g)).toHaveLength(2)
  expect(questions).not.toMatch(/Host of|Paths|Server/)
})

it('asks for the account and its issuer', async () => {
  const { result } = await asked(
    { preset: 'aws-sts' },
    '123456789012',
    'https://a.example.com',
    'a',
    '',
    '',
    '',
    '',
    '',
  )
  expect([...result.settings]).toEqual([
    ['accounts.123456789012', ['https://a.example.com']],
    ['audience', ['a']],
  ])
})

it('writes nothing for somebody who goes away', async () => {
  await expect(asked({ preset: 'oidc' }, 'https://id.example.com')).rejects.toThrow('nothing is written')
})

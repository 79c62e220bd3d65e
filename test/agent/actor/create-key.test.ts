import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createKey } from '../../../agent/actor/create-key.ts'
import { parseSigningKey, parseVerificationKeys } from '../../../agent/actor/key-text.ts'
import { tempFolder } from '../../support/folder.ts'

function filesIn(folder: string, name = 'key.pem') {
  return { keyFile: join(folder, name), jwksFile: join(folder, 'keys.json') }
}

it.each(['EdDSA', 'ES256'] as const)('makes a private %s key for its owner alone, and a public set', (alg) => {
  const files = filesIn(tempFolder())
  const { kid, keys } = createKey(alg, files)
  expect(keys).toBe(1)
  expect(statSync(files.keyFile).mode & 0o777).toBe(0o600)
  expect(parseSigningKey(readFileSync(files.keyFile, 'utf8'))).toMatchObject({ kid, alg })
  expect(parseVerificationKeys(readFileSync(files.jwksFile, 'utf8'))).toMatchObject([{ kid }])
})

it('adds to the set that is there', () => {
  const folder = tempFolder()
  const first = createKey('EdDSA', filesIn(folder))
  const second = createKey('EdDSA', filesIn(folder, 'next.pem'))
  const kids = parseVerificationKeys(readFileSync(join(folder, 'keys.json'), 'utf8')).map(({ kid }) => kid)
  expect(kids).toEqual([first.kid, second.kid])
})

it('never overwrites a key, and then leaves the set alone', () => {
  const files = filesIn(tempFolder())
  createKey('EdDSA', files)
  const before = [readFileSync(files.keyFile, 'utf8'), readFileSync(files.jwksFile, 'utf8')]
  expect(() => createKey('EdDSA', files)).toThrow('EEXIST')
  expect([readFileSync(files.keyFile, 'utf8'), readFileSync(files.jwksFile, 'utf8')]).toEqual(before)
})

it.each(['no JSON', '{"keys":[]}', '{"keys":[{"kty":"oct","k":"secret"}]}'])(
  'does not add to %j, and makes no key then',
  (text) => {
    const files = filesIn(tempFolder())
    writeFileSync(files.jwksFile, text)
    expect(() => createKey('EdDSA', files)).toThrow(files.jwksFile)
    expect(() => statSync(files.keyFile)).toThrow('ENOENT')
  },
)

it('leaves no private key behind when its public half cannot be told', () => {
  const folder = tempFolder()
  const files = { keyFile: join(folder, 'key.pem'), jwksFile: join(folder, 'missing', 'keys.json') }
  expect(() => createKey('EdDSA', files)).toThrow('ENOENT')
  expect(() => statSync(files.keyFile)).toThrow('ENOENT')
})

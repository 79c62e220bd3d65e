import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ensureCertificates } from '../../../agent/dev/certificates.ts'
import { check } from '../../../agent/lint/check.ts'
import { parseVersion } from '../../../agent/lint/version.ts'
import { HAPROXY_VERSIONS } from '../../support/edge.ts'
import { newFolder, removeFolder } from '../../support/folder.ts'
import { RECIPES, writeRecipe } from '../../support/recipes.ts'

const FILES = RECIPES.flatMap(
  (name) =>
    ({ 'rate-limit-stick-table': ['', 'peers'], logging: ['', 'httplog'], tcp: ['', 'session'] })[name]?.map(
      (variant) => ({
        name,
        variant,
      }),
    ) ?? [{ name, variant: '' }],
)

/** What the pages take from the environment, as far as it has no default. */
Object.assign(process.env, { OIDC_ISSUER: 'https://login.example.com', RATE_LIMIT_KEY: 'test-only-key-of-callers' })

describe.each(HAPROXY_VERSIONS)('"check" for HAProxy %s', (version) => {
  const folder = newFolder()
  beforeAll(async () => {
    process.env['TLS_CERT'] = (await ensureCertificates(join(folder, 'tls'))).edge
  })
  afterAll(() => removeFolder(folder))

  it.each(FILES)('finds nothing to say of the recipe $name $variant', ({ name, variant }) => {
    const own = join(folder, `${name}-${variant}`)
    process.env['MAPS'] = own
    const files = writeRecipe(own, name, variant === '' ? undefined : variant)
    const { problems, haproxy } = check({ ...files, haproxyVersion: parseVersion(version) })
    expect(problems.map(({ code, file, line, message }) => `${file}:${line} ${code} ${message}`)).toEqual([])
    expect(haproxy).toContain(version)
  })
})

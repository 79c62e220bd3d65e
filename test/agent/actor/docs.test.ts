import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createKey } from '../../../agent/actor/create-key.ts'
import { openActors } from '../../../agent/actor/open.ts'
import { openActorVerifier } from '../../../agent/actor/verifier.ts'
import { CREATE_COMMAND } from '../../../agent/actor/search-attributes.ts'
import { actorSchema } from '../../../agent/config/actor.ts'
import { loadConfig } from '../../../agent/config/load.ts'
import { compileRules } from '../../../agent/rules/compile.ts'
import { codeBlocks, docsPage } from '../../support/docs.ts'
import { tempFolder } from '../../support/folder.ts'
import { quiet } from './support/keys.ts'

const page = docsPage('actor.md')
const blocks = (language: string): string[] => codeBlocks(page, language)

describe('docs/actor.md', () => {
  it('its two configurations load, and fit each other and the keys that its command makes', async () => {
    const folder = tempFolder()
    mkdirSync(join(folder, 'secrets'))
    const files = { keyFile: join(folder, 'secrets/actor-key.pem'), jwksFile: join(folder, 'actor-keys.json') }
    createKey('EdDSA', files)
    writeFileSync(join(folder, 'secrets/pseudonyms.secret'), 'a secret of enough characters')
    const [agent, worker] = blocks('yaml').map((text, i) => {
      const file = join(folder, `${i}.yaml`)
      writeFileSync(file, text)
      const loaded = loadConfig(file, {})
      compileRules(loaded.config, loaded.document)
      return loaded.config
    })
    expect(blocks('yaml')).toHaveLength(2)
    expect(agent?.actor.signingKey?.file).toBe(files.keyFile)
    expect(worker?.actor).toMatchObject({ verifyKeys: { file: files.jwksFile }, require: true })
    if (agent === undefined || worker === undefined) return
    const { close } = await openActors(agent.actor, quiet)
    close()
    const verifier = await openActorVerifier(worker.actor, quiet)
    expect(verifier?.required).toBe(true)
    verifier?.close()
  })

  it('names the command for search attributes as the agent does, and every setting', () => {
    expect(blocks('sh').join('')).toContain(CREATE_COMMAND)
    for (const setting of Object.keys(actorSchema.parse({ pseudonyms: { secret: 'x' }, verifyKeys: { file: 'x' } }))) {
      expect(page).toContain(`| \`${setting}`)
    }
  })
})

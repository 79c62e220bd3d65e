import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import type { RevokeOptions } from '../identity/revocation/revoke-input.ts'
import { jsonOption } from './options.ts'

interface FileOptions {
  readonly file: string
  readonly json: boolean
}

/** `haproxy-temporal revoke`, and below it `list` and `purge`. */
export function revokeCommand(): Command {
  const revoke = new Command('revoke')
    .description('add an entry to a list of revocations, which running agents read within seconds')
    .requiredOption('--file <file>', 'the list: identity.revocation.file of agent.yaml')
    .option('--jti <id>', 'a credential by its id: jti, id of an API key, serial number')
    .option('--subject <name>', 'all credentials of a caller')
    .option('--session <id>', 'all credentials of a session: sid')
    .option('--token <->', 'the token on standard input; only its SHA-256 is kept')
    .option('--certificate <file>', 'a client certificate and the tokens bound to it; only its SHA-256 is kept')
    .option('--all-before <time>', '"now" or a time: only what was issued before; alone it takes a whole provider')
    .option('--provider <name>', 'only credentials of this provider')
    .option('--issuer <issuer>', 'only credentials of this issuer')
    .option('--until <time>', 'when the entry is over: 8h, a time, or "never"; tokens and certificates know it')
    .option('--reason <text>', 'for people who read the list')
    .addOption(jsonOption())
    .action(async ({ file, json, ...options }: FileOptions & RevokeOptions) => {
      const { revokeInput, RevokeOptionsError } = await import('../identity/revocation/revoke-input.ts')
      const { appendRevocation } = await import('../identity/revocation/revoke-file.ts')
      try {
        const entry = revokeInput(options, Date.now() / 1000, () => readFileSync(0, 'utf8'))
        appendRevocation(file, entry)
        if (json) console.log(JSON.stringify({ ok: true, file, entry }))
        else console.log(`${file}: revoked ${JSON.stringify(entry)}`)
      } catch (error) {
        if (error instanceof RevokeOptionsError) revoke.error(`error: ${error.message}`)
        throw error
      }
    })
  const list = new Command('list').description('print the entries that hold now')
  list.action(async () => {
    const { file, json } = list.optsWithGlobals<FileOptions>()
    const { readRevokeFile } = await import('../identity/revocation/revoke-file.ts')
    const entries = readRevokeFile(file).filter(({ until }) => until > Date.now())
    const shown = entries.map(({ issuedBefore, until, ...entry }) => ({
      ...entry,
      issuedBefore: Number.isFinite(issuedBefore) ? new Date(issuedBefore * 1000).toISOString() : undefined,
      until: Number.isFinite(until) ? new Date(until).toISOString() : 'never',
    }))
    if (json) console.log(JSON.stringify({ ok: true, entries: shown }))
    else for (const entry of shown) console.log(JSON.stringify(entry))
  })
  const purge = new Command('purge').description('drop the entries that are over')
  purge.action(async () => {
    const { file, json } = purge.optsWithGlobals<FileOptions>()
    const { purgeRevokeFile } = await import('../identity/revocation/revoke-file.ts')
    const dropped = purgeRevokeFile(file, Date.now())
    if (json) console.log(JSON.stringify({ ok: true, file, dropped }))
    else console.log(`${file}: ${dropped} dropped`)
  })
  revoke.addCommand(list).addCommand(purge)
  for (const command of [list, purge]) command.copyInheritedSettings(revoke)
  return revoke
}

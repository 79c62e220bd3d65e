import { readFileSync } from 'node:fs'
import { Command, InvalidArgumentError, Option } from 'commander'
import { parseExpiry } from '../identity/api-key/expiry.ts'
import { jsonOption } from './options.ts'

interface CreateOptions {
  readonly owner: string
  readonly id?: string
  readonly tenant?: string
  readonly role: readonly string[]
  readonly scope: readonly string[]
  readonly expires?: Date
  readonly note?: string
  readonly prefix?: string
  readonly pepperFile?: string
  readonly file?: string
  readonly json: boolean
}

const pepperOption = (): Option =>
  new Option('--pepper-file <file>', 'hash with this secret, the "pepper" of agent.yaml')

const several = (value: string, before: readonly string[]): string[] => [...before, value]

/** `haproxy-temporal api-key`. */
export function apiKeyCommand(): Command {
  const command = new Command('api-key').description('make API keys and their entries for a file of keys')
  // Settings are inherited when a command is added: too early for these two.
  for (const sub of [createCommand(), hashCommand()]) {
    command.addCommand(sub.exitOverride().showHelpAfterError('(--help shows what there is)'))
  }
  return command
}

function createCommand(): Command {
  return new Command('create')
    .description('make a key: it is printed once and stored nowhere, the entry holds its hash only')
    .requiredOption('--owner <name>', 'who calls with it: becomes the subject')
    .option('--id <id>', 'names the key where people see it; default: random')
    .option('--tenant <name>', 'the tenant of its owner')
    .option('--role <name>', 'a role; may be given again', several, [])
    .option('--scope <name>', 'a scope; may be given again', several, [])
    .option('--expires <when>', 'after so long (90d, 12h), or a date such as 2026-12-31', expiry)
    .option('--note <text>', 'anything that helps to remember what it is for')
    .option('--prefix <text>', 'begins the key, as "prefix" of the provider in agent.yaml says')
    .addOption(pepperOption())
    .option('--file <file>', 'add the entry to this file of keys, and print the key alone')
    .addOption(jsonOption())
    .action(async (options: CreateOptions, command: Command) => {
      const [{ keyEntry }, { DEFAULT_PREFIX, formatKey, KEY_ID_PATTERN, newKeyId, PREFIX_PATTERN }, { writtenHash }] =
        await Promise.all([
          import('../identity/api-key/key-entry.ts'),
          import('../identity/api-key/key-format.ts'),
          import('../identity/api-key/key-hash.ts'),
        ])
      const { id = newKeyId(), prefix = DEFAULT_PREFIX, owner, tenant, role, scope, expires, note } = options
      if (!PREFIX_PATTERN.test(prefix)) usage(command, '--prefix: a small letter, then small letters, digits and "_"')
      if (!KEY_ID_PATTERN.test(id)) usage(command, '--id: letters, digits and "-", 64 at most')
      const key = formatKey(prefix, id)
      const entry = {
        id,
        hash: writtenHash(key, pepperOf(options.pepperFile)),
        owner,
        ...(tenant !== undefined && { tenant }),
        ...(role.length > 0 && { roles: [...role] }),
        ...(scope.length > 0 && { scopes: [...scope] }),
        ...(expires !== undefined && { expires: expires.toISOString().replace('.000Z', 'Z') }),
        ...(note !== undefined && { note }),
      }
      const checked = keyEntry.safeParse(entry)
      if (!checked.success) {
        const [issue] = checked.error.issues
        usage(command, `--${String(issue?.path[0]).replace(/^(role|scope)s$/, '$1')}: ${issue?.message}`)
      }
      const { appendEntry, renderEntry } = await import('../identity/api-key/append-entry.ts')
      if (options.file !== undefined) await appendEntry(options.file, entry)
      if (options.json) console.log(JSON.stringify({ ok: true, key, entry, file: options.file ?? null }))
      else if (options.file === undefined) console.log(`${key}\n\n${renderEntry(entry).trimEnd()}`)
      else console.log(key)
    })
}

function hashCommand(): Command {
  return new Command('hash')
    .description('read a key from standard input and print its hash, for the entry of a key that was made elsewhere')
    .addOption(pepperOption())
    .addOption(jsonOption())
    .action(async ({ pepperFile, json }: { pepperFile?: string; json: boolean }) => {
      const { writtenHash } = await import('../identity/api-key/key-hash.ts')
      const key = readFileSync(0, 'utf8').replace(/\r?\n$/, '')
      if (!/^[\x20-\x7e]+$/.test(key)) throw new Error('expected one key of printable ASCII on standard input')
      const hash = writtenHash(key, pepperOf(pepperFile))
      console.log(json ? JSON.stringify({ ok: true, hash }) : hash)
    })
}

/** As the agent reads a secret out of a file: without the white space at its ends. */
function pepperOf(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  const pepper = readFileSync(file, 'utf8').trim()
  if (pepper === '') throw new Error(`${file} is empty`)
  return pepper
}

function expiry(value: string): Date {
  const days = /^([1-9]\d{0,5})([smhdwy])$/.exec(value)
  const unit = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, y: 31_536_000 }[days?.[2] ?? ''] ?? 0
  // Whole seconds, as it is written.
  const now = Math.floor(Date.now() / 1000) * 1000
  const at = days === null ? parseExpiry(value) : now + Number(days[1]) * unit * 1000
  if (at === undefined || at > 253_402_300_799_000)
    throw new InvalidArgumentError('Expected 90d, 12h, 2026-12-31 or a whole RFC 3339 time.')
  if (at <= now) throw new InvalidArgumentError('That is in the past.')
  return new Date(at)
}

/** Ends the command as a mistake on the command line does. */
function usage(command: Command, message: string): never {
  command.error(`error: ${message}`, { exitCode: 2, code: 'commander.invalidArgument' })
}

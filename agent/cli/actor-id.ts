import { Command } from 'commander'
import { UserError } from '../errors.ts'
import { configOption, jsonOption } from './options.ts'

interface Options {
  readonly config: string
  readonly provider?: string
  readonly subject?: string
  readonly key?: string
  readonly json: boolean
}

/** `haproxy-temporal actor-id`. */
export function actorIdCommand(): Command {
  return new Command('actor-id')
    .description('print the pseudonym of a caller or of an entity key, to search Temporal for')
    .option('--provider <name>', 'provider of agent.yaml, with --subject')
    .option('--subject <subject>', 'subject of the caller: prints what ActorId holds')
    .option('--key <key>', 'an entity key: prints what workflow ids hold with "keyAs: pseudonym"')
    .addOption(configOption())
    .addOption(jsonOption())
    .action(async (options: Options, command: Command) => {
      const { provider, subject, key, json } = options
      const asksForCaller = provider !== undefined && subject !== undefined && key === undefined
      const asksForKey = provider === undefined && subject === undefined && key !== undefined
      if (!asksForCaller && !asksForKey) {
        command.error('error: expected --provider with --subject, or --key', { exitCode: 2, code: 'commander.invalid' })
      }
      const id = await pseudonymFor(options)
      console.log(json ? JSON.stringify({ ok: true, ...(asksForKey ? { key: id } : { actorId: id }) }) : id)
    })
}

async function pseudonymFor({ config: file, provider = '', subject = '', key }: Options): Promise<string> {
  const [{ loadConfig }, { openPseudonymKey }, { actorPseudonym }, { entityPseudonym }] = await Promise.all([
    import('../config/load.ts'),
    import('../actor/open.ts'),
    import('../identity/pseudonym.ts'),
    import('../actor/actors.ts'),
  ])
  const { config } = loadConfig(file)
  if (config.actor.pseudonyms === undefined) {
    throw new UserError(
      'CONFIG_MISSING',
      `${file} has no actor.pseudonyms: callers stand in Temporal under their names`,
    )
  }
  if (key === undefined && config.identity.providers[provider] === undefined) {
    throw new UserError('CONFIG_REFERENCE', `${file} has no provider "${provider}"`)
  }
  const quiet = { info() {}, warn() {}, error() {} }
  const open = await openPseudonymKey(config.actor.pseudonyms, quiet)
  try {
    const made = key === undefined ? actorPseudonym(open.key, provider, subject) : entityPseudonym(open.key, key)
    // Just opened, and opening makes sure of the secret.
    if (made === undefined) throw new Error('the secret of actor.pseudonyms went away')
    return made
  } finally {
    open.close()
  }
}

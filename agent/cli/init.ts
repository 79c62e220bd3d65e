import { Command, InvalidArgumentError, Option } from 'commander'
import type { Given } from '../init/ask.ts'
import { InitRefused, type PresetName, PRESETS } from '../init/answers.ts'
import { jsonOption } from './options.ts'

interface Options {
  readonly preset?: PresetName
  readonly issuer?: string[]
  readonly audience?: string[]
  readonly setting: ReadonlyMap<string, string[]>
  readonly host?: string
  readonly protect?: string[]
  readonly public?: string[]
  readonly workflow?: string
  readonly upstream?: string
  readonly dir: string
  readonly force: boolean
  readonly json: boolean
}

/** `haproxy-temporal init`. */
export function initCommand(): Command {
  return new Command('init')
    .description('write agent.yaml, haproxy.cfg and spoe.conf for your provider and your paths')
    .addOption(
      new Option('--preset <name>', 'whose tokens callers show (oidc: any OpenID provider)').choices(
        Object.keys(PRESETS),
      ),
    )
    .option('--issuer <url>', 'issuer of the tokens', collect)
    .option('--audience <name>', 'name of your API in tokens; may come again', collect)
    .addOption(
      new Option('--setting <key=value>', 'what else the preset needs: tenants=…, userPool=…; may come again')
        .argParser(toSettings)
        .default(new Map<string, string[]>(), 'none'),
    )
    .option('--host <name>', 'host of your API; any without it')
    .option('--protect <path>', 'path that needs a token, "/api/**"; may come again', collect)
    .option('--public <path>', 'path for everybody, "/healthz"; may come again', collect)
    .option('--workflow <type>', 'workflow type that allowed requests lead to, such as requestHook')
    .option('--upstream <host:port>', 'server behind HAProxy')
    .option('--dir <folder>', 'where the files go', '.')
    .addOption(new Option('--force', 'overwrite files').default(false))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nOn a terminal it asks for what is not given. Nothing is written when one of the files is there.\n',
    )
    .action(async (options: Options, command: Command) => {
      try {
        await run(options)
      } catch (error) {
        if (!(error instanceof InitRefused)) throw error
        command.error(`error: ${error.message}`, { exitCode: 2 })
      }
    })
}

async function run(options: Options): Promise<void> {
  const { filesFor, writeFiles } = await import('../init/files.ts')
  const { askMissing } = await import('../init/ask.ts')
  const { nextSteps } = await import('../init/next-steps.ts')
  const given = givenBy(options)
  const isTerminal = process.stdin.isTTY && process.stderr.isTTY && !options.json
  const {
    preset = 'oidc',
    protect = ['/**'],
    open = ['/healthz'],
    ...rest
  } = isTerminal ? await askMissing(given, process.stdin, process.stderr) : given
  const answers = { preset, protect, open, ...rest }
  const files = writeFiles(options.dir, filesFor(answers), options.force)
  const commands = nextSteps(options.dir, answers)
  if (options.json) console.log(JSON.stringify({ ok: true, files, next: commands }))
  else
    console.log(
      [...files.map((file) => `wrote ${file}`), '', 'Next:', ...commands.map((line) => `  ${line}`)].join('\n'),
    )
}

function givenBy({ issuer, audience, setting, public: open, ...rest }: Options): Given {
  const settings = new Map<string, string[]>()
  if (issuer !== undefined) settings.set('issuer', issuer)
  if (audience !== undefined) settings.set('audience', audience)
  for (const [key, values] of setting) settings.set(key, values)
  const { preset, host, protect, workflow, upstream } = rest
  return { preset, settings, host, protect, open, workflow, upstream }
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value]
}

function toSettings(text: string, before: ReadonlyMap<string, string[]>): Map<string, string[]> {
  const [, key, value] = /^([A-Za-z]+(?:\.[^=]+)?)=(.+)$/.exec(text) ?? []
  if (key === undefined || value === undefined) throw new InvalidArgumentError('Expected key=value, such as tenants=….')
  return new Map(before).set(key, [...(before.get(key) ?? []), value])
}

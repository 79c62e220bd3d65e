import { Command, InvalidArgumentError, Option } from 'commander'
import { MOMENT, parseMoment } from '../admin/moment.ts'
import { OUTBOX_TABLES } from '../admin/outbox-request.ts'
import type { OutboxTable, RowFilter } from '../dispatch/store/outbox-calls.ts'
import { configOption, jsonOption } from './options.ts'
import type { SourceOptions } from './outbox-source.ts'

export interface OutboxOptions extends SourceOptions {
  readonly json: boolean
}

interface RowsOptions extends OutboxOptions, RowFilter {
  readonly table: OutboxTable
}

interface ListOptions extends RowsOptions {
  readonly limit: number
}

interface PurgeOptions extends RowsOptions {
  readonly yes: boolean
}

/** `haproxy-temporal outbox`. */
export function outboxCommand(): Command {
  const command = new Command('outbox').description(
    'events that wait for Temporal, that it refuses, that it has: look at them, and put things right',
  )
  const parts = [
    statusCommand(),
    listCommand(),
    showCommand(),
    redriveCommand(),
    replayCommand(),
    purgeCommand(),
    pauseCommand(),
    resumeCommand(),
  ]
  for (const one of parts) {
    // Settings are inherited when a command is added: too early for these.
    command.addCommand(one.exitOverride().showHelpAfterError('(--help shows what there is)'))
  }
  return command
}

function statusCommand(): Command {
  return part('status', 'how many events there are, and which rules are paused').action(
    async (options: OutboxOptions) => {
      const { runStatus } = await import('./outbox-run.ts')
      await runStatus(options)
    },
  )
}

function listCommand(): Command {
  return filtered(part('list', 'rows without their bodies, oldest first'))
    .addOption(tableOption())
    .addOption(new Option('--limit <n>', 'rows at most').argParser(parseCount).default(50))
    .action(async (options: ListOptions, command: Command) => {
      const { runList } = await import('./outbox-run.ts')
      await runList(options, { table: options.table, filter: filterOf(options, command), limit: options.limit })
    })
}

function showCommand(): Command {
  return part('show', 'one event: what Temporal is asked for, and what the event holds')
    .argument('<id>', 'its id, as "outbox list" prints it')
    .action(async (id: string, options: OutboxOptions) => {
      const { runShow } = await import('./outbox-run.ts')
      await runShow(options, id)
    })
}

function redriveCommand(): Command {
  return filtered(part('redrive', 'try dead letters again, under their own ids')).action(
    async (options: OutboxOptions & RowFilter, command: Command) => {
      const { runRedrive } = await import('./outbox-run.ts')
      await runRedrive(options, filterOf(options, command))
    },
  )
}

function replayCommand(): Command {
  return filtered(part('replay', 'send delivered events once more, under new ids: they have their effect again'))
    .addHelpText('after', '\nNeeds --from or --id, and outbox.retain of agent.yaml. Not those of meter and window.\n')
    .action(async (options: OutboxOptions & RowFilter, command: Command) => {
      const filter = filterOf(options, command)
      if (filter.from === undefined && filter.id === undefined) {
        command.error('error: replay needs --from or --id', { exitCode: 2 })
      }
      const { runReplay } = await import('./outbox-run.ts')
      await runReplay(options, filter)
    })
}

function purgeCommand(): Command {
  return filtered(part('purge', 'delete rows for good; those on their way to Temporal are left alone'))
    .addOption(tableOption())
    .addOption(new Option('--yes', 'do not ask').default(false))
    .action(async (options: PurgeOptions, command: Command) => {
      const filter = filterOf(options, command)
      const canAsk = process.stdin.isTTY && process.stderr.isTTY && !options.json
      if (!options.yes && !canAsk) command.error('error: purge deletes for good: give --yes', { exitCode: 2 })
      const { runPurge } = await import('./outbox-run.ts')
      await runPurge(options, { table: options.table, filter, yes: options.yes })
    })
}

function pauseCommand(): Command {
  return part('pause', 'keep the events of a rule on disk from now on; requests are decided as before')
    .argument('<rule>', 'name of the rule')
    .action(async (rule: string, options: OutboxOptions) => {
      const { runPause } = await import('./outbox-run.ts')
      await runPause(options, rule)
    })
}

function resumeCommand(): Command {
  return part('resume', 'deliver the events of a rule again, those that have waited first')
    .argument('<rule>', 'name of the rule')
    .action(async (rule: string, options: OutboxOptions) => {
      const { runResume } = await import('./outbox-run.ts')
      await runResume(options, rule)
    })
}

function part(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .addOption(configOption())
    .option('--admin <url>', 'admin server of an agent to ask; default: the one of the configuration, while it runs')
    .option('--token-file <file>', 'file with its token; default: admin.token of the configuration')
    .addOption(
      new Option('--file <file>', 'a file that no agent uses, instead of outbox.path of the configuration').conflicts(
        'admin',
      ),
    )
    .addOption(jsonOption())
}

function filtered(command: Command): Command {
  return command
    .option('--rule <name>', 'only events of this rule')
    .option('--id <id>', 'only this one')
    .addOption(new Option('--from <time>', `only what happened then or later: ${MOMENT}`).argParser(parseTime))
    .addOption(new Option('--to <time>', 'only what happened before').argParser(parseTime))
}

function tableOption(): Option {
  return new Option(
    '--table <table>',
    'pending: not at Temporal yet; dead: refused for good; delivered: kept for a replay',
  )
    .choices(OUTBOX_TABLES)
    .default('dead')
}

function filterOf({ rule, id, from, to }: RowFilter, command: Command): RowFilter {
  if (from !== undefined && to !== undefined && from >= to) {
    command.error('error: --to is not after --from', { exitCode: 2 })
  }
  return {
    ...(rule !== undefined && { rule }),
    ...(id !== undefined && { id }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  }
}

function parseTime(text: string): number {
  const moment = parseMoment(text, Date.now())
  if (moment === undefined) throw new InvalidArgumentError(`Write ${MOMENT}.`)
  return moment
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('Write a whole number from 1.')
  return Number(text)
}

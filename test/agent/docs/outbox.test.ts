import { join } from 'node:path'
import type { Command } from 'commander'
import { Registry } from 'prom-client'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { dispatchMetrics } from '../../../agent/admin/dispatch-metrics.ts'
import { outboxCommand } from '../../../agent/cli/outbox.ts'
import { Counters } from '../../../agent/dispatch/counters.ts'
import { Outbox } from '../../../agent/dispatch/store/outbox.ts'
import { VERSION } from '../../../agent/dispatch/store/schema.ts'
import type { AgentParts } from '../../../agent/parts.ts'
import { codeBlock, codeBlocks, docsPage, docsSection } from '../../support/docs.ts'
import { tempFolder } from '../../support/folder.ts'

const page = docsPage('outbox.md')
const metricsPage = docsPage('how-it-works.md')

describe('the page about the outbox', () => {
  const commands = new Map(outboxCommand().commands.map((command) => [command.name(), command]))
  const optionsOf = (command: Command | undefined): string[] =>
    command?.options.map(({ long }) => long ?? '').filter((long) => long !== '') ?? []

  it('shows calls of commands and options that there are', () => {
    const shell = codeBlocks(page, 'sh').join('')
    const calls = [...shell.matchAll(/haproxy-temporal outbox (\w+)([^#\n]*)/g)]
    expect(calls.length).toBeGreaterThan(5)
    for (const [call, name = '', rest = ''] of calls) {
      expect([...commands.keys()], call).toContain(name)
      for (const [option] of rest.matchAll(/--[\w-]+/g)) expect(optionsOf(commands.get(name)), call).toContain(option)
    }
  })

  it('has a row for every command and every option', () => {
    const section = docsSection(page, 'Who answers')
    for (const [name, command] of commands) {
      expect(section, name).toContain(`\`outbox ${name}`)
      for (const option of optionsOf(command)) {
        const row = section.split('\n').find((line) => line.startsWith('|') && line.includes(`\`${option}\``))
        const told = section.split('\n').find((line) => line.includes(`\`outbox ${name}`) && line.includes(option))
        expect(row ?? told, `${name} ${option}`).toBeDefined()
      }
    }
  })

  it('gives a recovered file the version from which its counts are made anew', () => {
    expect(page).toContain(`PRAGMA user_version = ${VERSION - 1}"`)
  })

  it('reads the file as it is', () => {
    const outbox = new Outbox(join(tempFolder(), 'outbox.db'))
    onTestFinished(() => outbox.close())
    const statements = codeBlock(page, 'sql')
      .split(';')
      .filter((text) => text.trim() !== '')
    expect(statements).toHaveLength(4)
    for (const statement of statements) expect(outbox.db.prepare(statement).all()).toEqual([])
    // Names of tables and columns in its table, and of columns below it.
    const section = docsSection(page, 'What is in the file')
    for (const { name } of outbox.db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all()) {
      expect(section).toMatch(new RegExp(`^\\| \`${String(name)}\` \\|`, 'm'))
      for (const { name: column } of outbox.db.prepare(`PRAGMA table_info(${String(name)})`).all()) {
        expect(section).toContain(`\`${String(column)}\``)
      }
    }
  })
})

describe('metrics of the way to Temporal', () => {
  const counters = new Counters(['orders'])
  const dispatcher = {
    counters: () => counters.read(),
    state: () => ({ temporal: 'connected', connections: [], pausedRules: [], deniedRules: [] }),
  }
  const registry = new Registry()
  const parts = { dispatcher, budgets: { shares: () => [] }, windows: { open: 0, overflowed: 0 } }
  dispatchMetrics(registry, parts as unknown as AgentParts)
  const names = registry.getMetricsAsArray().map(({ name }) => name)

  it('have their row each', () => {
    const table = metricsPage.split('\n').filter((line) => line.startsWith('| `'))
    const told = table.flatMap((line) =>
      [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].flatMap(([, name = '']) => expand(name)),
    )
    expect(names.filter((name) => !told.includes(name.replace('haproxy_temporal_', '')))).toEqual([])
  })

  it('are what the alerts and the query of costs ask for', () => {
    const { groups } = parse(codeBlocks(page, 'yaml').at(-1) ?? '') as { groups: { rules: { expr: string }[] }[] }
    const expressions = groups.flatMap(({ rules }) => rules.map(({ expr }) => expr))
    expect(expressions.length).toBeGreaterThan(5)
    const asked = [...expressions, codeBlock(metricsPage, 'promql')].join('\n').match(/haproxy_temporal_\w+/g) ?? []
    const elsewhere = 'haproxy_temporal_decisions_total'
    expect(asked.filter((name) => name !== elsewhere && !names.includes(name))).toEqual([])
  })
})

/** `a_{b,c}` stands for `a_b` and `a_c`. */
function expand(name: string): string[] {
  const [, head = '', inner, tail = ''] = /^(.*?)\{(.*)\}(.*)$/.exec(name) ?? []
  return inner === undefined ? [name] : inner.split(',').map((each) => head + each + tail)
}

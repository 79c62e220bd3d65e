import { Command } from 'commander'

/** `haproxy-temporal schema`. */
export function schemaCommand(): Command {
  return new Command('schema')
    .description('print the JSON Schema of agent.yaml, for editors (docs/editors.md)')
    .action(async () => {
      const { schemaText } = await import('../config/json-schema.ts')
      process.stdout.write(schemaText())
    })
}

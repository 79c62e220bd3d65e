import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { agentSchema, schemaText } from '../config/json-schema.ts'
import { ROOT } from '../dev/tools.ts'
import { referencePage } from './reference.ts'

/** `npm run docs`: writes what is generated from the schema of the configuration. Tests compare it. */
const FILES: Readonly<Record<string, () => string>> = {
  'schema/agent.schema.json': schemaText,
  'docs/reference.md': () => referencePage(agentSchema()),
}

for (const [name, text] of Object.entries(FILES)) {
  const file = join(ROOT, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text())
  console.log(name)
}

// Writes numbers to standard output until that fails, then ends in good order.
import { LineFile } from '../../../../agent/audit/line-file.ts'
import { BatchWriter } from '../../../../agent/audit/writer.ts'

const write = (fields: object): void => console.error(JSON.stringify(fields))
const out = new LineFile(undefined, () => performance.now())
const writer = new BatchWriter<number>({
  out,
  log: { info: write, warn: write, error: write },
  maxQueue: 100,
  format: String,
})
for (let i = 0; writer.status().errors === 0; i++) {
  writer.push(i)
  await new Promise((resolve) => setTimeout(resolve, 1))
}
await writer.close(100)

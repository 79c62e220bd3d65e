// A thread that notices when the other one hangs in a case, which that cannot notice itself.
import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'

const { progress, seed, stallMs } = workerData as { progress: Float64Array; seed: number; stallMs: number }
let last = -1

setInterval(() => {
  const now = progress[0]!
  if (now === last) {
    writeSync(2, `fuzz: case ${now} of seed ${seed} has hung for ${stallMs} ms\n`)
    process.kill(process.pid, 'SIGKILL')
  }
  last = now
}, stallMs)

import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import { CLEAR, type Progress } from './progress.ts'

const { what } = workerData as Progress
let seconds = 0

// Not by way of process.stderr: that is written by the main thread, which has no time now.
setInterval(() => writeSync(2, `${CLEAR}${what}: ${++seconds} s`), 1000)

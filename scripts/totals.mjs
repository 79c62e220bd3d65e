// totals.mjs REPORT CODE: says what vitest's JSON report counted, and exits as that run has to.
import { readFileSync } from 'node:fs'

const [path, code] = [process.argv[2], Number(process.argv[3])]

function fail(reason) {
  process.stderr.write(`test: ${reason}\n`)
  process.exitCode = code || 1
}

let report
try {
  report = JSON.parse(readFileSync(path, 'utf8'))
} catch {
  fail(`vitest ended (exit code ${code}) before it wrote its report: no totals`)
  process.exit()
}

// A file that cannot be loaded, or whose hooks fail, fails without a failed test: it counts as one.
const brokenFiles = report.testResults.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
)
const passed = report.numPassedTests
const failed = report.numFailedTests + brokenFiles.length
const skipped = report.numPendingTests + report.numTodoTests

for (const file of brokenFiles) fail(`${file.name} failed as a whole`)
if (failed > 0) process.exitCode = code || 1
else if (passed === 0) fail('no test ran')
else if (code !== 0 || !report.success) fail(`vitest failed outside of the tests (exit code ${code}, see above)`)

process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`)

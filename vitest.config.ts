import { defineConfig } from 'vitest/config'

const isCi = !['', '0', 'false'].includes(process.env['CI'] ?? '')

// HAProxy has rare faults of its own, and real servers start late on a busy machine. On a build server that may cost a second
// attempt, told by name (second-attempts.ts), and not the build.
const retry = isCi ? 1 : 0

// Worker threads and child processes run on Node's own type stripping, so a green run is checked for the Node it used.
const setupFiles = ['test/support/require-node.ts']

/** As everything of this repository runs it: node-spoe from its sources, under a name that no bundler sets. */
const ssr = { resolve: { conditions: ['node-spoe-source', 'module', 'node'] } }

export default defineConfig({
  test: {
    projects: [
      {
        ssr,
        test: {
          name: 'unit',
          include: ['test/{node-spoe,agent,workflows,bench}/**/*.test.ts'],
          setupFiles,
          pool: 'forks',
          // Without a number vitest leaves one core to itself, which is half of the machine here.
          maxWorkers: 2,
          // Properties try thousands of cases, and the machine may do other things meanwhile: for what hangs only.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          retry,
        },
      },
      {
        ssr,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          setupFiles,
          pool: 'forks',
          // Each file runs HAProxy, an agent and often Temporal: two files at once are what two cores carry.
          maxWorkers: 2,
          retry,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        ssr,
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          setupFiles,
          pool: 'forks',
          // It compares with what the machine does undisturbed: nothing else may run beside it.
          sequence: { groupOrder: 1 },
          maxWorkers: 1,
        },
      },
    ],
  },
})

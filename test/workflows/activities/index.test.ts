import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createActivities } from '../../../workflows/activities/index.ts'

const HANDLERS = join(import.meta.dirname, '..', '..', '..', 'workflows', 'activities', 'handlers')

test('every file in handlers/ is in the table under its name, beside the default', async () => {
  const types = (await readdir(HANDLERS)).map((file) => file.replace(/\.ts$/, ''))
  expect(Object.keys(createActivities()).sort()).toEqual([...types, 'default', 'recordRequest', 'storeUsage'].sort())
})

test("a handler cannot take the name of the worker's own activities", () => {
  for (const name of ['storeUsage', 'default']) {
    expect(() => createActivities({ handlers: { [name]: async () => ({}) } })).toThrow(RangeError)
  }
})

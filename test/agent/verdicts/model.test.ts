import fc from 'fast-check'
import { expect, it } from 'vitest'
import { identityOf } from '../../../agent/identity/identity.ts'
import { LATE_MS, VerdictTable } from '../../../agent/verdicts/verdict-table.ts'

interface Kept {
  readonly route: string
  readonly version: number
  readonly expiresAt: number
  readonly forgetAt: number
}

const START = 1_800_000_000_000
const ref = {
  key: fc.constantFrom('a', 'b'),
  provider: fc.constantFrom(undefined, 'p', 'q'),
  version: fc.constantFrom(undefined, undefined, 1, 2, 3),
}
const span = fc.constantFrom(0, 1000, 2000, 5000, LATE_MS)
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('put' as const), ...ref, lasts: span }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('remove' as const), ...ref }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('wait' as const), span }) },
)

it('is what a plain list of verdicts is, with all their versions and ends', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), fc.nat(9), (steps, nth) => {
      let now = START
      const table = new VerdictTable({ now: () => now })
      const model = new Map<string, Kept>()
      for (const [i, did] of steps.entries()) {
        if (did.op === 'wait') now += did.span
        // Between two steps only: the model forgets at once, the table when it is swept.
        while (table.sweep());
        for (const [id, kept] of model) if (kept.forgetAt <= now) model.delete(id)
        if (did.op !== 'wait') {
          const { key, provider, version } = did
          const id = `${key} ${provider}`
          const name = { scope: 'tenant', key, provider, version } as const
          const expiresAt = did.op === 'put' ? now + did.lasts : now
          const known = model.get(id)
          const older = (version ?? 0) < (known?.version ?? 0)
          const forgetAt = version === undefined ? expiresAt : Math.max(expiresAt, now + LATE_MS)
          if (did.op === 'remove' && version === undefined) model.delete(id)
          else if (!older) model.set(id, { route: `r${i}`, version: version ?? 0, expiresAt, forgetAt })
          if (did.op === 'put') table.put({ ...name, route: `r${i}`, expiresAt })
          else table.remove(name)
          // Many times over, so that what stands in the heap has to be made anew.
          for (let again = 0; nth === 0 && again < 1100; again++) {
            table.put({ scope: 'tenant', key: 'crowd', block: true, expiresAt: now + 10_000_000 + again })
          }
          for (const [gone, kept] of model) if (kept.forgetAt <= now) model.delete(gone)
          while (table.sweep());
        }
        const crowd = table.lookup(identityOf({ ...CALLER, tenant: 'crowd', provider: 'p' }), '').block ? 1 : 0
        expect(table.entries - crowd).toBe(model.size)
        for (const tenant of ['a', 'b']) {
          for (const provider of ['p', 'q', 'other']) {
            const routes = [model.get(`${tenant} ${provider}`), model.get(`${tenant} undefined`)]
            const route = routes.find((kept) => kept !== undefined && kept.expiresAt > now && kept.route !== '')?.route
            expect(table.lookup(identityOf({ ...CALLER, tenant, provider }), '').route).toBe(route ?? '')
          }
        }
      }
    }),
    { numRuns: 200 },
  )
})

const CALLER = { method: 'jwt', issuer: 'i', subject: 's', digest: 'd' } as const

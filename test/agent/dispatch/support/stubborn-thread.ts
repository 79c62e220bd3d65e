/** The store thread with a flaw: something keeps it alive when it has closed everything. */
await import('../../../../agent/dispatch/store/thread.ts')
setInterval(() => undefined, 1_000)

// Stands for the service that knows the keys. "slow-key" takes its time.
import { createServer } from 'node:http'

const PLANS: ReadonlyMap<string, string> = new Map([
  ['alice-key', 'gold'],
  ['slow-key', 'silver'],
])
const SLOW_MS = Number(process.env['SLOW_MS'] ?? 1_000)

const server = createServer((request, response) => {
  const key = decodeURIComponent(request.url?.replace('/keys/', '') ?? '')
  console.log(`asked for ${key}`)
  const plan = PLANS.get(key)
  setTimeout(
    () => {
      if (plan === undefined) response.writeHead(404).end()
      else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ plan }))
    },
    key === 'slow-key' ? SLOW_MS : 0,
  )
})
server.listen(Number(process.env['DIRECTORY_PORT'] ?? 9100), '127.0.0.1', () => console.log('listening'))

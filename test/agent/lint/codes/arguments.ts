import { replace } from '../shipped.ts'
import { ARGS, args, type Row } from './row.ts'

const many = Array.from({ length: 250 }, (_, i) => `a${i}=int(1)`)
const manyLines = Array.from({ length: 5 }, (_, i) => `    args ${many.slice(i * 50, i * 50 + 50).join(' ')}\n`).join(
  '',
)

/** What a message tells the agent. */
export const ARGUMENTS: Row[] = [
  [
    'SPOE_ARGUMENT_MISSING',
    'a fact that rules read',
    { spoe: replace(' query=query', '') },
    'error spoe.conf',
    /^spoe-message check$/,
    'check',
  ],
  [
    'SPOE_ARGUMENT_FETCH',
    'a fetch that splits',
    { spoe: replace('auth=req.fhdr(', 'auth=req.hdr(') },
    'warning spoe.conf',
    /auth=req/,
    'auth=req.hdr(authorization)',
  ],
  [
    'SPOE_ARGUMENT_UNNAMED',
    'no name',
    { spoe: args('ssl_fc_protocol') },
    'warning spoe.conf',
    /ssl_fc_protocol/,
    'ssl_fc_protocol',
  ],
  [
    'SPOE_ARGUMENT_TWICE',
    'a name twice',
    { spoe: args('x=dst x=dst_port') },
    'warning spoe.conf',
    /x=dst_port/,
    'x=dst_port',
  ],
  [
    'SPOE_ARGUMENT_COUNT',
    'more than a byte counts',
    { spoe: replace(ARGS, `${manyLines}${ARGS}`) },
    'error spoe.conf',
    /a248=/,
    'a248=int(1)',
  ],
  [
    'SPOE_BODY_UNBUFFERED',
    'nobody waits for the body',
    { spoe: args('body=req.body') },
    'warning spoe.conf',
    /body=/,
    'body=req.body',
  ],
]

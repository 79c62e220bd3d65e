import { partsOfFetch } from './message-arguments.ts'

/** What a fetch copies out of a request or a response. */
export interface Content {
  /** The parts of it: `path`, `query`, `body`, a header as `h:host`, all of them as `h:*`; `res:` before those of a response. */
  readonly covers: readonly string[]
  /** How much longer a converter makes them. */
  readonly factor: number
  /** What comes from elsewhere and may be long: bytes of a certificate. */
  readonly bytes: number
}

/** What a part is of: with `h:*` all headers. */
export function isPartOf(name: string, part: string): boolean {
  return part === name || (part.endsWith(ALL) && name.startsWith(part.slice(0, -1)))
}

const ALL = 'h:*'
const COVERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['path', ['path']],
  ['pathq', ['path', 'query']],
  ['query', ['query']],
  ['url', ['path', 'query']],
  ['capture.req.uri', ['path', 'query']],
  ['urlp', ['query']],
  ['url_param', ['query']],
  ['base', ['h:host', 'path']],
  ['baseq', ['h:host', 'path', 'query']],
  ['req.hdrs', [ALL]],
  ['req.hdrs_bin', [ALL]],
  ['req.body', ['body']],
  ['req.body_param', ['body']],
  ['res.hdrs', [`res:${ALL}`]],
  ['res.hdrs_bin', [`res:${ALL}`]],
  ['res.body', ['res:body']],
])

/**
 * What is taken for the size of one: an RSA key of 4096 bits, its signature and a dozen names fit. A chain is taken for
 * three.
 */
const CERTIFICATE = 2048
const CHAIN = 3 * CERTIFICATE

/** Converters whose result is short whatever comes in. */
const SHORT =
  /^(?:length|bool|crc32c?|djb2|sdbm|wt6|xxh(?:3|32|64)|sha[12]|digest|hmac|field|word|ipmask|host_only|port_only|strcmp|map.*)$/
const LONGER: ReadonlyMap<string, number> = new Map([
  ['hex', 2],
  ['base64', 4 / 3],
  ['url_enc', 3],
])

/** Names and numbers copy nothing that counts: they fit beside the rest. */
export function contentOf(fetch: string): Content {
  const { name, argument, converters } = partsOfFetch(fetch)
  if (converters.some((converter) => SHORT.test(converter))) return { covers: [], factor: 1, bytes: 0 }
  const factor = converters.reduce((all, converter) => all * (LONGER.get(converter) ?? 1), 1)
  return { covers: coveredBy(name, argument.split(',')[0] ?? ''), factor, bytes: ofCertificate(name) * factor }
}

function coveredBy(name: string, header: string): readonly string[] {
  if (/^(?:req\.)?f?hdr$/.test(name)) return [`h:${header}`]
  if (/^(?:req\.)?cook(?:ie)?$/.test(name)) return ['h:cookie']
  if (/^(?:res\.f?hdr|shdr)$/.test(name)) return [`res:h:${header}`]
  if (/^(?:res\.cook|scook)$/.test(name)) return ['res:h:set-cookie']
  return COVERS.get(name) ?? []
}

/** The client's, the frontend's own, the server's. */
function ofCertificate(name: string): number {
  if (/^ssl_[cfs]_der$/.test(name)) return CERTIFICATE
  return /^ssl_[cs]_chain_der$/.test(name) ? CHAIN : 0
}

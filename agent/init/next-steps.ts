import type { Answers } from './answers.ts'

/** Commands that bring the new files to life, in their order. */
export function nextSteps(folder: string, { open, host, protect }: Answers): string[] {
  const name = host !== undefined && /^[A-Za-z0-9.-]+$/.test(host) ? host : 'localhost'
  const path = [...open, ...protect].find((one) => !/[*{]/.test(one)) ?? '/'
  return [
    ...(folder === '.' ? [] : [`cd ${quoted(folder)}`]),
    '# a certificate to try it with; TLS_CERT names another one',
    'mkdir -p .data/tls',
    `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=${name} -addext subjectAltName=DNS:${name} -keyout .data/tls/edge.key -out .data/tls/edge.crt`,
    'cat .data/tls/edge.crt .data/tls/edge.key > .data/tls/edge.pem',
    'npx haproxy-temporal check',
    'npx haproxy-temporal serve   # the agent',
    'haproxy -f haproxy.cfg',
    'npx haproxy-temporal doctor  # asks the agent what HAProxy asks it',
    `curl -i --cacert .data/tls/edge.crt --resolve ${name}:8443:127.0.0.1 https://${name}:8443${path}`,
  ]
}

function quoted(text: string): string {
  return /^[A-Za-z0-9_./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** The names of a certificate that can be a caller's, by kind, in the certificate's order. */
export interface AlternativeNames {
  readonly uri: readonly string[]
  readonly dns: readonly string[]
  readonly email: readonly string[]
}

/**
 * One entry of X509Certificate.subjectAltName: a kind, then a bare value or a JSON string. Node writes JSON whenever the
 * value holds anything that could be taken for a separator, so a comma never stands in a bare one.
 */
const ENTRY = /([A-Za-z][A-Za-z ]*):(?:("(?:[^"\\]|\\.)*")|([^",]*))(?:, |$)/sy

/** Members that Node keeps apart from the rest with a second colon and may quote on their own; they name no caller here. */
const OTHER_NAME = /othername:(?:[A-Za-z]+:)?(?:"(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/sy

/**
 * Takes X509Certificate.subjectAltName apart (documented by Node since CVE-2021-44532).
 * @returns undefined when a part of it is not understood: then none of it may be used
 */
export function alternativeNames(text: string | undefined): AlternativeNames | undefined {
  const names = { uri: [] as string[], dns: [] as string[], email: [] as string[] }
  if (text === undefined) return names
  let position = 0
  while (position < text.length) {
    OTHER_NAME.lastIndex = position
    if (OTHER_NAME.test(text)) {
      position = OTHER_NAME.lastIndex
      continue
    }
    ENTRY.lastIndex = position
    const found = ENTRY.exec(text)
    if (found === null) return undefined
    position = ENTRY.lastIndex
    const value = found[2] === undefined ? found[3] : unquoted(found[2])
    if (value === undefined) return undefined
    if (found[1] === 'URI') names.uri.push(value)
    else if (found[1] === 'DNS') names.dns.push(value)
    else if (found[1] === 'email') names.email.push(value)
  }
  // A separator at the end would mean an entry that is not there.
  return text.endsWith(', ') ? undefined : names
}

function unquoted(json: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined // not the JSON that Node promises
  }
}

/**
 * A distinguished name of X509Certificate in the form of RFC 4514 (and RFC 2253): last part first, joined by commas. Node
 * writes one part a line and its members with ` + `, all special characters and line ends in values escaped.
 */
export function distinguishedName(lines: string | undefined): string {
  if (lines === undefined || lines === '') return ''
  return lines
    .split('\n')
    .map((part) => part.split(' + ').toReversed().join('+'))
    .toReversed()
    .join(',')
}

/** The values of CN in a distinguished name of X509Certificate, escapes resolved. */
export function commonNames(lines: string | undefined): string[] {
  if (lines === undefined) return []
  return lines
    .split('\n')
    .flatMap((part) => part.split(' + '))
    .flatMap((member) => (member.startsWith('CN=') ? [unescaped(member.slice(3))] : []))
}

/** RFC 4514 section 2.4: a backslash before two hexadecimal digits stands for that byte, before anything else for nothing. */
function unescaped(value: string): string {
  return value.replace(/\\(?:([0-9A-Fa-f]{2})|(.))/gs, (_all, hex: string | undefined, character: string) =>
    hex === undefined ? character : String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

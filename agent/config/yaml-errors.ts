import type { ErrorCode, YAMLParseError, YAMLWarning } from 'yaml'

export interface Wording {
  readonly message: string
  readonly hint: string
}

const QUOTE_IT = 'Put the whole value in quotes'

/** What the parser's codes mean to somebody who wrote a file, and what to do about them. */
const WORDING: Partial<Readonly<Record<ErrorCode, Wording>>> = {
  TAB_AS_INDENT: { message: 'a tab where the line is indented', hint: 'Indent with spaces: YAML takes no tabs there.' },
  BAD_INDENT: {
    message: 'the line is indented neither like its neighbours nor below them',
    hint: 'The keys of one mapping begin in one column, and so do the "-" of one list.',
  },
  MULTIPLE_DOCS: {
    message: 'a second YAML document begins here',
    hint: 'Remove the "---" or "...": the file is one configuration.',
  },
  BAD_SCALAR_START: {
    message: 'a value cannot begin with this character',
    hint: `${QUOTE_IT}: "…".`,
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'a second ": " on one line',
    hint: `${QUOTE_IT} if ": " is part of it, or begin a new line for the next key.`,
  },
  MULTILINE_IMPLICIT_KEY: {
    message: 'text that is neither a key nor a value',
    hint: 'A key ends with ":" on its own line, and a value of several lines needs "|" or ">" before it.',
  },
  BLOCK_IN_FLOW: {
    message: 'indented lines inside { } or [ ]',
    hint: 'Inside brackets write { key: value } and [ a, b ], or use indented lines throughout.',
  },
  BAD_DQ_ESCAPE: {
    message: 'an escape that does not exist',
    hint: 'Between double quotes "\\" begins an escape: write "\\\\", or put the value in single quotes.',
  },
  BAD_PROP_ORDER: { message: 'an anchor or tag at the wrong place', hint: 'It stands directly before its value.' },
  MULTIPLE_ANCHORS: { message: 'two anchors for one value', hint: 'Keep one of them.' },
  MULTIPLE_TAGS: { message: 'two tags for one value', hint: 'Remove both: tags are not taken.' },
  ALIAS_PROPS: { message: 'an alias with an anchor or tag', hint: 'Write the alias alone.' },
  KEY_OVER_1024_CHARS: { message: 'a key of more than 1024 characters', hint: 'A quote or a ":" is missing before.' },
  RESOURCE_EXHAUSTION: { message: 'nested too deeply', hint: 'Is a bracket never closed?' },
  BAD_ALIAS: { message: 'an anchor or alias without a name', hint: `${QUOTE_IT} if it begins with "*" or "&".` },
  BAD_DIRECTIVE: {
    message: 'a directive that YAML does not have',
    hint: `Remove the line; ${QUOTE_IT.toLowerCase()} if it begins with "%".`,
  },
  BAD_COLLECTION_TYPE: { message: 'a tag that does not fit its value', hint: 'Remove the tag.' },
  TAG_RESOLVE_FAILED: {
    message: 'a tag, which this file does not take',
    hint: 'Remove it; a value that begins with "!" needs quotes, such as \'!connection.tls\'.',
  },
}

/** Words for an error of the parser; `line` is the line it is in, `before` what stands before it there. */
export function yamlWording(error: YAMLParseError | YAMLWarning, line: string, before: string): Wording {
  const { code, message } = error
  if (/[[{,][^"']*\$\{/.test(line) && code !== 'DUPLICATE_KEY') {
    return {
      message: 'an environment reference inside { } or [ ] without quotes',
      hint: 'Inside { } and [ ] an environment reference has to be quoted: "${NAME}".',
    }
  }
  const isUnclosed = /Missing closing (.)quote/.exec(message)
  if (isUnclosed !== null) {
    return { message: `the ${isUnclosed[1]} is never closed`, hint: 'Add the quote that ends the value.' }
  }
  const bracket = /end with a ([}\]])/.exec(message)?.[1]
  if (bracket !== undefined) {
    const opening = bracket === '}' ? '{' : '['
    return { message: `the "${opening}" is never closed`, hint: `Add the "${bracket}", and look for a missing quote.` }
  }
  if (/at node end/.test(message) && /["']\s*$/.test(before)) {
    return {
      message: 'text behind the closing quote',
      hint: 'Put all of it in quotes of the other kind, such as \'"admin" in identity.roles\'.',
    }
  }
  const known = WORDING[code]
  if (known !== undefined) return known
  const named = BY_MESSAGE.find(([pattern]) => pattern.test(message))
  if (named !== undefined) return { message: named[1], hint: named[2] }
  const hint = 'Look for a missing quote, bracket, comma or ":" at this place or just before it.'
  return { message: message.replace(/^[A-Z](?=[a-z])/, (first) => first.toLowerCase()), hint }
}

/** Codes that stand for many things; here the parser's words tell. */
const BY_MESSAGE: readonly [pattern: RegExp, message: string, hint: string][] = [
  [/flow-(?:map|seq)-end/, 'a bracket that nothing has opened', 'Remove it, or add the one that opens it.'],
  [
    /Unexpected , |Unexpected empty item/,
    'a comma without an entry',
    'Remove the comma, or write what is missing beside it.',
  ],
  [
    /Missing .*, .*between/,
    'two entries without a comma between them',
    'Put a comma between two entries of { } or [ ].',
  ],
  [/Missing space after :/, 'a ":" without a blank behind it', 'Put a blank behind the ":".'],
  [
    /Implicit map keys need to be followed|Missing .*:/,
    'a key without a value',
    'Put ": " between a key and its value.',
  ],
  [
    /block-seq-ind on same line/,
    'a list on the line of its key',
    'Begin the list on the next line, or write it as [ a, b ].',
  ],
  [
    /Comments must be separated/,
    'a "#" without a blank before it',
    'Put a blank before the "#", or quotes around the value.',
  ],
  [/Block scalar header/, 'text behind the "|" or ">"', 'Begin the text on the line below.'],
  [/Sequence item without/, 'an entry of a list without its "-"', 'Begin each entry of the list with "- ".'],
  [
    /Tags and anchors must be separated/,
    'a tag or anchor without a blank behind it',
    'Put the value in quotes if it begins with "!" or "&", such as \'!connection.tls\'.',
  ],
  [
    /at node end|in YAML stream/,
    'text where the value before it has ended',
    'Look for wrong indentation, or a missing quote, comma or bracket.',
  ],
]

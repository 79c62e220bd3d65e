import { type BadFile, below, HEAD, type Row, rowsIn, rule, rules, whole } from './row.ts'

const DEEP = 70

/** Files that are no YAML, or more YAML than we take. */
const WHOLE: Row[] = [
  ['an empty file', '‸', 'CONFIG_MISSING', 'the file is empty', 'Begin with "version: 1"'],
  ['a file of comments', '‸# nothing\n', 'CONFIG_MISSING', 'the file is empty', 'Begin with "version: 1"'],
  [
    'a list at the top',
    '‸- version: 1\n',
    'CONFIG_INVALID',
    'the file: expected a mapping, not a list',
    'version: …, spop: …',
  ],
  ['a text at the top', '‸hello\n', 'CONFIG_INVALID', 'expected a mapping, not text', 'each key on an indented line'],
  [
    'a tab as indentation',
    'version: 1\nspop:\n‸\tlisten: x\n',
    'CONFIG_SYNTAX',
    'a tab where the line is indented',
    'Indent with spaces',
  ],
  [
    'a double quote without its end',
    'version: 1\nlog: { level: ‸"info }\nrules: []\n',
    'CONFIG_SYNTAX',
    'the " is never closed',
    'Add the quote',
  ],
  [
    'a single quote without its end',
    `version: 1\nlog:\n  level: ‸'info\nrules: []\n`,
    'CONFIG_SYNTAX',
    "the ' is never closed",
    'Add the quote',
  ],
  [
    'a quote that the next one closes',
    'version: 1\nlog: ‸"info\nrules: "a"\n',
    'CONFIG_SYNTAX',
    'the " is never closed',
    'Add the quote',
  ],
  [
    'a line between two indentations',
    'version: 1\nspop:\n    listen: x\n‸  drain: 3s\n',
    'CONFIG_SYNTAX',
    'indented neither',
    'begin in one column',
  ],
  [
    'a key that stands twice',
    `${HEAD}rules: []\n‸rules: []\n`,
    'CONFIG_SYNTAX',
    'the key "rules" stands twice',
    'the other one is in line 5',
  ],
  [
    'a nested key that stands twice',
    `${HEAD}rules:\n  - { name: a, identity: none, ‸name: b }\n`,
    'CONFIG_SYNTAX',
    'the key "name" stands twice',
    'in line 6',
  ],
  [
    'a brace without its end',
    'version: 1\nspop: ‸{ listen: x\nrules: []\n',
    'CONFIG_SYNTAX',
    'the "{" is never closed',
    'Add the "}"',
  ],
  [
    'a bracket without its end',
    'version: 1\nrules: ‸[ a, b\n',
    'CONFIG_SYNTAX',
    'the "[" is never closed',
    'Add the "]"',
  ],
  [
    'a bracket too many',
    'version: 1\nrules: []‸]\n',
    'CONFIG_SYNTAX',
    'a bracket that nothing has opened',
    'Remove it, or add',
  ],
  ['two documents', 'version: 1\n‸---\nrules: []\n', 'CONFIG_SYNTAX', 'a second YAML document', 'Remove the "---"'],
  ['a second ": " on a line', 'version: 1\nlog: ‸level: info\n', 'CONFIG_SYNTAX', 'a second ": "', 'in quotes'],
  ['a value that begins with @', 'version: 1\nlog: ‸@x\n', 'CONFIG_SYNTAX', 'cannot begin with this', 'in quotes'],
  [
    'a comma too many',
    'version: 1\nrules: [a, ‸, b]\n',
    'CONFIG_SYNTAX',
    'a comma without an entry',
    'Remove the comma',
  ],
  [
    'a list on the line of its key',
    'version: 1\nrules: ‸- a\n',
    'CONFIG_SYNTAX',
    'a list on the line of its key',
    'Begin the list on the next line',
  ],
  [
    'an escape that does not exist',
    'version: 1\nlog: "a‸\\q"\n',
    'CONFIG_SYNTAX',
    'an escape that does not exist',
    'single quotes',
  ],
  [
    'a line that is no key',
    'version: 1\n‸rules\nlog: x\n',
    'CONFIG_SYNTAX',
    'neither a key nor a value',
    'A key ends with ":"',
  ],
  ['another version of YAML', '‸%YAML 1.1\n---\nversion: 1\n', 'CONFIG_SYNTAX', 'YAML 1.1', 'Remove the line'],
  [
    'a text behind the | of a block',
    'version: 1\nlog: |‸x\n  y\n',
    'CONFIG_SYNTAX',
    'text behind the "|"',
    'on the line below',
  ],
  [
    'brackets nested too deeply',
    `version: 1\nrules: ${'['.repeat(64)}‸${'['.repeat(DEEP)}`,
    'CONFIG_SYNTAX',
    'deeper than 64',
    'bracket never closed',
  ],
  [
    'lists nested too deeply',
    `version: 1\nrules:\n  ${'- '.repeat(63)}‸${'- '.repeat(DEEP)}x`,
    'CONFIG_SYNTAX',
    'deeper than 64',
    'indented too far',
  ],
  ['a control character', 'version: 1\nlog: ‸\x1b[0m\n', 'CONFIG_SYNTAX', 'U+001B', 'as an escape'],
  ['zero bytes', 'version: ‸\x001\n', 'CONFIG_SYNTAX', 'U+0000', 'Remove it'],
  ['line ends of an old Mac', 'version: 1‸\rrules: []\r', 'CONFIG_SYNTAX', 'carriage return', 'LF or CRLF'],
  [
    'a fault behind a byte order mark',
    `\ufeff${HEAD.replace('1', '‸2')}rules: []\n`,
    'CONFIG_INVALID',
    'version: expected 1',
    'Write 1.',
  ],
  [
    'a fault behind CRLF line ends',
    `${HEAD}rules: []\nlog: { level: ‸inf }\n`.replaceAll('\n', '\r\n'),
    'CONFIG_INVALID',
    'level',
    'Did you mean "info"?',
  ],
  [
    'a fault behind characters of two units',
    `${HEAD}rules: [] # 😀\noutbox: { path: "😀", ‸maxrow: 1 }\n`,
    'CONFIG_UNKNOWN_KEY',
    'maxrow',
    'Did you mean "maxRows"?',
  ],
]

/** Anchors, aliases, merge keys, tags and keys that are no text. */
const BELOW: Row[] = [
  [
    'an alias without its anchor',
    'log: ‸*level',
    'CONFIG_SYNTAX',
    'no anchor is called "level"',
    'needs quotes: "*level"',
  ],
  [
    'an alias inside its own anchor',
    'log: &l { level: [‸*l] }',
    'CONFIG_SYNTAX',
    'stands inside what it refers to',
    'Write the value out',
  ],
  ['a merge key', 'log: &l { level: info }\nqueue: { ‸<<: *l }', 'CONFIG_SYNTAX', 'a merge key', 'Write the keys out'],
  ['a tag of an application', 'log: { level: ‸!secret info }', 'CONFIG_SYNTAX', 'a tag', 'needs quotes'],
  [
    'a tag of YAML that changes the type',
    'log: { level: ‸!!binary aGk= }',
    'CONFIG_SYNTAX',
    'the tag !!binary',
    'Remove it',
  ],
  [
    'a template that nobody filled in',
    'log: { level: ‸{{ level }} }',
    'CONFIG_SYNTAX',
    'a key that is no text',
    'Templates are not filled in',
  ],
  ['a list as a key', 'log: { ? ‸[a] : b }', 'CONFIG_SYNTAX', 'a key that is no text', 'in quotes'],
  ['a colon without a key', 'log: { ‸: b }', 'CONFIG_SYNTAX', 'without a key', 'Write the key'],
]

/** Each level holds the one before ten times. */
const BOMB = ['a: &a0 [x, x, x, x, x, x, x, x, x, x]']
for (let i = 1; i < 8; i++) {
  const aliases = Array.from({ length: 10 }, (_, n) => (i === 4 && n === 7 ? `‸*a${i - 1}` : `*a${i - 1}`)).join(', ')
  BOMB.push(`a${i}: &a${i} [${aliases}]`)
}

export const YAML: BadFile[] = [
  ...rowsIn(whole, WHOLE),
  ...rowsIn(below, BELOW),
  ...rowsIn(whole, [
    ['an alias bomb', `${BOMB.join('\n')}\n`, 'CONFIG_SYNTAX', 'more than 100000 values', 'Write out'],
  ]),
  ...rowsIn(rule, [
    [
      'a host that begins with a star, without quotes',
      'match: { host: ‸*.example.com }',
      'CONFIG_SYNTAX',
      'no anchor',
      '"*.example.com"',
    ],
    [
      'a reference in brackets without quotes',
      'route: ‸${ROUTE}',
      'CONFIG_SYNTAX',
      'without quotes',
      'has to be quoted: "${NAME}"',
    ],
  ]),
  ...rowsIn(rules, [
    [
      'a fault in what an alias refers to',
      '  - { name: a, identity: none, match: &m { method: ‸post } }\n  - { name: b, identity: none, match: *m }',
      'CONFIG_INVALID',
      'in capitals',
      'method: [GET, HEAD]',
    ],
    [
      'a condition that begins with a quote',
      '  - name: a\n    identity: none\n    match:\n      when: "x" ‸in identity.roles',
      'CONFIG_SYNTAX',
      'text behind the closing quote',
      'quotes of the other kind',
    ],
    [
      'a condition that begins with "!"',
      '  - name: a\n    identity: none\n    match:\n      when: ‸!connection.tls',
      'CONFIG_SYNTAX',
      'a tag',
      "'!connection.tls'",
    ],
  ]),
]

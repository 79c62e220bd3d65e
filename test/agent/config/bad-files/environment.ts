import { type BadFile, below, provider, rowsIn, rule, when } from './row.ts'

/** References to environment variables; `LEVEL_X` and `WRONG` are set. */
export const ENVIRONMENT: BadFile[] = [
  ...rowsIn(below, [
    [
      'a variable that is not set',
      'log:\n  level: ‸${LEVEL}',
      'CONFIG_ENV_UNSET',
      'environment variable LEVEL is not set',
      'Set LEVEL, or give a default: ${LEVEL:-default}',
    ],
    [
      'a variable that is set under a like name',
      'log:\n  level: ‸${LEVELX}',
      'CONFIG_ENV_UNSET',
      'LEVELX is not set',
      'There is one called LEVEL_X.',
    ],
    ['a variable in quotes', 'log: { level: "‸${LEVEL}" }', 'CONFIG_ENV_UNSET', 'LEVEL', 'Set LEVEL'],
    [
      'a variable behind other text',
      'admin: { listen: "tcp://‸${HOST_X}:1" }',
      'CONFIG_ENV_UNSET',
      'HOST_X',
      'Set HOST_X',
    ],
    ['a variable behind an escape', 'outbox: { path: "a\\x20b‸${DIR_X}" }', 'CONFIG_ENV_UNSET', 'DIR_X', 'Set DIR_X'],
    [
      'a reference without its brace',
      'log: { level: "‸${LEVEL" }',
      'CONFIG_ENV_SYNTAX',
      'without a name and a "}"',
      'Add the "}"',
    ],
    ['a reference without a name', 'log: { level: "‸${}" }', 'CONFIG_ENV_SYNTAX', 'without a name', 'Write ${NAME}'],
    ['a name with a dash', 'log: { level: "‸${MY-LEVEL}" }', 'CONFIG_ENV_SYNTAX', 'without a name', '${MY:-LEVEL}'],
    [
      'a default as ":=" of a shell',
      'log: { level: "‸${LEVEL:=info}" }',
      'CONFIG_ENV_SYNTAX',
      'without a name',
      '${LEVEL:-info}',
    ],
    ['a name with blanks', 'log: { level: "‸${ LEVEL }" }', 'CONFIG_ENV_SYNTAX', 'without a name', 'Remove the blanks'],
    [
      'a default that refers to another variable',
      'log: { level: "‸${A:-${B}}" }',
      'CONFIG_ENV_SYNTAX',
      'without a name',
      'A default holds no reference',
    ],
    [
      'a reference in a key',
      'log: { ‸"${KEY}": info }',
      'CONFIG_SYNTAX',
      'an environment reference in a key',
      'write the key out',
    ],
    [
      'a wrong value from a variable',
      'log: { level: ‸"${WRONG}" }',
      'CONFIG_INVALID',
      'level: expected debug, info, warn or error',
      'Did you mean "info"?',
    ],
    [
      'a default that is wrong',
      'outbox: { drain: ‸"${NOTHING:-5}" }',
      'CONFIG_DURATION',
      '"5" is not a duration',
      'a number and a unit',
    ],
  ]),
  ...rowsIn(rule, [
    ['a variable in a list', 'match: { path: [/a, "/‸${PATH_X}"] }', 'CONFIG_ENV_UNSET', 'PATH_X', 'Set PATH_X'],
    ['a variable in a name', 'route: "‸${BACKEND_X}"', 'CONFIG_ENV_UNSET', 'BACKEND_X', 'Set BACKEND_X'],
  ]),
  ...rowsIn(provider, [
    [
      'a variable in a URL, and nothing about the URL',
      '{ issuer: "https://‸${ID_HOST}/", audience: a }',
      'CONFIG_ENV_UNSET',
      'ID_HOST',
      'Set ID_HOST',
    ],
  ]),
  ...rowsIn(when, [
    [
      'a fault behind a reference that was replaced',
      '\'"${WRONG}" == request.‸methd\'',
      'CONFIG_CEL',
      'No such key: methd',
      'Did you mean "method"?',
    ],
    ['a fault in a variable', '‸${EXPRESSION}', 'CONFIG_CEL', 'No such key: methd', 'Did you mean "method"?'],
  ]),
].map((row) => ({ ...row, env: { LEVEL_X: 'a', WRONG: 'inf', EXPRESSION: 'request.methd == "GET"' } }))

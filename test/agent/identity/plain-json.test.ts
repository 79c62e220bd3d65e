import { describe, expect, it } from 'vitest'
import { atPath, freezeJson, type JsonObject } from '../../../agent/identity/plain-json.ts'

describe('freezeJson', () => {
  const parse = (text: string): JsonObject => freezeJson(JSON.parse(text) as JsonObject)

  it('leaves nothing inherited to be read', () => {
    const value = parse('{"a":{"b":1}}')
    expect(value['constructor']).toBeUndefined()
    expect(atPath(value, ['a', 'toString'])).toBeUndefined()
  })

  it('drops __proto__ at every level, so that a copy cannot set a prototype', () => {
    const value = parse('{"__proto__":{"admin":true},"a":[{"__proto__":{"admin":true},"b":1}]}')
    expect(JSON.stringify(value)).toBe('{"a":[{"b":1}]}')
    expect((Object.assign({}, value) as { admin?: boolean }).admin).toBeUndefined()
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  it('freezes objects and arrays all the way down', () => {
    const value = parse('{"a":[{"b":[1]}]}') as { a: [{ b: number[] }] }
    expect(() => value.a[0].b.push(2)).toThrow(TypeError)
    expect(() => Object.assign(value.a[0], { c: 1 })).toThrow(TypeError)
  })

  it('finds members by keys that hold dots and slashes, and does not enter arrays', () => {
    const value = parse('{"https://sts.amazonaws.com/":{"a.b":1},"list":[7]}')
    expect(atPath(value, ['https://sts.amazonaws.com/', 'a.b'])).toBe(1)
    expect(atPath(value, ['list', '0'])).toBeUndefined()
    expect(atPath(value, ['list', 'length'])).toBeUndefined()
  })
})

describe('atPath', () => {
  it('finds in JSON just parsed what the object itself names, and nothing below __proto__', () => {
    const value = JSON.parse('{"a":{"b":1},"__proto__":{"c":2},"list":[{"d":3}]}') as JsonObject
    expect(atPath(value, ['a', 'b'])).toBe(1)
    for (const path of [
      ['constructor'],
      ['a', 'toString'],
      ['__proto__'],
      ['__proto__', 'c'],
      ['list', '0'],
      ['list', 'length'],
    ])
      expect(atPath(value, path)).toBeUndefined()
  })
})

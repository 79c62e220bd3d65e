import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTemplate, renderTemplate, type SignedTemplate } from '../../../../agent/identity/webhook/template.ts'

const read = (text: string): SignedTemplate => {
  const template = parseTemplate(text)
  if (typeof template === 'string') throw new Error(template)
  return template
}

describe('what a signature is made over', () => {
  it.each([
    ['{body}', ''],
    ['{timestamp}.{body}', '5.'],
    ['v0:{timestamp}:{body}', 'v0:5:'],
    ['{id}.{timestamp}.{body}', 'i.5.'],
    ['{timestamp}|{id}|x1{body}', '5|i|x1'],
  ])('%s', (text, before) => {
    expect(renderTemplate(read(text), { id: 'i', timestamp: '5' })).toBe(before)
  })

  it('knows which character no id may hold', () => {
    expect(read('{id}.{timestamp}:{body}').idEnd).toBe('.')
    expect(read('{timestamp}.{body}').idEnd).toBeUndefined()
  })

  it.each([
    ['', '{body} at its end'],
    ['{timestamp}.', '{body} at its end'],
    ['{body}.{timestamp}', '{body} at its end'],
    ['{body}\n', 'printable ASCII'],
    ['{body', 'printable ASCII'],
    ['{{body}}', 'printable ASCII'],
    ['{timestamp}{body}', 'behind {timestamp}'],
    ['{timestamp}0{body}', 'behind {timestamp}'],
    ['{id}{timestamp}.{body}', 'behind {id}'],
    ['{body}.{body}', 'each name once'],
    ['{method}.{body}', 'no other names'],
  ])('is not %j', (text, problem) => {
    expect(parseTemplate(text)).toContain(problem)
  })

  it('never is the same for two deliveries, if its id has no idEnd and its time digits only', () => {
    const id = fc.stringMatching(/^[a-z0-9:]{1,4}$/)
    const time = fc.stringMatching(/^[0-9]{1,4}$/)
    const body = fc.stringMatching(/^[a-z0-9.:]{0,6}$/)
    const delivery = fc.tuple(id, time, body)
    const template = read('{id}.{timestamp}.{body}')
    const signed = ([i, t, b]: readonly [string, string, string]): string =>
      renderTemplate(template, { id: i, timestamp: t }) + b
    fc.assert(fc.property(delivery, delivery, (a, b) => (signed(a) === signed(b)) === (a.join('/') === b.join('/'))))
  })
})

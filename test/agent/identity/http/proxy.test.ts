import { describe, expect, it } from 'vitest'
import { proxyFor, proxyUrl } from '../../../../agent/identity/http/proxy.ts'

const target = new URL('https://login.example.com/keys')
const environment = (noProxy: string) => ({ HTTPS_PROXY: 'http://proxy.example:3128', NO_PROXY: noProxy })
const goesThrough = (url: string, noProxy: string): boolean =>
  proxyFor(new URL(url), 'env', environment(noProxy)) !== undefined

describe('proxyFor', () => {
  it('gives a configured proxy for https and nothing for http', () => {
    const proxy = new URL('http://proxy.example:3128')
    expect(proxyFor(target, proxy, environment('*'))).toBe(proxy)
    expect(proxyFor(new URL('http://127.0.0.1/'), proxy, {})).toBeUndefined()
  })

  it('reads the environment only when it is told to', () => {
    expect(proxyFor(target, undefined, environment(''))).toBeUndefined()
    expect(proxyFor(target, 'env', {})).toBeUndefined()
    expect(proxyFor(target, 'env', environment(''))?.href).toBe('http://proxy.example:3128/')
    expect(proxyFor(target, 'env', { https_proxy: 'small.example:1', HTTPS_PROXY: 'http://big.example' })?.href).toBe(
      'http://small.example:1/',
    )
    expect(proxyFor(target, 'env', { HTTP_PROXY: 'http://evil.example' })).toBeUndefined()
  })

  it.each([
    ['https://login.example.com/', '*'],
    ['https://login.example.com/', 'other.example, LOGIN.example.com'],
    ['https://login.example.com/', 'example.com'],
    ['https://login.example.com/', '.example.com'],
    ['https://login.example.com/', '*.example.com'],
    ['https://login.example.com/', 'login.example.com:443'],
    ['https://login.example.com:8443/', 'example.com:8443'],
    ['https://10.1.2.3/', '10.1.2.3'],
    ['https://10.1.2.3/', '10.0.0.0/8'],
    ['https://[::1]/', '::1'],
    ['https://[::1]:8443/', '[::1]:8443'],
    ['https://[fd00::1]/', 'fd00::/8'],
  ])('connects to %s directly where NO_PROXY is %s', (url, noProxy) => {
    expect(goesThrough(url, noProxy)).toBe(false)
  })

  it.each([
    ['https://login.example.com/', ''],
    ['https://login.example.com/', ', ,'],
    ['https://login.example.com/', 'ample.com'],
    ['https://login.example.com/', 'login.example.com:8443'],
    ['https://login.example.com/', '10.0.0.0/8'],
    ['https://11.1.2.3/', '10.0.0.0/8'],
    ['https://10.1.2.3/', '10.0.0.0/99'],
    ['https://10.1.2.3/', '1.2.3'],
    ['https://[fd00::1]/', '10.0.0.0/8'],
  ])('goes to %s through the proxy where NO_PROXY is "%s"', (url, noProxy) => {
    expect(goesThrough(url, noProxy)).toBe(true)
  })
})

describe('proxyUrl', () => {
  it.each(['http://proxy.example:3128', 'https://user:p%40ss@proxy.example', 'http://[::1]:3128/'])(
    'takes %s',
    (text) => {
      expect(proxyUrl(text)).toBeInstanceOf(URL)
    },
  )
  it.each([
    '',
    'proxy.example',
    'socks5://proxy.example',
    'http://proxy.example/path',
    'http://proxy.example/?q',
    'http://%zz@proxy.example',
  ])('refuses "%s"', (text) => {
    expect(proxyUrl(text)).toBeUndefined()
  })
})

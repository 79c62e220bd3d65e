import { expect, test } from 'vitest'
import { parseConfig } from '../../../../agent/config/load.ts'
import { defaultIdentity, endpointFor, temporalOptionsOf } from '../../../../agent/dispatch/temporal/options.ts'

function optionsOf(temporal: string) {
  const text = `version: 1\nspop: { listen: "tcp://127.0.0.1:9000" }\ntemporal: ${temporal}\nrules: []\n`
  return temporalOptionsOf(parseConfig('agent.yaml', text, {}).config.temporal)
}

const MAIN = 'address: "main:7233", tls: { certFile: c.pem, keyFile: k.pem }'

test('a namespace without settings of its own is reached as the default one', () => {
  const options = optionsOf(`{ ${MAIN} }`)
  const main = { address: 'main:7233', tls: { certFile: 'c.pem', keyFile: 'k.pem' }, apiKey: undefined }
  expect(endpointFor(options, 'shop')).toEqual(main)
  expect(endpointFor(options, undefined)).toEqual(main)
  // Names of what every object has are no settings.
  expect(endpointFor(options, 'constructor')).toEqual(main)
})

test('an address alone changes nothing of what is shown', () => {
  const options = optionsOf(`{ ${MAIN}, namespaces: { shop.a1: { address: "shop:7233" } } }`)
  expect(endpointFor(options, 'shop.a1')).toEqual({
    address: 'shop:7233',
    tls: { certFile: 'c.pem', keyFile: 'k.pem' },
    apiKey: undefined,
  })
})

test('whoever gives a part of what is shown gives all of it', () => {
  const options = optionsOf(`{ ${MAIN}, apiKey: main-key, namespaces: {
    keyed: { apiKey: own-key }, plain: { address: "p:1", tls: false }, trusting: { tls: { caFile: ca.pem } } } }`)
  expect(endpointFor(options, 'keyed')).toEqual({ address: 'main:7233', tls: true, apiKey: { value: 'own-key' } })
  expect(endpointFor(options, 'plain')).toEqual({ address: 'p:1', tls: false, apiKey: undefined })
  expect(endpointFor(options, 'trusting')).toEqual({
    address: 'main:7233',
    tls: { caFile: 'ca.pem' },
    apiKey: undefined,
  })
})

test('the default namespace may have an entry, too', () => {
  const options = optionsOf(`{ ${MAIN}, namespace: shop, namespaces: { shop: { address: "shop:7233" } } }`)
  expect(endpointFor(options, undefined).address).toBe('shop:7233')
})

test('the options can be given to a thread, and name files, not contents', () => {
  const options = optionsOf(`{ ${MAIN}, namespaces: { shop: { apiKey: { file: key } } } }`)
  expect(structuredClone(options)).toEqual(options)
  expect(options.namespaces?.['shop']?.apiKey).toEqual({ file: 'key' })
})

test('the identity names host and process', () => {
  expect(defaultIdentity()).toMatch(new RegExp(`^haproxy-temporal@.+:${process.pid}$`))
})

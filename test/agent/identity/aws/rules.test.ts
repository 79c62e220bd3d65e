import { describe, expect, it } from 'vitest'
import { awsProvider } from '../../../../agent/config/providers/aws.ts'
import { fitsArn } from '../../../../agent/identity/aws/arn-pattern.ts'
import { isRegionOf, partitionIds, stsHosts } from '../../../../agent/identity/aws/partitions.ts'
import { UsedSignatures } from '../../../../agent/identity/aws/used-signatures.ts'

describe('hosts of STS', () => {
  // After the table of aws-iam-authenticator's tests.
  it.each([
    ['aws', 'sts.amazonaws.com', true],
    ['aws', 'sts.us-east-1.amazonaws.com', true],
    ['aws', 'sts.ap-south-1.amazonaws.com', true],
    ['aws', 'sts.eu-north-1.amazonaws.com', true],
    ['aws', 'sts-fips.us-west-2.amazonaws.com', true],
    ['aws', 'sts.us-west-2.api.aws', true],
    ['aws', 'sts.amazonaws.com.cn', false],
    ['aws', 'website.amazonaws.com', false],
    ['aws', 'sts.not-a-region.amazonaws.com', false],
    ['aws', 'sts.cn-north-1.api.amazonwebservices.com.cn', false],
    ['aws', 'sts.us-gov-west-1.amazonaws.com', false],
    ['aws-cn', 'sts.cn-northwest-1.amazonaws.com.cn', true],
    ['aws-cn', 'sts.cn-north-1.api.amazonwebservices.com.cn', true],
    ['aws-cn', 'sts.us-iso-east-1.c2s.ic.gov', false],
    ['aws-cn', 'sts.us-west-2.amazonaws.com.cn', false],
    ['aws-cn', 'sts-fips.us-east-1.amazonaws.com', false],
    ['aws-us-gov', 'sts.us-gov-east-1.amazonaws.com', true],
    ['aws-us-gov', 'sts.us-east-1.amazonaws.com', false],
    ['aws-iso', 'sts.us-iso-east-1.c2s.ic.gov', true],
    ['aws-iso-b', 'sts.us-isob-east-1.sc2s.sgov.gov', true],
    ['aws-iso-b', 'sts.us-isob-east-1.amazonaws.com.cn', false],
    ['aws-eusc', 'sts.eusc-de-east-1.amazonaws.eu', true],
  ] as const)('partition %s, %s: %s', (partition, host, allowed) => {
    expect(stsHosts(partition).has(host)).toBe(allowed)
  })

  it('only aws has a host without a region', () => {
    const having = partitionIds.filter((id) => stsHosts(id).has('sts.amazonaws.com'))
    expect(having).toEqual(['aws'])
    expect(partitionIds.filter((id) => isRegionOf(id, 'aws-global'))).toEqual(['aws'])
  })

  it('no two partitions share one', () => {
    const all = partitionIds.flatMap((id) => [...stsHosts(id)])
    expect(new Set(all).size).toBe(all.length)
  })

  it('regions narrow them, and may be newer than the list', () => {
    expect([...stsHosts('aws', ['eu-west-1', 'aws-global'])]).toEqual([
      'sts.eu-west-1.amazonaws.com',
      'sts.eu-west-1.api.aws',
      'sts.amazonaws.com',
    ])
    expect(isRegionOf('aws', 'eu-west-9')).toBe(true)
    for (const region of ['us-gov-west-1', 'us-iso-east-1', 'cn-north-1', 'x.evil.example/', 'eu-west-1.evil', '']) {
      expect(isRegionOf('aws', region), region).toBe(false)
    }
  })
})

describe('patterns of ARNs', () => {
  const role = 'arn:aws:iam::111122223333:role/deploy-orders'
  it.each([
    [role, role, true],
    [role, 'arn:aws:iam::111122223333:role/*', true],
    [role, 'arn:aws:iam::111122223333:role/deploy-*', true],
    [role, 'arn:aws:iam::111122223333:role/*-orders', true],
    [role, 'arn:*:iam::*:role/deploy-orders', true],
    [role, 'arn:aws:iam::111122223333:role/deploy', false],
    [role, 'arn:aws:iam::111122223333:*', false],
    [role, 'arn:aws:iam::999999999999:role/*', false],
    [role, 'arn:aws:iam::111122223333:user/*', false],
    ['arn:aws:iam::111122223333:user/a/b', 'arn:aws:iam::111122223333:user/*', false],
    ['arn:aws:iam::111122223333:user/a/b', 'arn:aws:iam::111122223333:user/a/*', true],
    ['arn:aws:iam::111122223333:user/a/b', 'arn:aws:iam::111122223333:user/*/b', true],
    ['arn:aws:iam::111122223333:role/axb', 'arn:aws:iam::111122223333:role/a.b', false],
  ])('%s against %s: %s', (arn, pattern, fits) => {
    expect(fitsArn(arn, pattern)).toBe(fits)
  })
})

describe('used signatures', () => {
  it('stay known for a window, are forgotten after two', () => {
    const used = new UsedSignatures(100, 10)
    expect(used.use('a', 'r1', 0)).toBe('first')
    expect(used.use('a', 'r2', 99)).toBe('again')
    expect(used.use('b', 'r3', 99)).toBe('first')
    expect(used.use('b', 'r4', 198)).toBe('again')
    expect(used.size).toBe(2)
    expect(used.use('c', 'r5', 298)).toBe('first')
    expect(used.size).toBe(1)
    expect(used.use('d', 'r6', 10_000)).toBe('first')
    expect(used.size).toBe(1)
  })

  it('are never forgotten for want of room', () => {
    const used = new UsedSignatures(100, 2)
    const outcomes = ['a', 'b', 'c', 'a'].map((signature, i) => used.use(signature, `r${i}`, 0))
    expect(outcomes).toEqual(['first', 'first', 'full', 'again'])
    used.release('a')
    expect(used.use('c', 'r4', 1)).toBe('first')
  })

  it('are known to the request that used them', () => {
    const used = new UsedSignatures(100, 10)
    const outcomes = ['r1', 'r1', 'r2', 'r1'].map((request) => used.use('a', request, 0))
    expect(outcomes).toEqual(['first', 'same', 'again', 'same'])
    expect(used.size).toBe(1)
  })
})

describe('what agent.yaml must say', () => {
  const base = { kind: 'aws', audience: 'orders-api', accounts: ['111122223333'] }
  const problems = (changes: object): string[] => {
    const parsed = awsProvider.safeParse({ ...base, ...changes })
    return parsed.success ? [] : parsed.error.issues.map(({ message }) => message)
  }

  it('whom to let in: everybody can open an account with AWS', () => {
    const message = 'anyone can open an account with AWS: name "accounts", or give each of "arns" its account'
    expect(problems({ accounts: undefined })).toEqual([message])
    expect(problems({ accounts: undefined, arns: ['arn:aws:iam::*:role/deploy'] })).toEqual([message])
    expect(problems({ accounts: undefined, arns: ['arn:aws:iam::111122223333:role/*'] })).toEqual([])
    expect(problems({ arns: ['arn:aws:iam::*:role/deploy'] })).toEqual([])
  })

  it.each([
    [{ accounts: ['1111'] }],
    [{ arns: ['arn:aws:sts::111122223333:assumed-role/deploy/session'] }],
    [{ arns: ['deploy'] }],
    [{ arns: ['arn:aws:iam::1111*:role/x'] }],
    [{ roles: { deploy: ['x'] } }],
    [{ regions: ['us-gov-west-1'] }],
    [{ regions: ['eu-west-1'], hosts: ['sts.example.internal'] }],
    [{ hosts: ['STS.example.internal'] }],
    [{ hosts: ['sts.example.internal:443'] }],
    [{ endpoints: { 'sts.amazonaws.com': 'http://127.0.0.1:8080' } }],
    [{ endpoints: { 'sts.amazonaws.com': 'https://127.0.0.1:8080/path' } }],
    [{ audience: 'two words' }],
    [{ audienceHeader: 'host' }],
    [{ bind: { methodHeader: 'x-same', pathHeader: 'X-Same' } }],
    [{ maxAge: '16m' }],
    [{ maxFuture: '2m' }],
    [{ cache: '2m' }],
    [{ proxy: 'socks5://127.0.0.1' }],
    [{ unknown: true }],
  ])('%j is refused', (changes) => {
    expect(problems(changes)).toHaveLength(1)
  })
})

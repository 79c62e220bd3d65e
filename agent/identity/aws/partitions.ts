/** A part of AWS with accounts, names and endpoints of its own. */
export interface Partition {
  /** End of the regional endpoints' names. */
  readonly suffix: string
  /** End of those that speak IPv6 too; undefined where there are none. */
  readonly dualStackSuffix?: string
  /** The endpoint without a region. Only `aws` has one. */
  readonly globalHost?: string
  /** What a region of this partition looks like: agent.yaml may name one that is newer than this list. */
  readonly region: RegExp
  readonly regions: readonly string[]
  /** Regions with a `sts-fips` endpoint. In GovCloud the plain ones are FIPS endpoints. */
  readonly fipsRegions: readonly string[]
}

/** Stands for the endpoint without a region wherever regions are named, as AWS's SDKs have it. */
export const GLOBAL_REGION = 'aws-global'

/**
 * AWS STS by partition. Every host that a credential may name comes out of this table: none is made of what a client sent.
 * Dual-stack and FIPS names follow the endpoint rules of AWS's SDKs.
 */
export const partitions = {
  aws: {
    suffix: 'amazonaws.com',
    dualStackSuffix: 'api.aws',
    globalHost: 'sts.amazonaws.com',
    region: /^(?:us|eu|ap|sa|ca|me|af|il|mx)-(?!gov-|iso)[a-z]{2,12}-\d{1,2}$/,
    regions: [
      'af-south-1',
      'ap-east-1',
      'ap-east-2',
      'ap-northeast-1',
      'ap-northeast-2',
      'ap-northeast-3',
      'ap-south-1',
      'ap-south-2',
      'ap-southeast-1',
      'ap-southeast-2',
      'ap-southeast-3',
      'ap-southeast-4',
      'ap-southeast-5',
      'ap-southeast-6',
      'ap-southeast-7',
      'ca-central-1',
      'ca-west-1',
      'eu-central-1',
      'eu-central-2',
      'eu-north-1',
      'eu-south-1',
      'eu-south-2',
      'eu-west-1',
      'eu-west-2',
      'eu-west-3',
      'il-central-1',
      'me-central-1',
      'me-south-1',
      'mx-central-1',
      'sa-east-1',
      'us-east-1',
      'us-east-2',
      'us-west-1',
      'us-west-2',
    ],
    fipsRegions: ['us-east-1', 'us-east-2', 'us-west-1', 'us-west-2'],
  },
  'aws-cn': {
    suffix: 'amazonaws.com.cn',
    dualStackSuffix: 'api.amazonwebservices.com.cn',
    region: /^cn-[a-z]{2,12}-\d{1,2}$/,
    regions: ['cn-north-1', 'cn-northwest-1'],
    fipsRegions: [],
  },
  'aws-us-gov': {
    suffix: 'amazonaws.com',
    dualStackSuffix: 'api.aws',
    region: /^us-gov-[a-z]{2,12}-\d{1,2}$/,
    regions: ['us-gov-east-1', 'us-gov-west-1'],
    fipsRegions: [],
  },
  'aws-eusc': {
    suffix: 'amazonaws.eu',
    dualStackSuffix: 'api.amazonwebservices.eu',
    region: /^eusc-[a-z]{2}-[a-z]{2,12}-\d{1,2}$/,
    regions: ['eusc-de-east-1'],
    fipsRegions: [],
  },
  'aws-iso': {
    suffix: 'c2s.ic.gov',
    region: /^us-iso-[a-z]{2,12}-\d{1,2}$/,
    regions: ['us-iso-east-1', 'us-iso-west-1'],
    fipsRegions: [],
  },
  'aws-iso-b': {
    suffix: 'sc2s.sgov.gov',
    region: /^us-isob-[a-z]{2,12}-\d{1,2}$/,
    regions: ['us-isob-east-1', 'us-isob-west-1'],
    fipsRegions: [],
  },
  'aws-iso-e': {
    suffix: 'cloud.adc-e.uk',
    region: /^eu-isoe-[a-z]{2,12}-\d{1,2}$/,
    regions: ['eu-isoe-west-1'],
    fipsRegions: [],
  },
  'aws-iso-f': {
    suffix: 'csp.hci.ic.gov',
    region: /^us-isof-[a-z]{2,12}-\d{1,2}$/,
    regions: ['us-isof-east-1', 'us-isof-south-1'],
    fipsRegions: [],
  },
} as const satisfies Record<string, Partition>

export type PartitionId = keyof typeof partitions

export const partitionIds = Object.keys(partitions) as [PartitionId, ...PartitionId[]]

/** Whether agent.yaml may name this region for the partition. */
export function isRegionOf(id: PartitionId, region: string): boolean {
  const partition: Partition = partitions[id]
  return region === GLOBAL_REGION ? partition.globalHost !== undefined : partition.region.test(region)
}

/** Hosts of STS in a partition: of these regions, or of all. */
export function stsHosts(id: PartitionId, regions?: readonly string[]): Set<string> {
  const { suffix, dualStackSuffix, globalHost, ...known }: Partition = partitions[id]
  const hosts = new Set<string>()
  for (const region of regions ?? [GLOBAL_REGION, ...known.regions]) {
    if (region === GLOBAL_REGION) {
      if (globalHost !== undefined) hosts.add(globalHost)
      continue
    }
    const services = known.fipsRegions.includes(region) ? ['sts', 'sts-fips'] : ['sts']
    for (const service of services) {
      hosts.add(`${service}.${region}.${suffix}`)
      if (dualStackSuffix !== undefined) hosts.add(`${service}.${region}.${dualStackSuffix}`)
    }
  }
  return hosts
}

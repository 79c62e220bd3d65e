const ALB_ARN =
  /^arn:(aws|aws-cn|aws-us-gov|aws-eusc):elasticloadbalancing:([a-z]{2,4}(?:-[a-z]{2,12}){1,3}-\d{1,2}):\d{12}:loadbalancer\/app\/[A-Za-z0-9-]{1,32}\/[0-9a-f]{16}$/

/**
 * Where the keys of a load balancer lie, each under its id, without a slash at the end; undefined when this is no ARN of an
 * application load balancer. In GovCloud and China they lie in buckets (User Guide for Application Load Balancers).
 */
export function keysUrlOf(arn: string): string | undefined {
  const [, partition, region] = ALB_ARN.exec(arn) ?? []
  switch (partition) {
    case 'aws':
      return `https://public-keys.auth.elb.${region}.amazonaws.com`
    case 'aws-eusc':
      return `https://public-keys.auth.elb.${region}.amazonaws.eu`
    case 'aws-us-gov':
      return `https://s3-${region}.amazonaws.com/aws-elb-public-keys-prod-${region}`
    case 'aws-cn':
      return `https://s3.${region}.amazonaws.com.cn/aws-elb-public-keys-prod-${region}`
    default:
      return undefined
  }
}

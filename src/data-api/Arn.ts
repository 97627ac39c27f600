/** Parses Amazon Resource Names (ARNs). Pure. */
import { MAX_ARN_LENGTH } from "./Limits.ts"

/** The parts of an ARN, for example of `arn:aws:rds:us-east-1:123456789012:cluster:alex`. */
export interface Arn {
  /** `aws`, `aws-cn`, `aws-us-gov`... */
  readonly partition: string
  /** `rds` */
  readonly service: string
  /** `us-east-1`; empty for a service without regions. */
  readonly region: string
  /** Twelve digits, or none. */
  readonly account: string
  /** `cluster` */
  readonly kind: string
  /** `alex` */
  readonly name: string
}

const form = /^arn:(aws[a-z-]*):([a-z0-9-]+):([a-z0-9-]*):(\d{12})?:([a-z-]+)[:/](.+)$/

/**
 * Parses an ARN; undefined if the text is not one.
 *
 * @example
 * ```ts
 * import * as Arn from "./Arn.ts"
 *
 * Arn.parse("arn:aws:rds:us-east-1:123456789012:cluster:alex")?.region // "us-east-1"
 * ```
 */
export const parse = (text: string): Arn | undefined => {
  const parts = form.exec(text)
  if (parts === null) return undefined
  const [, partition = "", service = "", region = "", account = "", kind = "", name = ""] = parts
  return { partition, service, region, account, kind, name }
}

/** The region of an ARN, if it has one. */
export const regionOf = (text: string): string | undefined => parse(text)?.region || undefined

/** Parses the ARN of an RDS cluster or instance; undefined for any other text. */
export const parseDatabase = (text: string): Arn | undefined => {
  const arn = parse(text)
  return arn?.service === "rds" &&
    arn.region !== "" &&
    arn.account !== "" &&
    /^(?:cluster|db)$/.test(arn.kind) &&
    !arn.name.includes(":")
    ? arn
    : undefined
}

/** The region of an Aurora cluster, if the text is its ARN as the service accepts it. */
export const regionOfCluster = (text: string): string | undefined => {
  const arn = parseDatabase(text)
  return arn?.kind === "cluster" && text.length <= MAX_ARN_LENGTH && /^[A-Za-z0-9-]+$/.test(arn.name)
    ? arn.region
    : undefined
}

/** Whether a text is the ARN of an Aurora cluster, as the service accepts it. */
export const isCluster = (text: string): boolean => regionOfCluster(text) !== undefined

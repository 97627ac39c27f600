/**
 * What is wrong, and its fix, if a call of the Data API failed. The Data API's own table of failures serves where an
 * operator needs no more than a programmer.
 */
import * as Arn from "../../data-api/Arn.ts"
import { type FailureTag, failureAdvice, failures } from "../../data-api/FailureTable.ts"
import type { Advice, Cluster } from "./Advice.ts"

const withoutStop = (sentence: string): string => sentence.replace(/\.$/, "")

/** What is wrong with a cluster's ARN by its form or its region, if anything. */
export const adviceOnArn = ({ clusterArn, region }: Cluster): Advice | undefined => {
  const arn = Arn.parseDatabase(clusterArn)
  if (arn === undefined) {
    return {
      code: "cluster-arn",
      problem: "AURORA_CLUSTER_ARN is not the ARN of a cluster",
      fix: "It looks like arn:aws:rds:us-east-1:123456789012:cluster:name: copy it from the cluster's configuration"
    }
  }
  if (arn.kind === "db") {
    return {
      code: "cluster-arn",
      problem: "AURORA_CLUSTER_ARN is the ARN of an instance, not of a cluster",
      fix: "Use the cluster's ARN, which has :cluster: where this one has :db:"
    }
  }
  if (arn.region !== region) {
    return {
      code: "region",
      problem: `The cluster is in ${arn.region}, but calls go to ${region}`,
      fix: `Set DEFAULT_AWS_REGION=${arn.region}`
    }
  }
  return undefined
}

const onHttpEndpoint = (_message: string, cluster: Cluster | undefined): Advice =>
  (cluster === undefined ? undefined : adviceOnArn(cluster)) ?? {
    code: "data-api-off",
    problem: "The Data API is off for this cluster, or there is no cluster with this ARN in this region",
    fix: "Compare AURORA_CLUSTER_ARN letter by letter (upper and lower case count) with the cluster's own; then turn the Data API on: aws rds enable-http-endpoint --resource-arn <arn>. A new cluster needs about a minute"
  }

const onAccessDenied = (message: string): Advice =>
  /secretsmanager|kms/i.test(message)
    ? {
        code: "secret-permission",
        problem: "The caller may not read the database's secret",
        fix: "Allow secretsmanager:GetSecretValue on AURORA_SECRET_ARN, and kms:Decrypt on its key, to the caller's role"
      }
    : {
        code: "permission",
        problem: "The caller may not use the Data API on this cluster",
        fix: "Allow rds-data:ExecuteStatement, BatchExecuteStatement, BeginTransaction, CommitTransaction and RollbackTransaction on AURORA_CLUSTER_ARN to the caller's role"
      }

const missingCredentials = /^No AWS credentials: /

const onCredentials = (message: string): Advice =>
  missingCredentials.test(message)
    ? {
        code: "credentials",
        problem: `There are no AWS credentials: ${message.replace(missingCredentials, "")}`,
        fix: "Set AWS_PROFILE to a profile that exists, or log in (aws sso login, aws configure)"
      }
    : {
        code: "credentials",
        problem: `AWS refused the caller's credentials: ${message}`,
        fix: "Renew them (aws sso login, aws configure), and check this machine's clock"
      }

const unavailable: Advice = {
  code: "unavailable",
  problem: "The cluster's writer does not answer: it is restarting, failing over, stopped or being changed",
  fix: "Look at the cluster's status, start it if it is stopped, and try again in a minute"
}

/** The session of an embedded database ends with its folder. */
const onUnavailable = (message: string): Advice =>
  message.includes("data folder")
    ? {
        code: "folder",
        problem: withoutStop(message),
        fix: "ALEX_DB_DIR names the folder of the embedded database"
      }
    : unavailable

/** An embedded database may be reached through the process that has its folder open, without a network. */
const onNetwork = (message: string): Advice =>
  message.includes("data folder")
    ? {
        code: "folder",
        problem: withoutStop(message),
        fix: "Try again; if it lasts, stop that process: lock.json in the folder names it"
      }
    : {
        code: "network",
        problem: `The Data API can't be reached: ${message}`,
        fix: "Check the network and proxy, DEFAULT_AWS_REGION and AWS_ENDPOINT_URL_RDS_DATA"
      }

const onService = (message: string): Advice => ({
  code: "service",
  problem: `The Data API failed: ${message}`,
  fix: "Try again; if it lasts, look at the AWS Health Dashboard"
})

const onRequest = (message: string): Advice => ({
  code: "request",
  problem: `The Data API refused the request: ${message}`,
  fix: "Check AURORA_CLUSTER_ARN, AURORA_SECRET_ARN and AURORA_DATABASE: each is one ARN or name, at most 100 characters"
})

/** Where an operator needs more than the table says. */
const forOperators: Readonly<
  Partial<Record<FailureTag, Advice | ((message: string, cluster: Cluster | undefined) => Advice)>>
> = {
  DatabaseResuming: {
    code: "paused",
    problem: "The cluster was paused and is still resuming",
    fix: "Try again: a resume takes about 15 seconds, or 30 and more after a day's pause. A minimum capacity above 0 avoids the pause"
  },
  HttpEndpointNotEnabled: onHttpEndpoint,
  DatabaseNotFound: {
    code: "no-instance",
    problem: "The cluster has no database instance",
    fix: "Add a writer of class db.serverless to the cluster"
  },
  DatabaseUnavailable: onUnavailable,
  InvalidResourceState: unavailable,
  SecretsError: {
    code: "secret",
    problem: "The secret could not be read: it does not exist, is in another region, or can't be decrypted",
    fix: "Compare AURORA_SECRET_ARN with the secret's own ARN, including its six last characters, and check its key"
  },
  InvalidSecret: {
    code: "secret-content",
    problem: "The secret holds no user name and password",
    fix: 'Its text must be JSON with "username" and "password"'
  },
  AccessDenied: onAccessDenied,
  Forbidden: onAccessDenied,
  Unauthenticated: onCredentials,
  Throttled: { code: "throttled", problem: "AWS limits the rate of calls", fix: "Try again in a moment" },
  ConnectFailed: onNetwork,
  ConnectionLost: onNetwork,
  InternalServerError: onService,
  ServiceUnavailable: onService,
  UnexpectedResponse: onService,
  Validation: onRequest,
  BadRequest: onRequest,
  InvalidRequest: onRequest
}

/** `TransactionBusy` as `transaction-busy`. */
const codeOf = (tag: string): string => tag.replaceAll(/(?<=.)([A-Z])/g, "-$1").toLowerCase()

/** What is wrong, and its fix, by the tag of a failure of the Data API; PostgreSQL's errors are looked up by SQLSTATE. */
export const adviceOnFailure = (tag: FailureTag, message: string, cluster: Cluster | undefined): Advice | undefined => {
  if (tag === "DatabaseError") return undefined
  const onArn = cluster === undefined ? undefined : adviceOnArn(cluster)
  // Checked first: without a valid ARN no call can reach a cluster.
  if (onArn?.code === "cluster-arn") return onArn
  const advice = forOperators[tag]
  if (typeof advice === "function") return advice(message, cluster)
  const problem = withoutStop(failures[tag].meaning)
  return advice ?? { code: codeOf(tag), problem, fix: withoutStop(failureAdvice[tag]).replaceAll("`", "") }
}

/**
 * From a failure to what is wrong and how to mend it: every misconfiguration that a database can be reached with.
 */
import { Predicate } from "effect"
import { SqlError } from "effect/sql"
import { dataApiReasonOf, messageOf, sqlStateOf } from "./DatabaseFailure.ts"

/** What is wrong, in one sentence, and what to do. `code` names the case for programs. */
export interface Advice {
  readonly code: string
  readonly problem: string
  readonly mend: string
}

/** What the configuration says about the cluster, where there is one; it tells some failures apart. */
export interface Cluster {
  readonly clusterArn: string
  readonly region: string
  readonly database: string
}

/** What is wrong with a cluster's ARN by its form or its region, if anything. */
export const adviceOnArn = ({ clusterArn, region }: Cluster): Advice | undefined => {
  const match = /^arn:aws[a-z-]*:rds:([a-z0-9-]+):(\d{12}):(cluster|db):([^:]+)$/.exec(clusterArn)
  if (match === null) {
    return {
      code: "cluster-arn",
      problem: "AURORA_CLUSTER_ARN is not the ARN of a cluster",
      mend: "It looks like arn:aws:rds:us-east-1:123456789012:cluster:name: copy it from the cluster's configuration"
    }
  }
  const [, arnRegion, , kind] = match
  if (kind === "db") {
    return {
      code: "cluster-arn",
      problem: "AURORA_CLUSTER_ARN is the ARN of an instance, not of a cluster",
      mend: "Use the cluster's ARN, which has :cluster: where this one has :db:"
    }
  }
  if (arnRegion !== region) {
    return {
      code: "region",
      problem: `The cluster is in ${arnRegion}, but calls go to ${region}`,
      mend: `Set DEFAULT_AWS_REGION=${arnRegion}`
    }
  }
  return undefined
}

const onHttpEndpoint = (cluster: Cluster | undefined): Advice =>
  (cluster === undefined ? undefined : adviceOnArn(cluster)) ?? {
    code: "data-api-off",
    problem: "The Data API is off for this cluster, or there is no cluster with this ARN in this region",
    mend: "Compare AURORA_CLUSTER_ARN letter by letter (upper and lower case count) with the cluster's own; then turn the Data API on: aws rds enable-http-endpoint --resource-arn <arn>. A new cluster needs about a minute"
  }

const onAccessDenied = (message: string): Advice =>
  /secretsmanager|kms/i.test(message)
    ? {
        code: "secret-permission",
        problem: "The caller may not read the database's secret",
        mend: "Allow secretsmanager:GetSecretValue on AURORA_SECRET_ARN, and kms:Decrypt on its key, to the caller's role"
      }
    : {
        code: "permission",
        problem: "The caller may not use the Data API on this cluster",
        mend: "Allow rds-data:ExecuteStatement, BatchExecuteStatement, BeginTransaction, CommitTransaction and RollbackTransaction on AURORA_CLUSTER_ARN to the caller's role"
      }

const onSqlState = (
  state: string,
  message: string,
  { cluster, overDataApi }: { readonly cluster: Cluster | undefined; readonly overDataApi: boolean }
): Advice | undefined => {
  const name = cluster === undefined ? "" : ` "${cluster.database}"`
  switch (state) {
    case "28P01":
    case "28000":
      return overDataApi
        ? {
            code: "password",
            problem: "The user or the password in the secret was refused",
            mend: "Put the user's present password into the secret at AURORA_SECRET_ARN; right after a rotation, try again"
          }
        : {
            code: "password",
            problem: "The user or the password was refused",
            mend: "Correct the user and the password in DATABASE_URL"
          }
    case "3D000":
      return {
        code: "database-name",
        problem: `The database${name} does not exist`,
        mend: overDataApi
          ? "Correct AURORA_DATABASE, or create the database"
          : "Correct the name at the end of DATABASE_URL, or create the database"
      }
    case "42P01":
      return {
        code: "not-migrated",
        problem: "The database has not been migrated",
        mend: `Run alex-db migrate: ${message}`
      }
    case "42501":
      return {
        code: "privilege",
        problem: `The database's role lacks a privilege: ${message}`,
        mend: "Grant it, or use the secret of a role that owns the tables"
      }
    case "53300":
      return {
        code: "connections",
        problem: "The database has no free connection",
        mend: "Wait, close idle clients, or raise the cluster's capacity"
      }
    case "57P03":
      return { code: "starting", problem: "The database is starting up", mend: "Wait a moment and try again" }
    default:
      return undefined
  }
}

const onReason = (reason: string, message: string, cluster: Cluster | undefined): Advice | undefined => {
  switch (reason) {
    case "DatabaseResuming":
      return {
        code: "paused",
        problem: "The cluster was paused and is still resuming",
        mend: "Try again: a resume takes 10 to 60 seconds. A minimum capacity above 0 avoids the pause"
      }
    case "HttpEndpointNotEnabled":
      return onHttpEndpoint(cluster)
    case "DatabaseNotFound":
      return {
        code: "no-instance",
        problem: "The cluster has no database instance",
        mend: "Add a writer of class db.serverless to the cluster"
      }
    case "DatabaseUnavailable":
    case "InvalidResourceState":
      return {
        code: "unavailable",
        problem: "The cluster's writer does not answer: it is restarting, failing over, stopped or being changed",
        mend: "Look at the cluster's status, start it if it is stopped, and try again in a minute"
      }
    case "SecretsError":
      return {
        code: "secret",
        problem: "The secret could not be read: it does not exist, is in another region, or can't be decrypted",
        mend: "Compare AURORA_SECRET_ARN with the secret's own ARN, including its six last characters, and check its key"
      }
    case "InvalidSecret":
      return {
        code: "secret-content",
        problem: "The secret holds no user name and password",
        mend: 'Its text must be JSON with "username" and "password"'
      }
    case "AccessDenied":
    case "Forbidden":
      return onAccessDenied(message)
    case "Unauthenticated":
      return {
        code: "credentials",
        problem: `AWS refused the caller's credentials: ${message}`,
        mend: "Renew them (aws sso login, aws configure), and check this machine's clock"
      }
    case "Throttled":
      return { code: "throttled", problem: "AWS limits the rate of calls", mend: "Try again in a moment" }
    case "ConnectFailed":
    case "ConnectionLost":
    case "NotCommitted":
      return {
        code: "network",
        problem: `The Data API can't be reached: ${message}`,
        mend: "Check the network and proxy, DEFAULT_AWS_REGION and AWS_ENDPOINT_URL_RDS_DATA"
      }
    case "InternalServerError":
    case "ServiceUnavailable":
    case "UnexpectedResponse":
      return {
        code: "service",
        problem: `The Data API failed: ${message}`,
        mend: "Try again; if it lasts, look at the AWS Health Dashboard"
      }
    case "Validation":
    case "BadRequest":
    case "InvalidRequest":
      return {
        code: "request",
        problem: `The Data API refused the request: ${message}`,
        mend: "Check AURORA_CLUSTER_ARN, AURORA_SECRET_ARN and AURORA_DATABASE: each is one ARN or name, at most 100 characters"
      }
    default:
      return undefined
  }
}

/** The system's codes for a connection that did not come about, found anywhere below an error. */
const socketCode = (error: unknown, depth = 0): string | undefined => {
  if (depth > 8 || !Predicate.isObject(error)) return undefined
  const code = Predicate.hasProperty(error, "code") ? error.code : undefined
  if (typeof code === "string" && /^E[A-Z]{3,}|^ERR_/.test(code)) return code
  const next = Predicate.hasProperty(error, "reason") ? error.reason : undefined
  return (
    socketCode(next, depth + 1) ??
    socketCode(Predicate.hasProperty(error, "cause") ? error.cause : undefined, depth + 1)
  )
}

const onSocket = (code: string): Advice | undefined => {
  if (code === "ECONNREFUSED") {
    const problem = "Nothing listens at the address in DATABASE_URL"
    return { code: "network", problem, mend: "Start PostgreSQL there, or correct host and port" }
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return { code: "network", problem: "The host's name can't be resolved", mend: "Correct the host, or the network" }
  }
  return undefined
}

/**
 * What is wrong and how to mend it.
 *
 * @param error Whatever reaching the database failed with.
 * @param cluster The configuration of the cluster, if the backend is `data-api`.
 */
export const adviceOn = (error: unknown, cluster?: Cluster): Advice => {
  const fallback: Advice = {
    code: "unknown",
    problem: error instanceof Error ? error.message : String(error),
    mend: "This failure is not a known one; the message above is the driver's own"
  }
  if (Predicate.hasProperty(error, "_tag") && error._tag === "ConfigurationError") {
    return {
      code: "configuration",
      problem: fallback.problem,
      mend: "Set it in the environment or in .env; .env.example names every variable"
    }
  }
  if (Predicate.hasProperty(error, "_tag") && error._tag === "LocalDataApiError") {
    const problem = fallback.problem.replace(/\.$/, "")
    return { code: "folder", problem, mend: "ALEX_DB_DIR names the folder of the embedded database" }
  }
  const socket = socketCode(error)
  if (!SqlError.isSqlError(error)) return (socket === undefined ? undefined : onSocket(socket)) ?? fallback
  const message = messageOf(error)
  const state = sqlStateOf(error)
  const reason = dataApiReasonOf(error)
  return (
    (state === undefined ? undefined : onSqlState(state, message, { cluster, overDataApi: reason !== undefined })) ??
    (reason === undefined ? undefined : onReason(reason, message, cluster)) ??
    (socket === undefined ? undefined : onSocket(socket)) ?? { ...fallback, problem: message }
  )
}

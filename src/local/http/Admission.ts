/** Decides which calls are admitted, by their signature, body, cluster and transaction. */
import { isUtf8 } from "node:buffer"
import { type Clock, Result } from "effect"
import { TransactionNotFound } from "../../data-api/DataApiError.ts"
import { TRANSACTION_TOTAL } from "../../data-api/Limits.ts"
import type { Operation } from "../../data-api/Operation.ts"
import { type Call, decodeCall } from "../../data-api/rest-json/RequestReader.ts"
import { type Answer, answerOf, failed, refusal } from "./Answers.ts"
import type { Clusters } from "./Clusters.ts"
import { readCredential, verifySignature } from "./SignatureCheck.ts"
import type { RequestHead } from "./WholeRequests.ts"

/** Which cluster each open transaction belongs to. */
export class TransactionHomes {
  private readonly homes = new Map<string, { readonly resourceArn: string; readonly since: number }>()

  begun(id: string, resourceArn: string, now: number): void {
    // The map is in order of age. Transactions older than the service's limit have ended, and are removed.
    for (const [old, { since }] of this.homes) {
      if (now - since < TRANSACTION_TOTAL) break
      this.homes.delete(old)
    }
    this.homes.set(id, { resourceArn, since: now })
  }

  ended(id: string): void {
    this.homes.delete(id)
  }

  isElsewhere(id: string, resourceArn: string): boolean {
    const home = this.homes.get(id)
    return home !== undefined && home.resourceArn !== resourceArn
  }
}

/** The transaction that a call names. */
export const transactionIdOf = (call: Call): string | undefined =>
  "transactionId" in call.request ? call.request.transactionId : undefined

const databaseOf = (call: Call): string | undefined => ("database" in call.request ? call.request.database : undefined)

/** A call that is admitted, and the database that it is for. */
export interface Admitted {
  readonly call: Call
  readonly database: string | undefined
}

/** The state that decides about admission. */
export interface Gate {
  readonly clusters: Clusters
  readonly homes: TransactionHomes
  readonly clock: Clock.Clock
}

/** The call in a request's body, or the response that refuses it. */
export const admit = (
  { clock, clusters, homes }: Gate,
  { headers, method, target }: RequestHead,
  operation: Operation,
  body: Buffer
): Admitted | Answer | "dropped" => {
  const credential = readCredential(headers, clusters.regions)
  if (Result.isFailure(credential)) return answerOf(credential.failure)
  const caller = clusters.caller(credential.success.accessKeyId)
  if (Result.isFailure(caller)) return answerOf(caller.failure)
  const { secretAccessKey } = caller.success
  if (secretAccessKey !== undefined) {
    const signed = { method, target, headers, body }
    const right = verifySignature(signed, credential.success, secretAccessKey, clock.currentTimeMillisUnsafe())
    if (Result.isFailure(right)) return answerOf(right.failure)
  }
  if (!isUtf8(body)) return refusal(400, "SerializationException", "The request body is not valid UTF-8")
  const decoded = decodeCall(operation, body.toString())
  if (Result.isFailure(decoded)) return failed(decoded.failure)
  const call = decoded.success
  const database = clusters.admit({
    operation,
    target: call.target,
    region: credential.success.region,
    caller: caller.success,
    database: databaseOf(call)
  })
  if (Result.isFailure(database)) return answerOf(database.failure)
  const id = transactionIdOf(call)
  return id !== undefined && homes.isElsewhere(id, call.target.resourceArn)
    ? answerOf(new TransactionNotFound({ message: `Transaction ${id} is not found` }))
    : { call, database: database.success }
}

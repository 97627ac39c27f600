/** The service's limits, as options. Only tests should need to change them, to shorten the times. */
import { Duration } from "effect"
import * as Service from "../data-api/Limits.ts"

/** The limits of the service. */
export interface Limits {
  /** How long a statement may run: 45 seconds. */
  readonly statementTimeout: Duration.Input
  /** How long a transaction may wait for its next call: 3 minutes. */
  readonly transactionIdle: Duration.Input
  /** How long a transaction may last: 24 hours. */
  readonly transactionTotal: Duration.Input
  /** The largest result, in bytes: 1 MiB, of its values as text plus 2 for each row and 4 for each value. */
  readonly resultBytes: number
  /** The longest statement: 65,536 characters. */
  readonly sqlLength: number
  /** The largest request, in bytes: 4 MiB. */
  readonly requestBytes: number
  /** The largest `formattedRecords`, in bytes: 10 MiB. */
  readonly formattedBytes: number
  /** How long a call waits for a session before it fails with "too many clients": 10 seconds. */
  readonly sessionWait: Duration.Input
}

/** The values of the service's documentation, except `sessionWait`, which only this engine has. */
export const defaultLimits: Limits = {
  statementTimeout: Service.STATEMENT_TIMEOUT,
  transactionIdle: Service.TRANSACTION_IDLE,
  transactionTotal: Service.TRANSACTION_TOTAL,
  resultBytes: Service.MAX_RESULT_BYTES,
  sqlLength: Service.MAX_SQL_LENGTH,
  requestBytes: Service.MAX_REQUEST_BYTES,
  formattedBytes: Service.MAX_FORMATTED_BYTES,
  sessionWait: Duration.seconds(10)
}

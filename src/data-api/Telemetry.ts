/** The metrics of Data API calls. They hold names of operations and failures, never a statement or a value. */
import * as Metric from "effect/Metric"
import type { Operation } from "./Operation.ts"

/** The metrics of one operation. */
export interface OperationMetrics {
  /** Requests sent, retries included. */
  readonly requests: Metric.Counter<number>
  /** Milliseconds that one request took. */
  readonly latency: Metric.Histogram<number>
  /** Retries. */
  readonly retries: Metric.Counter<number>
  /** Calls that found the database paused. */
  readonly resumes: Metric.Counter<number>
}

/** Bytes of bodies over HTTP, for one operation. */
export interface TrafficMetrics {
  readonly sent: Metric.Counter<number>
  readonly received: Metric.Counter<number>
}

const counter = (operation: Operation, name: string, description: string): Metric.Counter<number> =>
  Metric.withAttributes(Metric.counter(name, { description, incremental: true }), { "db.operation.name": operation })

const requestsOf = (operation: Operation): OperationMetrics => ({
  requests: counter(operation, "data_api_requests", "Requests to the RDS Data API, retries included"),
  retries: counter(operation, "data_api_retries", "Retries of requests to the RDS Data API"),
  resumes: counter(operation, "data_api_resumes", "Calls that found the database paused"),
  latency: Metric.withAttributes(
    Metric.histogram("data_api_latency_milliseconds", {
      description: "Duration of one request to the RDS Data API",
      // 2 ms to 65 s: a call takes about 17 ms within a region, and at most 45 s.
      boundaries: Metric.exponentialBoundaries({ start: 2, factor: 2, count: 16 })
    }),
    { "db.operation.name": operation }
  )
})

const trafficOf = (operation: Operation): TrafficMetrics => ({
  sent: counter(operation, "data_api_sent_bytes", "Bytes of the bodies of requests"),
  received: counter(operation, "data_api_received_bytes", "Bytes of the bodies of answers")
})

/** Creates an operation's metrics on first use: most programs call two of the five operations. */
const byOperation = <A>(make: (operation: Operation) => A): ((operation: Operation) => A) => {
  const made = new Map<Operation, A>()
  return (operation) => {
    const known = made.get(operation)
    if (known !== undefined) return known
    const instruments = make(operation)
    made.set(operation, instruments)
    return instruments
  }
}

/** The metrics of requests, by operation. */
export const makeMetrics = () => byOperation(requestsOf)

/** The metrics of HTTP traffic, by operation. */
export const makeTraffic = () => byOperation(trafficOf)

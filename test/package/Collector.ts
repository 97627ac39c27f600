/** An OpenTelemetry collector in this process: takes OTLP over HTTP as JSON and keeps what has arrived. */
import { createServer } from "node:http"

interface Attribute {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

export interface ExportedSpan {
  readonly name: string
  readonly kind: number
  readonly parentSpanId?: string
  readonly spanId: string
  readonly attributes: ReadonlyArray<Attribute>
  readonly events: ReadonlyArray<{ readonly name: string; readonly attributes: ReadonlyArray<Attribute> }>
}

export interface ExportedMetric {
  readonly name: string
  readonly sum?: { readonly dataPoints: ReadonlyArray<{ readonly attributes: ReadonlyArray<Attribute> }> }
  readonly histogram?: { readonly dataPoints: ReadonlyArray<{ readonly attributes: ReadonlyArray<Attribute> }> }
}

interface Traces {
  readonly resourceSpans: ReadonlyArray<{
    readonly resource: { readonly attributes: ReadonlyArray<Attribute> }
    readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<ExportedSpan> }>
  }>
}

interface Metrics {
  readonly resourceMetrics: ReadonlyArray<{
    readonly scopeMetrics: ReadonlyArray<{ readonly metrics: ReadonlyArray<ExportedMetric> }>
  }>
}

interface Logs {
  readonly resourceLogs: ReadonlyArray<{
    readonly scopeLogs: ReadonlyArray<{
      readonly logRecords: ReadonlyArray<{ readonly body: { readonly stringValue?: string } }>
    }>
  }>
}

const bodyOf = async (stream: AsyncIterable<Buffer>): Promise<string> => {
  const parts: Array<Buffer> = []
  for await (const part of stream) parts.push(part)
  return Buffer.concat(parts).toString("utf8")
}

/** The value of each attribute, whatever its type. */
export const attributesOf = (attributes: ReadonlyArray<Attribute>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

/** Listens on a free port of the loopback address. */
export const listen = async () => {
  const spans: Array<ExportedSpan> = []
  const metrics: Array<ExportedMetric> = []
  const logs: Array<string> = []
  const services = new Set<unknown>()
  const take: Readonly<Record<string, (body: string) => void>> = {
    "/v1/traces": (body) => {
      const { resourceSpans }: Traces = JSON.parse(body)
      for (const { resource, scopeSpans } of resourceSpans) {
        services.add(attributesOf(resource.attributes)["service.name"])
        spans.push(...scopeSpans.flatMap((scope) => scope.spans))
      }
    },
    "/v1/metrics": (body) => {
      const { resourceMetrics }: Metrics = JSON.parse(body)
      metrics.push(...resourceMetrics.flatMap((one) => one.scopeMetrics.flatMap((scope) => scope.metrics)))
    },
    "/v1/logs": (body) => {
      const { resourceLogs }: Logs = JSON.parse(body)
      const records = resourceLogs.flatMap((one) => one.scopeLogs.flatMap((scope) => scope.logRecords))
      logs.push(...records.map((record) => record.body.stringValue ?? ""))
    }
  }
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request)
    const taken = take[request.url ?? ""]
    taken?.(body)
    response.writeHead(taken === undefined ? 404 : 200, { "content-type": "application/json" }).end("{}")
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("The collector has no port")
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()))
  return { url: `http://127.0.0.1:${address.port}`, spans, metrics, logs, services, close }
}

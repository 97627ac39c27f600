/**
 * What agents read and write, as JSON Schema: for any tool (2020-12), for OpenAI's strict mode, for Anthropic.
 *
 * The two providers accept a subset of JSON Schema. What the subset can't express (percentages that sum to 100,
 * lengths) is in the descriptions, and the codec that comes with each document still enforces it.
 */
import { Effect, JsonSchema, Option, Schema, SchemaGetter, SchemaIssue, SchemaTransformation } from "effect"
import { AnthropicStructuredOutput, OpenAiStructuredOutput } from "effect/ai"
import { parseJson } from "../../data-api/values/SoundJson.ts"
import * as Domain from "../../domain/index.ts"
import { changedIn } from "../../spelling/WrittenJson.ts"
import { portable } from "./portable.ts"
import type { SchemaName } from "./schemaNames.ts"

/** The dialects of JSON Schema: 2020-12 as any tool reads it, OpenAI's strict mode, Anthropic's tools. */
export const dialects = ["json-schema", "openai", "anthropic"] as const
/** One of {@link dialects}. */
export type Dialect = (typeof dialects)[number]

/** A JSON Schema document, and the codec that reads and writes what the document describes. */
export interface Described<A> {
  readonly codec: Schema.ConstraintCodec<A, unknown>
  readonly jsonSchema: JsonSchema.JsonSchema
}

const eachOnce = <Key extends string>(key: Key) =>
  Schema.makeFilter(
    (items: ReadonlyArray<{ readonly [K in Key]: string }>) =>
      new Set(items.map((item) => item[key])).size === items.length || `expected each ${key} only once`
  )

/**
 * An allocation as a list: an object would need a nullable field for each of its possible names, and Anthropic admits
 * 16 nullable fields in a request.
 */
const listed = <Name extends string>(
  allocation: Schema.Codec<{ readonly [N in Name]?: number }>,
  names: ReadonlyArray<Name>,
  description: string
) =>
  Schema.Array(Schema.Struct({ name: Schema.Literals(names), percentage: Domain.Percentage }))
    .annotate({ description, message: "expected a list of names with their percentages" })
    .pipe(
      Schema.check(eachOnce("name")),
      Schema.decodeTo(
        allocation,
        SchemaTransformation.transform({
          decode: (list) => {
            const shares: { [N in Name]?: number } = {}
            for (const { name, percentage } of list) shares[name] = percentage
            return shares
          },
          encode: (shares) =>
            names.flatMap((name) => {
              const percentage = shares[name]
              return percentage === undefined ? [] : [{ name, percentage }]
            })
        })
      )
    )

const complete = "that sum to 100 (within 0.05), each name once"
const maybeEmpty = `${complete}; an empty list means not classified yet`

const completeAllocations = {
  regions: listed(Domain.CompleteRegionAllocation, Domain.regions, `Percentages by region ${complete}`),
  sectors: listed(Domain.CompleteSectorAllocation, Domain.sectors, `Percentages by sector ${complete}`),
  assetClasses: listed(
    Domain.CompleteAssetClassAllocation,
    Domain.assetClasses,
    `Percentages by asset class ${complete}`
  )
}

const optionalAllocations = {
  regions: Schema.optionalKey(listed(Domain.RegionAllocation, Domain.regions, `Percentages by region ${maybeEmpty}`)),
  sectors: Schema.optionalKey(listed(Domain.SectorAllocation, Domain.sectors, `Percentages by sector ${maybeEmpty}`)),
  assetClasses: Schema.optionalKey(
    listed(Domain.AssetClassAllocation, Domain.assetClasses, `Percentages by asset class ${maybeEmpty}`)
  )
}

const instrumentAllocations = {
  allocation_regions: optionalAllocations.regions,
  allocation_sectors: optionalAllocations.sectors,
  allocation_asset_class: optionalAllocations.assetClasses
}

const userTargets = {
  asset_class_targets: optionalAllocations.assetClasses,
  region_targets: optionalAllocations.regions
}

/** The providers' subsets can't express objects with arbitrary keys, so charts are a list. */
const ListedCharts = Schema.Struct({
  charts: Schema.Array(
    Schema.Struct({
      key: Schema.String.annotate({ description: "The key of the chart, in words_joined_by_underscores" }),
      ...Domain.ClosedChart.fields
    }).annotate({ description: "One chart" })
  )
    .annotate({ description: "The charts, each key once" })
    .pipe(Schema.check(eachOnce("key")))
})
  .annotate({ description: "The charts of a portfolio" })
  .pipe(
    Schema.decodeTo(
      Domain.ClosedChartsPayload,
      SchemaTransformation.transform({
        decode: ({ charts }) => Object.fromEntries(charts.map(({ key, ...chart }) => [key, chart])),
        encode: (charts) => ({ charts: Object.entries(charts).map(([key, chart]) => ({ key, ...chart })) })
      })
    )
  )

const readJson = Option.liftThrowable((text: string): unknown => parseJson(text))

const notJson = (text: string, message: string) =>
  Effect.fail(new SchemaIssue.InvalidValue({ message }, { value: text }))

/**
 * Like `Schema.fromJsonString`, but a text is refused that would be read as another number or with a member less, and
 * read with {@link parseJson}: `JSON.parse` may take one key for another.
 */
const fromJsonText = <S extends Schema.Constraint>(schema: S) =>
  Schema.String.annotate({ expected: "a string that will be decoded as JSON" }).pipe(
    Schema.decodeTo(schema, {
      decode: SchemaGetter.transformEffect((text: string) => {
        const read = readJson(text)
        if (Option.isNone(read)) return notJson(text, "expected text that is JSON")
        const [changed] = changedIn(text)
        return changed === undefined
          ? Effect.succeed(read.value)
          : notJson(text, `in its JSON, ${changed.path} ${changed.message}`)
      }),
      encode: SchemaGetter.stringifyJson()
    })
  )

/** They can't express arbitrary JSON either, so it is text. */
const JsonText = fromJsonText(Domain.JsonValue).pipe(Schema.annotateEncoded({ description: "Any JSON value, as text" }))

const SummaryText = Schema.Struct({
  summary: fromJsonText(Domain.SummaryPayload).pipe(Schema.annotateEncoded({ description: "A JSON object, as text" }))
})
  .annotate({ description: "A summary of the job" })
  .pipe(
    Schema.decodeTo(
      Domain.SummaryPayload,
      SchemaTransformation.transform({ decode: ({ summary }) => summary, encode: (summary) => ({ summary }) })
    )
  )

/** What agents change about a job, with results in their closed forms. */
const ClosedJobUpdate = Schema.Struct({
  ...Domain.JobUpdate.fields,
  report_payload: Schema.optionalKey(Schema.NullOr(Domain.ClosedReportPayload)),
  charts_payload: Schema.optionalKey(Schema.NullOr(Domain.ClosedChartsPayload)),
  retirement_payload: Schema.optionalKey(Schema.NullOr(Domain.ClosedRetirementPayload))
}).annotate({ description: "What to change about a job; what is left out stays as it is" })

// The providers' strict modes have no absent fields, only null; so null can't empty a field there.
const nullLeaves = (what: string) => ({ description: `What to change about ${what}; null leaves a field as it is` })

// Effect's conversion of optional fields to nullable ones does not nest: what an optional field holds is converted first.
const optionalPayload = <A, I>(payload: Schema.Codec<A, I>) =>
  Schema.optionalKey(Schema.NullOr(OpenAiStructuredOutput.toCodecOpenAI(payload).codec))

/**
 * Describes a schema in any dialect. `portable` is its form for the providers, if their subsets can't express the
 * schema itself.
 */
const described =
  <A, I, J>(schema: Schema.Codec<A, I>, portable?: () => Schema.ConstraintCodec<A, J>) =>
  (dialect: Dialect): Described<A> => {
    switch (dialect) {
      case "json-schema":
        return standard(schema)
      case "openai":
        return within(OpenAiStructuredOutput.toCodecOpenAI<A, I | J, never, never>(portable?.() ?? schema))
      case "anthropic":
        return within(AnthropicStructuredOutput.toCodecAnthropic<A, I | J, never, never>(portable?.() ?? schema))
    }
  }

/**
 * Every schema of the domain that an agent may read or write, by name: each takes a dialect, and returns the document
 * with its codec. Decode with `strict`.
 *
 * In the providers' dialects a field that may be left out is required and `null` instead, allocations and charts are
 * lists, and JSON of any shape is text; the codec gives the same value in every dialect.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { schemas } from "alex-database/agent"
 * import { strict } from "alex-database/domain"
 *
 * const { codec, jsonSchema } = schemas["portfolio-analysis"]("openai")
 * const format = { type: "json_schema", name: "portfolio_analysis", strict: true, schema: jsonSchema }
 * const decodeAnswer = Schema.decodeUnknownEffect(codec, strict)
 * ```
 */
export const schemas = {
  user: described(Domain.User),
  "user-create": described(Domain.UserCreate, () =>
    Schema.Struct({ ...Domain.UserCreate.fields, ...userTargets }).annotate({ description: "A new user" })
  ),
  "user-update": described(Domain.UserUpdate, () =>
    Schema.Struct({ ...Domain.UserUpdate.fields, ...userTargets }).annotate(nullLeaves("a user"))
  ),
  instrument: described(Domain.Instrument),
  "instrument-create": described(Domain.InstrumentCreate, () =>
    Schema.Struct({ ...Domain.InstrumentCreate.fields, ...instrumentAllocations }).annotate({
      description: "A new instrument"
    })
  ),
  "instrument-update": described(Domain.InstrumentUpdate, () =>
    Schema.Struct({ ...Domain.InstrumentUpdate.fields, ...instrumentAllocations }).annotate(nullLeaves("an instrument"))
  ),
  "instrument-classification": described(Domain.InstrumentClassification, () =>
    Schema.Struct({
      instrument_type: Domain.InstrumentType,
      allocation_regions: completeAllocations.regions,
      allocation_sectors: completeAllocations.sectors,
      allocation_asset_class: completeAllocations.assetClasses
    }).annotate({ description: "The kind of an instrument and how it is spread; each allocation sums to 100" })
  ),
  "instrument-price": described(Domain.InstrumentPrice),
  account: described(Domain.Account),
  "account-create": described(Domain.AccountCreate),
  "account-update": described(Domain.AccountUpdate, () => Domain.AccountUpdate.annotate(nullLeaves("an account"))),
  "account-totals": described(Domain.AccountTotals),
  "account-value": described(Domain.AccountValue),
  position: described(Domain.Position),
  "position-create": described(Domain.PositionCreate),
  "position-update": described(Domain.PositionUpdate, () => Domain.PositionUpdate.annotate(nullLeaves("a position"))),
  "held-position": described(Domain.HeldPosition),
  portfolio: described(Domain.Portfolio),
  "portfolio-summary": described(Domain.PortfolioSummary),
  "portfolio-analysis": described(Domain.PortfolioAnalysis, () =>
    Schema.Struct({
      ...Domain.PortfolioAnalysis.fields,
      asset_allocation: completeAllocations.assetClasses,
      region_allocation: completeAllocations.regions,
      sector_allocation: completeAllocations.sectors
    }).annotate({ description: "An analysis of a whole portfolio" })
  ),
  "rebalance-recommendation": described(Domain.RebalanceRecommendation),
  trade: described(Domain.Trade),
  "job-create": described(Domain.JobCreate, () =>
    Schema.Struct({ ...Domain.JobCreate.fields, request_payload: Schema.optionalKey(JsonText) }).annotate({
      description: "A new job"
    })
  ),
  "job-update": described(ClosedJobUpdate, () =>
    Schema.Struct({
      ...Domain.JobUpdate.fields,
      report_payload: optionalPayload(Domain.ClosedReportPayload),
      charts_payload: optionalPayload(ListedCharts),
      retirement_payload: optionalPayload(Domain.ClosedRetirementPayload),
      summary_payload: optionalPayload(SummaryText)
    }).annotate(nullLeaves("a job"))
  ),
  "job-state": described(Domain.JobState),
  job: described(Domain.Job, () =>
    Schema.Struct({
      ...Domain.JobState.fields,
      request_payload: Schema.NullOr(JsonText),
      report_payload: Schema.NullOr(JsonText),
      charts_payload: Schema.NullOr(JsonText),
      retirement_payload: Schema.NullOr(JsonText),
      summary_payload: Schema.NullOr(JsonText)
    }).annotate({ description: "A job with its request and its results" })
  ),
  chart: described(Domain.ClosedChart),
  "report-payload": described(Domain.ClosedReportPayload),
  "charts-payload": described(Domain.ClosedChartsPayload, () => ListedCharts),
  "retirement-payload": described(Domain.ClosedRetirementPayload),
  "summary-payload": described(Domain.SummaryPayload, () => SummaryText)
} satisfies Record<SchemaName, (dialect: Dialect) => Described<unknown>>

/** Whether a text is the name of one of {@link schemas}. */
export const isSchemaName = (name: string): name is SchemaName => Object.hasOwn(schemas, name)

const standard = <A, I>(schema: Schema.Codec<A, I>): Described<A> => {
  const document = Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" })
  const definitions = Object.keys(document.definitions).length === 0 ? {} : { $defs: document.definitions }
  return {
    codec: Schema.toCodecJson(schema),
    jsonSchema: { $schema: JsonSchema.META_SCHEMA_URI_DRAFT_2020_12, ...document.schema, ...definitions }
  }
}

const within = <A>({ codec, jsonSchema }: Described<A>): Described<A> => ({ codec, jsonSchema: portable(jsonSchema) })

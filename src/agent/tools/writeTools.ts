/** The tools that write. */

import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { sharesOrNone } from "../../domain/Decimal.ts"
import {
  ClosedChartsPayload,
  ClosedReportPayload,
  ClosedRetirementPayload,
  Instrument,
  InstrumentClassification,
  InstrumentCreate,
  JobId,
  JobState,
  JsonValue,
  Position,
  PositionCreate,
  SpelledSymbol,
  SummaryPayload
} from "../../domain/index.ts"
import { failing, replaces, writes } from "./toolParts.ts"

const preview = Schema.optionalKey(
  Schema.Boolean.annotate({
    description: "true answers what the call would change, before and after, and changes nothing",
    message: "expected true or false"
  })
)

/** The member that shows what a call would change. */
const previewed = <S extends Schema.Constraint>(what: S) =>
  Schema.optionalKey(
    Schema.Struct({ before: Schema.NullOr(what), after: Schema.NullOr(what) }).annotate({
      description: "With preview: what is there, and what would be. Nothing was changed"
    })
  )

const WrittenPosition = Schema.toCodecJson(Schema.Struct({ ...Position.fields, preview: previewed(Position) }))
const WrittenJob = Schema.toCodecJson(Schema.Struct({ ...JobState.fields, preview: previewed(JsonValue) }))

const classifyInstrument = Tool.make("classify_instrument", {
  description:
    "Store an instrument with its type and its allocations by region, sector and asset class: percentages, each " +
    "allocation sums to 100. Creates the instrument or replaces what is known of it; a price (US dollars for one " +
    "share) that is left out stays as it is. Instruments are shared by all users.",
  parameters: Schema.Struct({
    symbol: SpelledSymbol,
    name: InstrumentCreate.fields.name,
    current_price: InstrumentCreate.fields.current_price,
    ...InstrumentClassification.fields,
    preview
  }),
  success: Schema.toCodecJson(
    Schema.Struct({
      symbol: Schema.String,
      outcome: Schema.Literals(["inserted", "updated", "unchanged"]).annotate({ description: "What became of it" }),
      preview: previewed(Instrument)
    })
  ),
  ...failing
}).annotateMerge(replaces)

const positionFields = { ...PositionCreate.fields, symbol: SpelledSymbol, preview }

const expectedQuantity = Schema.optionalKey(
  sharesOrNone(
    "So that a repeated call adds once: nothing is added unless the account holds just this many shares before it, as last " +
      "read, 0 if none"
  )
)

const setPosition = Tool.make("set_position", {
  description:
    "Set how many shares of an instrument one of the user's accounts holds, replacing the position if there is one. " +
    "The instrument must be known. Repeating the call changes nothing.",
  parameters: Schema.Struct(positionFields),
  success: WrittenPosition,
  ...failing
}).annotateMerge(replaces)

const addToPosition = Tool.make("add_to_position", {
  description:
    "Add shares of an instrument to what one of the user's accounts holds of it. The instrument must be known. " +
    "Repeating the call adds again, unless expected_quantity is given.",
  parameters: Schema.Struct({ ...positionFields, expected_quantity: expectedQuantity }),
  success: WrittenPosition,
  ...failing
}).annotateMerge(writes({ destructive: false, idempotent: false }))

const closePosition = Tool.make("close_position", {
  description:
    "Close the position that one of the user's accounts has in an instrument: all of its shares are gone. Repeating " +
    "the call finds no position any more.",
  parameters: Schema.Struct(Struct.pick(positionFields, ["account_id", "symbol", "preview"])),
  success: WrittenPosition,
  ...failing
}).annotateMerge(writes({ destructive: true, idempotent: false }))

const recordReport = Tool.make("record_report", {
  description: "Store the report, as Markdown, as the result of one of the user's jobs; replaces an earlier one.",
  parameters: Schema.Struct({ job_id: JobId, report: ClosedReportPayload, preview }),
  success: WrittenJob,
  ...failing
}).annotateMerge(replaces)

const recordCharts = Tool.make("record_charts", {
  description: "Store the charts as a result of one of the user's jobs; replaces all earlier ones.",
  parameters: Schema.Struct({ job_id: JobId, charts: ClosedChartsPayload, preview }),
  success: WrittenJob,
  ...failing
}).annotateMerge(replaces)

const recordRetirement = Tool.make("record_retirement", {
  description:
    "Store the retirement analysis as a result of one of the user's jobs; replaces an earlier one. Values and income " +
    "are US dollars, the success rate is in percent.",
  parameters: Schema.Struct({ job_id: JobId, retirement: ClosedRetirementPayload, preview }),
  success: WrittenJob,
  ...failing
}).annotateMerge(replaces)

const recordSummary = Tool.make("record_summary", {
  description: "Store a summary, any JSON object, as a result of one of the user's jobs; replaces an earlier one.",
  parameters: Schema.Struct({ job_id: JobId, summary: SummaryPayload, preview }),
  success: WrittenJob,
  ...failing
})
  .annotateMerge(replaces)
  // Providers' strict modes can't express an object of any shape.
  .annotate(Tool.Strict, false)

/** The tools that write, by the grant that each takes. */
export const WriteTools = {
  instruments: Toolkit.make(classifyInstrument),
  positions: Toolkit.make(setPosition, addToPosition, closePosition),
  results: Toolkit.make(recordReport, recordCharts, recordRetirement, recordSummary),
  // Widens what classify_instrument may change.
  prices: Toolkit.empty
}

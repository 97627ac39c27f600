/**
 * A result's values as one list. Records have an object for every field, which the driver would convert and drop. So
 * the reader of a response keeps its values, and records are created only when they are accessed. Pure.
 */
import type { ExecuteStatementResponse, Field } from "../DataApi.ts"

/** A NULL, the value of a `stringValue`, a `longValue` or a `booleanValue`, or any other field unchanged. */
export type Cell = null | string | number | boolean | Field

/** The values of a result, row by row; there is at least one. */
export interface Cells {
  readonly width: number
  readonly values: ReadonlyArray<Cell>
}

const fieldOf = (cell: Cell): Field => {
  switch (typeof cell) {
    case "string":
      return { stringValue: cell }
    case "number":
      return { longValue: cell }
    case "boolean":
      return { booleanValue: cell }
    default:
      return cell ?? { isNull: true }
  }
}

const recordsOf = ({ values, width }: Cells): ReadonlyArray<ReadonlyArray<Field>> => {
  const records: Array<ReadonlyArray<Field>> = []
  for (let at = 0; at < values.length; at += width) records.push(values.slice(at, at + width).map(fieldOf))
  return records
}

const held = Symbol("alex-database/data-api/Cells")

/** The values of a response, and the records once they are created. */
interface Held {
  readonly cells: Cells
  records?: ReadonlyArray<ReadonlyArray<Field>>
}

const holds = (response: object): response is { readonly [held]: Held } => held in response

/** The values of a response from {@link withCells}. A copy of it has none, since its records may have been replaced. */
export const cellsOf = (response: ExecuteStatementResponse): Cells | undefined =>
  holds(response) ? response[held].cells : undefined

/**
 * One getter for all responses. V8 keeps a getter in an object's hidden class, which survives every collection but a
 * full one, and with a getter of its own a response would keep its values there as well.
 */
const records = {
  enumerable: true,
  configurable: true,
  get(this: { readonly [held]: Held }) {
    this[held].records ??= recordsOf(this[held].cells)
    return this[held].records
  }
}

/** Up to this many values, creating the records costs less than deferring them. */
const FEW = 20

/** Adds records to a response, which are created from these values on first access. */
export const withCells = (response: ExecuteStatementResponse, cells: Cells): ExecuteStatementResponse => {
  if (cells.values.length <= FEW) return { ...response, records: recordsOf(cells) }
  const whole = Object.defineProperty({ ...response }, "records", records)
  // Not enumerable, so that no copy has it.
  return Object.defineProperty(whole, held, { value: { cells } })
}

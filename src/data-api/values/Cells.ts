/**
 * A result's values as one list. Records have an object for every field, and who wants rows would throw each away again:
 * a reader of answers that has the values gives both, and records are made for those who ask for them. Pure.
 */
import type { ExecuteStatementResponse, Field } from "../DataApi.ts"

/** NULL, the text of a `stringValue`, the number of a `longValue`, a `booleanValue`; any other field is as it is. */
export type Cell = null | string | number | boolean | Field

/** The values of a result, row after row; there is at least one. */
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

const known = new WeakMap<ExecuteStatementResponse, Cells>()

/** The values of a response that was made with them. A copy of it has its records only, since those may be others. */
export const cellsOf = (response: ExecuteStatementResponse): Cells | undefined => known.get(response)

/** So few records are made sooner than they are put off. */
const FEW = 20

/** The response with these values as its records. */
export const withCells = (response: ExecuteStatementResponse, cells: Cells): ExecuteStatementResponse => {
  if (cells.values.length <= FEW) return { ...response, records: recordsOf(cells) }
  let records: ReadonlyArray<ReadonlyArray<Field>> | undefined
  const whole: ExecuteStatementResponse = {
    ...response,
    get records() {
      records ??= recordsOf(cells)
      return records
    }
  }
  known.set(whole, cells)
  return whole
}

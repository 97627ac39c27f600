/** Encodes the body of a response, for a server. Pure. */
import type { ExecuteStatementResponse, Field } from "../DataApi.ts"
import { fieldText, isPlain } from "./ExactJson.ts"
import type { Responses } from "./Operations.ts"

/** A response whose records exist only as JSON text. */
export interface JsonResponse extends ExecuteStatementResponse {
  readonly recordsJson: string
  readonly rowCount: number
}

/** The response of any operation. */
export type Response = Responses[keyof Responses] | JsonResponse

const fieldsText = (fields: ReadonlyArray<Field>): string => {
  let text = "["
  for (const [index, value] of fields.entries()) text += index === 0 ? fieldText(value) : `,${fieldText(value)}`
  return `${text}]`
}

/** Nearly all records are plain; for them `JSON.stringify` takes half of the time and a tenth of the memory. */
const recordsText = (records: ReadonlyArray<ReadonlyArray<Field>>): string =>
  records.every((fields) => fields.every(isPlain)) ? JSON.stringify(records) : `[${records.map(fieldsText).join(",")}]`

const statementText = (response: ExecuteStatementResponse | JsonResponse): string => {
  const members: Array<string> = []
  if (response.columnMetadata !== undefined) members.push(`"columnMetadata":${JSON.stringify(response.columnMetadata)}`)
  if (response.formattedRecords !== undefined)
    members.push(`"formattedRecords":${JSON.stringify(response.formattedRecords)}`)
  if (response.generatedFields !== undefined) members.push(`"generatedFields":${fieldsText(response.generatedFields)}`)
  if (response.numberOfRecordsUpdated !== undefined)
    members.push(`"numberOfRecordsUpdated":${response.numberOfRecordsUpdated}`)
  if ("recordsJson" in response) members.push(`"records":${response.recordsJson}`)
  else if (response.records !== undefined) members.push(`"records":${recordsText(response.records)}`)
  return `{${members.join(",")}}`
}

/** Encodes the body of a response. Absent members have no key, and each Field has exactly one member. */
export const encodeResponse = (response: Response): string => {
  if ("updateResults" in response) {
    const results = response.updateResults.map((one) => `{"generatedFields":${fieldsText(one.generatedFields)}}`)
    return `{"updateResults":[${results.join(",")}]}`
  }
  if ("transactionId" in response || "transactionStatus" in response) return JSON.stringify(response)
  return statementText(response)
}

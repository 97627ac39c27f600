/** Statements that PostgreSQL runs only outside of a transaction, and so without the session's settings. */
import * as Effect from "effect/Effect"
import { literal } from "../../data-api/statement/Quoting.ts"
import type { ClientStatement } from "../statement/ClientStatement.ts"
import { fieldText } from "../statement/FieldText.ts"
import { type Refused, refusal } from "../statement/Refused.ts"
import type { Session } from "./ClientSession.ts"

/** Whether PostgreSQL runs a statement only outside of a transaction. */
export const runsOutsideTransaction = ({ words }: ClientStatement): boolean => {
  const [first = "", second = "", third = ""] = words
  if (first === "vacuum" || (first === "cluster" && words.length === 1)) return true
  if (first === "reindex") {
    const at = words[1] === "(" ? words.indexOf(")") + 1 : 1
    return /^(?:schema|database|system)$/.test(words[at] ?? "") || words.slice(1, at + 2).includes("concurrently")
  }
  if (/^(?:create|drop)$/.test(first)) {
    if (/^(?:database|tablespace|subscription)$/.test(second)) return true
    return words[second === "unique" ? 3 : 2] === "concurrently" && (second === "index" || third === "index")
  }
  if (first !== "alter") return false
  return /^(?:subscription|system)$/.test(second) || (second === "table" && words.includes("concurrently"))
}

const refused = (setting: string, hint: string): Refused =>
  refusal("0A000", `a statement that runs outside of transactions runs without the session's ${setting}`, hint)

/** Whether a statement names tables or indexes without their schema. */
const dependsOnPath = ({ words }: ClientStatement): boolean =>
  words.length > 1 &&
  !words.includes(".") &&
  !words.some((word) => /^(?:database|schema|subscription|system|tablespace)$/.test(word))

/** The schemas that names are looked up in, without a `search_path` and with it, which is local to the question. */
const schemasOf = (path: string): string =>
  `select current_schemas(true)::text, set_config('search_path', ${literal(path)}, true), current_schemas(true)::text`

/** Refuses a statement that would run as another user or, with names that mean something else, on other tables. */
export const refuseUnlike = Effect.fnUntraced(function* (session: Session, statement: ClientStatement) {
  const { values } = session.settings
  const user = ["session_authorization", "role"].find((name) => values.has(name))
  if (user !== undefined) return yield* refused(user, `Reset ${user}.`)
  const path = values.get("search_path")
  if (path === undefined || !dependsOnPath(statement)) return
  const { records } = yield* session.send({ sql: schemasOf(path) })
  const [without, , within] = records?.[0]?.map(fieldText) ?? []
  if (without !== within) return yield* refused("search_path", "Write the names with their schema.")
})

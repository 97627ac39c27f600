/**
 * Replaces personal data with pseudonyms. A value always gets the same pseudonym under the same key, so that references
 * hold and two backups can be compared. Pure.
 */
import { createHmac } from "node:crypto"
import { Redacted } from "effect"
import type { Anonymized } from "./BackupFormat.ts"
import { inOrder } from "./MemberOrder.ts"
import type { Values } from "./RecordText.ts"

/** The key that the pseudonyms are derived from. */
export type Key = Redacted.Redacted

type Change = (key: Key, value: string) => string

const digest = (key: Key, kind: string, value: string): string =>
  createHmac("sha256", Redacted.value(key)).update(`${kind}\0${value}`).digest("hex")

const user: Change = (key, value) => `user_${digest(key, "user", value).slice(0, 24)}`
const person: Change = (key, value) => `Person ${digest(key, "person", value).slice(0, 10)}`
const account: Change = (key, value) => `Account ${digest(key, "account", value).slice(0, 10)}`
const text: Change = (key, value) => (value === "" ? "" : `Text ${digest(key, "text", value).slice(0, 16)}`)
const hash: Change = (key, value) => digest(key, "hash", value)

/** Has the form of UUID version 4, like the ids that it replaces. */
const uuid: Change = (key, value) => {
  const hex = digest(key, "uuid", value.toLowerCase())
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

const isUuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i

/** How the text of a JSON member with this name is changed: like the column of that name, or not at all. */
const members: ReadonlyMap<string, Change> = new Map([
  ["clerk_user_id", user],
  ["user_id", user],
  ["display_name", person],
  ["account_name", account],
  ["symbol", (_, value) => value]
])

const isMoment = /^\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d(?::?\d\d)?)?)?$/
const isNumber = /^-?\d+(?:\.\d+)?$/

/** Changes a text in a document: times and numbers stay, and an id gets the same pseudonym as in a column. */
const leaf: Change = (key, value) => {
  if (isMoment.test(value) || isNumber.test(value)) return value
  return isUuid.test(value) ? uuid(key, value) : text(key, value)
}

/**
 * The tokens of a JSON text: strings, each with the colon that makes it a member's name, and all else but white space.
 */
const tokens = /("(?:[^"\\]|\\.)*")(\s*:)?|[^"\s]+/gs

/**
 * Changes the texts of a JSON document and nothing else: names of members stay, and numbers keep all of their digits. An
 * id that is the name of a member, as where amounts are listed by account, is changed as well. The members are then put
 * in order, as PostgreSQL does: what is read back after a restore would else not be what is in the backup.
 */
const document: Change = (key, value) => {
  let member = ""
  let isRenamed = false
  const changed = value.replaceAll(tokens, (token: string, literal: string | undefined, colon: string | undefined) => {
    if (literal === undefined) {
      // A later text is not the value of this member.
      member = ""
      return token
    }
    const said: string = JSON.parse(literal)
    if (colon === undefined) {
      const change = members.get(member) ?? leaf
      member = ""
      return JSON.stringify(change(key, said))
    }
    member = said
    if (!isUuid.test(said)) return token
    isRenamed = true
    return `${JSON.stringify(uuid(key, said))}${colon}`
  })
  return isRenamed ? inOrder(changed) : changed
}

/** The columns that are changed. Prices, quantities and amounts stay: they are what the copy is needed for. */
const columns: Readonly<Record<string, Readonly<Record<string, Change>>>> = {
  users: { clerk_user_id: user, display_name: person },
  accounts: { id: uuid, clerk_user_id: user, account_name: account, account_purpose: text },
  positions: { id: uuid, account_id: uuid },
  jobs: {
    id: uuid,
    clerk_user_id: user,
    request_payload: document,
    report_payload: document,
    charts_payload: document,
    retirement_payload: document,
    summary_payload: document,
    error_message: text
  },
  portfolio_snapshots: { clerk_user_id: user, accounts: document },
  // Equal hashes stay equal, but a guess of the arguments can no longer be checked against them.
  agent_calls: { id: uuid, clerk_user_id: user, job_id: uuid, arguments: hash }
}

/** Describes in a backup's header what was changed; the key can't be derived from it. */
export const described = (key: Key): Anonymized => ({
  columns: Object.entries(columns).flatMap(([table, changes]) =>
    Object.keys(changes).map((name) => `${table}.${name}`)
  ),
  key: digest(key, "key", "").slice(0, 16)
})

/** Changes the rows of a table. */
export const changeOf = (
  key: Key,
  table: { readonly name: string; readonly columns: ReadonlyArray<string> }
): ((values: Values) => Values) => {
  const named = Object.hasOwn(columns, table.name) ? columns[table.name] : undefined
  const changes = table.columns.map((column) =>
    named !== undefined && Object.hasOwn(named, column) ? named[column] : undefined
  )
  if (changes.every((change) => change === undefined)) return (values) => values
  return (values) =>
    values.map((value, index) => {
      const change = changes[index]
      return value === null || change === undefined ? value : change(key, value)
    })
}

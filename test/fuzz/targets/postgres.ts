/** PostgreSQL itself, in this process, as the judge of what a text means. */
import { PGlite } from "@electric-sql/pglite"

let opened: Promise<PGlite> | undefined

/** Opened when it is first asked. */
const database = (): Promise<PGlite> => {
  opened ??= PGlite.create()
  return opened
}

/** Texts that PostgreSQL can be asked: it has no null character, and runs out of stack in what is nested deeper. */
export const isAskable = (text: string): boolean => text.length <= 1000 && !text.includes("\0")

/** What it says against a text. */
export interface Objection {
  readonly code: string
  readonly message: string
  /** In characters, from 1. */
  readonly position: number
}

const memberOf = (error: unknown, name: string): string =>
  typeof error === "object" && error !== null ? String(Reflect.get(error, name) ?? "") : ""

/** Has a text parsed, and nothing run. */
export const objectionTo = async (sql: string): Promise<Objection | undefined> => {
  try {
    await (await database()).describeQuery(sql)
    return undefined
  } catch (error) {
    const code = memberOf(error, "code")
    if (code === "") throw error
    return { code, message: memberOf(error, "message"), position: Number(memberOf(error, "position")) }
  }
}

/** The first row of a query; undefined where PostgreSQL refuses it. */
export const answerTo = async (
  sql: string,
  parameters: ReadonlyArray<unknown>
): Promise<ReadonlyArray<unknown> | undefined> => {
  try {
    const { rows } = await (await database()).query<ReadonlyArray<unknown>>(sql, [...parameters], { rowMode: "array" })
    return rows[0]
  } catch (error) {
    if (memberOf(error, "code") === "") throw error
    return undefined
  }
}

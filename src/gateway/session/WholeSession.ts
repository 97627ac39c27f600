/** A client's transactions within the one transaction of its whole session: each is a savepoint. Pure. */
import { literal } from "../../data-api/statement/Quoting.ts"
import { resetWithin } from "./settings/Settings.ts"

const UNIT = "alex_gateway_unit"

export const beginUnit = `savepoint ${UNIT}`
export const rollBackUnit = `rollback to savepoint ${UNIT}`
export const releaseUnit = `release savepoint ${UNIT}`

/** The isolation level among the modes of a transaction, which a savepoint can't have for itself. */
export const isolationOf = (modes: string): string =>
  /\bisolation\s+level\s+(?:serializable|repeatable\s+read|read\s+(?:un)?committed)\b/i.exec(modes)?.[0] ?? ""

/**
 * What COMMIT does but keep what was written: it checks deferred constraints, which stay deferred for what follows, since
 * what is raised rolls SET CONSTRAINTS back; and the settings of the client's transaction end with it.
 */
export const endUnit = (changed: Iterable<string>): string =>
  `do ${literal(`begin
begin set constraints all immediate; raise sqlstate 'ALEX0'; exception when sqlstate 'ALEX0' then null; end;
${[...changed].map((name) => `${resetWithin(name)};`).join(" ")}
end`)}`

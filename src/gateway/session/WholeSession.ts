/** A client's transactions within the one transaction of its whole session: each is a savepoint. Pure. */
import { isRead } from "../../data-api/sql/ReadOnly.ts"
import { literal } from "../../data-api/statement/Quoting.ts"
import { type Refused, refusal } from "../statement/Refused.ts"
import { resetWithin } from "./settings/Settings.ts"

const UNIT = "alex_gateway_unit"

export const beginUnit = `savepoint ${UNIT}`
export const rollBackUnit = `rollback to savepoint ${UNIT}`
export const releaseUnit = `release savepoint ${UNIT}`

const isolation = /\bisolation\s+level\s+(serializable|repeatable\s+read|read\s+(?:un)?committed)\b/gi

/**
 * The isolation level among the modes of a transaction, which a savepoint can't have for itself, and the other modes. One
 * that is DEFERRABLE waits for a snapshot that never fails: without it, it may fail, as any other.
 */
export const unitModes = (modes: string) => ({
  isolation: [...modes.matchAll(isolation)].at(-1)?.[1]?.toLowerCase().replaceAll(/\s+/g, " "),
  others: modes
    .replaceAll(isolation, "")
    .replaceAll(/\b(?:not\s+)?deferrable\b/gi, "")
    .split(",")
    .map((mode) => mode.trim())
    .filter(Boolean)
    .join(", ")
})

/** Functions of the catalogue that drivers and tools call when they connect; settings are the gateway's. */
const harmless = /\b(?:set_config|pg_(?:backend_pid|(?:is|get)_\w+|\w+_is_visible|encoding_to_char))(?=\s*\()/gi

/** Whether something of a statement may stay in the session: what it wrote, or a lock. */
export const leaves = (sql: string): boolean =>
  !/^(?:savepoint|release|rollback)\b/i.test(sql) && !isRead(sql.replaceAll(harmless, "version"))

export const otherLevel = (level: string): Refused =>
  refusal(
    "25001",
    `the isolation level can't become ${level}: the transaction of the session has written, or holds a lock`,
    "With --session all transactions of a connection have one isolation level from the first that writes: set it before, or connect again."
  )

/** The deferrable constraints, which are checked for good, and those among them that are deferred again, by their names. */
const constraints = `
select string_agg(s.name, ', '), string_agg(s.name, ', ') filter (where s.later) into checked, deferred from (
  select format('%I.%I', n.nspname, c.conname) as name, bool_and(c.condeferred) as later
  from pg_catalog.pg_constraint c join pg_catalog.pg_namespace n on n.oid = c.connamespace
  where has_schema_privilege(n.oid, 'usage') and not pg_is_other_temp_schema(n.oid)
  group by n.nspname, c.conname having bool_and(c.condeferrable) and count(distinct c.condeferred) = 1
) s`

/**
 * What COMMIT does but keep what was written: it makes deferred checks, and ends the client's cursors and settings.
 *
 * A constraint whose name can't tell whether it is deferred again stays deferred, since what is raised rolls its check back.
 */
export const endUnit = (changed: Iterable<string>): string =>
  `do ${literal(`declare checked text; deferred text; begin ${constraints};
if checked is not null then execute 'set constraints ' || checked || ' immediate'; end if;
if deferred is not null then execute 'set constraints ' || deferred || ' deferred'; end if;
begin set constraints all immediate; raise sqlstate 'ALEX0'; exception when sqlstate 'ALEX0' then null; end;
execute 'close all';
${[...changed].map((name) => `${resetWithin(name)};`).join(" ")}
end`)}`

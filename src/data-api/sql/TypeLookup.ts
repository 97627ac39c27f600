/**
 * Asks PostgreSQL which types it infers for a statement's parameters: builds the question and reads the answer.
 *
 * A DO block prepares the statement with parameters of unknown type, reads `pg_prepared_statements` and deallocates the
 * statement. It returns the answer as an error with its own SQLSTATE. An error would abort a transaction, so there the
 * answer is stored in a setting that lasts until the transaction ends.
 */

import * as Result from "effect/Result"
import { isLonger, MAX_SQL_LENGTH } from "../Limits.ts"
import { fromNumbered, type Template } from "../statement/Placeholders.ts"
import { literal, quotedName } from "../statement/Quoting.ts"
import { fromBase64, toHex } from "../values/Octets.ts"
import { pgTypeByName } from "../values/PgOids.ts"
import { statementOf } from "./TextColumns.ts"

/** The SQLSTATE of the error that carries an answer. */
export const ANSWER_SQLSTATE = "ALEXT"

/** The setting that carries an answer within a transaction. */
const SETTING = "alex_database.parameter_types"

/** Reads the answer that a lookup in a transaction has stored. */
export const readAnswerSql = `select current_setting('${SETTING}')`

/** A type that PostgreSQL inferred. */
export interface InferredType {
  /** The type that a value's text is cast to: the base type, qualified by its schema and without a modifier. */
  readonly cast: string
  /** The catalogue's name of the base type. */
  readonly name: string
  readonly isArray: boolean
  /** Whether the Data API can return values of it. */
  readonly isReturned: boolean
  /** The column of the result that has the type, if it is known. */
  readonly column: string | undefined
}

/** The result of a lookup. */
export interface Lookup {
  /** The type of each parameter; undefined if PostgreSQL can't infer it. */
  readonly parameters: ReadonlyArray<InferredType | undefined>
  /**
   * The type of each column, if the statement returns rows and they were asked for or the server is PostgreSQL 16 or
   * later.
   */
  readonly results: ReadonlyArray<InferredType> | undefined
}

/** The statement could not be prepared: the SQLSTATE and PostgreSQL's message. */
export interface Undecided {
  readonly sqlState: string
  readonly message: string
}

/** A random text for names and dollar quotes, which no statement contains by chance. */
export const nonce = (): string => toHex(crypto.getRandomValues(new Uint8Array(12)))

/**
 * Creates an empty table with the columns of the statement `name`, without running it. If that fails (the role may not
 * create tables, or two columns have the same name), the columns stay unknown. Those that are a parameter alone, which have
 * one name, are numbered.
 */
const emptyTable = (name: string, { parameters }: Template, columns: Columns): string => `
  if ${columns === "named"} or current_setting('server_version_num')::int < 160000 then begin
    columns := pieces[1];
    for at in 1 .. ${parameters.length} loop
      columns := columns || '(null::' || (select parameter_types[refs[at]]::text
        from pg_catalog.pg_prepared_statements where name = '${name}') || ')'
        || replace(pieces[at + 1], ' as "?column?"', ' as "?column?' || at || '"');
    end loop;
    execute 'create temp table ${name} as with alex_rows as (' || columns || E'\n) select * from alex_rows with no data';
  exception when others then null;
  end; end if;`

/**
 * Selects the types of the statement `name` as JSON rows, see {@link Row}. `byInput` is true if a cast function
 * converts text to the type and may read it differently than the type's input function (`regclass`). Such text is cast
 * by way of `bpchar`, which has no cast function for the type, so that the input function reads it.
 */
const typesOf = (name: string): string => `
with recursive prepared as (
  select parameter_types, to_json(p) -> 'result_types' as results
  from pg_catalog.pg_prepared_statements p where name = '${name}'
), columns (number, type, label) as (
  select attnum, atttypid, regexp_replace(attname, '^[?]column[?][0-9]+$', '?column?') from pg_catalog.pg_attribute
  where attrelid = to_regclass('pg_temp.${name}') and attnum > 0
), asked (kind, number, type, label) as (
  select 'p', number, type, null
  from prepared, unnest(parameter_types::oid[]) with ordinality a (type, number)
  union all
  select 'r', * from columns
  union all
  select 'r', number, type::regtype::oid, null
  from prepared, json_array_elements_text(case when json_typeof(results) = 'array' then results end)
    with ordinality a (type, number)
  where not exists (select from columns)
), base (kind, number, type, label) as (
  select * from asked
  union all
  select kind, number, d.typbasetype, label
  from base join pg_catalog.pg_type d on d.oid = base.type where d.typtype = 'd'
)
select coalesce(json_agg(json_build_array(kind, number, n.nspname, t.typname, t.typtype, e.typname, e.typtype,
  exists (select from pg_catalog.pg_cast where castsource = 25 and casttarget = t.oid and castmethod = 'f')
  and not exists (select from pg_catalog.pg_cast where castsource = 1042 and casttarget = t.oid), label)), '[]')
from base
join pg_catalog.pg_type t on t.oid = base.type
join pg_catalog.pg_namespace n on n.oid = t.typnamespace
left join pg_catalog.pg_type e on e.oid = t.typelem and t.typcategory = 'A'
where t.typtype <> 'd'`

/**
 * Which columns of the result are asked for: `as known`, the types that PostgreSQL 16 and later report; `typed`, the
 * same on older servers; `named`, types and names on all servers.
 */
export type Columns = "as known" | "typed" | "named"

/** A statement with `$n` placeholders, and the known types of its parameters. */
export interface Question {
  readonly sql: string
  /** Undefined if the type is not known. */
  readonly types: ReadonlyArray<string | undefined>
}

/**
 * Builds the question as a statement; undefined if it would be too long.
 *
 * If PostgreSQL can't infer a parameter's type (42P18), the type becomes text, and the others are asked for again.
 */
export const lookupSql = ({ sql, types }: Question, columns: Columns, inTransaction: boolean): string | undefined => {
  const name = `alex_${nonce()}`
  const quote = `$${name}$`
  const template = columns === "as known" ? undefined : Result.getOrUndefined(fromNumbered(statementOf(sql)))
  const list = types.length === 0 ? "''" : `'(' || array_to_string(asked_types, ', ') || ')'`
  const body = `
declare
  asked_types text[] := array[${types.map((type) => literal(type ?? "unknown")).join(", ")}]::text[];
  pieces text[] := array[${(template?.pieces ?? []).map(literal).join(", ")}]::text[];
  refs int[] := array[${(template?.parameters ?? []).map((index) => index + 1).join(", ")}]::int[];
  columns text;
  found text;
  undecided int;
begin
  loop
    begin
      execute 'prepare ${name} ' || ${list} || ' as ' || ${quote}${sql}${quote};${
        template === undefined ? "" : emptyTable(name, template, columns)
      }
      ${typesOf(name)} into found;
      execute 'deallocate ${name}';${
        // Outside of a transaction, the error that carries the answer rolls the table back.
        template === undefined || !inTransaction ? "" : `\n      execute 'drop table if exists pg_temp.${name}';`
      }
      exit;
    exception when others then
      undecided := substring(sqlerrm from '[$]([0-9]+)')::int;
      if sqlstate = '42P18' and asked_types[undecided] = 'unknown' then
        asked_types[undecided] := 'text';
      else
        found := json_build_array(sqlstate, sqlerrm);
        exit;
      end if;
    end;
  end loop;
  ${
    inTransaction
      ? `perform set_config('${SETTING}', found, true);`
      : `raise exception using errcode = '${ANSWER_SQLSTATE}', message = 'alex-database asks for the types of parameters, which is no failure: '
    || replace(encode(convert_to(found, 'UTF8'), 'base64'), chr(10), '');`
  }
end`
  const text = `do ${literal(body)}`
  return isLonger(text, MAX_SQL_LENGTH) ? undefined : text
}

/** The type of a parameter (`p`) or of a column of the result (`r`), as {@link typesOf} selects it. */
type Row = readonly [
  of: "p" | "r",
  number: number,
  schema: string,
  name: string,
  kind: string,
  element: string | null,
  elementKind: string | null,
  byInput: boolean,
  column: string | null
]

const rowTypes = "string number string string string string? string? boolean string?".split(" ")

// Checked by hand: a schema would add a twentieth to the code of a bundled function.
const isRow = (row: unknown): row is Row =>
  Array.isArray(row) &&
  row.length === rowTypes.length &&
  (row[0] === "p" || row[0] === "r") &&
  rowTypes.every((type, index) => type.startsWith(typeof row[index]) || (row[index] === null && type.endsWith("?")))

const isRefusal = (answer: unknown): answer is readonly [sqlState: string, message: string] =>
  Array.isArray(answer) && answer.length === 2 && answer.every((part) => typeof part === "string")

const parsed = (answer: string): unknown => {
  try {
    return JSON.parse(answer)
  } catch {
    return undefined
  }
}

const isReturned = (schema: string, name: string, kind: string, member: "member" | "arrayMember"): boolean =>
  kind === "e" || (schema === "pg_catalog" && pgTypeByName.get(name)?.[member] !== undefined)

const inferred = ([, , schema, name, kind, element, elementKind, byInput, column]: Row): InferredType | undefined => {
  // A value can't be cast to a pseudo-type.
  if (kind === "p") return undefined
  const type = `${quotedName(schema)}.${quotedName(name)}`
  return {
    cast: byInput ? `pg_catalog."bpchar"::${type}` : type,
    name,
    isArray: element !== null,
    isReturned:
      element === null
        ? isReturned(schema, name, kind, "member")
        : isReturned(schema, element, elementKind ?? "", "arrayMember"),
    column: column ?? undefined
  }
}

/** Parses an answer; fails if it has an unknown form. */
export const readAnswer = (answer: string): Result.Result<Lookup | Undecided, string> => {
  const said = parsed(answer)
  if (isRefusal(said)) return Result.succeed({ sqlState: said[0], message: said[1] })
  if (!Array.isArray(said) || !said.every(isRow)) {
    return Result.fail("The types of a statement's parameters came back in an unknown form.")
  }
  const parameters: Array<InferredType | undefined> = []
  const results: Array<InferredType> = []
  for (const row of said) {
    const type = inferred(row)
    if (row[0] === "p") parameters[row[1] - 1] = type
    else {
      const pseudo = { cast: "", name: row[3], isArray: false, isReturned: row[3] === "void", column: undefined }
      results[row[1] - 1] = type ?? pseudo
    }
  }
  return Result.succeed({ parameters, results: results.length === 0 ? undefined : results })
}

/** The answer in the message of its error. */
export const answerOf = (message: string): string => {
  const base64 = /: ([0-9A-Za-z+/=]*)$/.exec(message)?.[1] ?? ""
  return new TextDecoder().decode(fromBase64(base64))
}

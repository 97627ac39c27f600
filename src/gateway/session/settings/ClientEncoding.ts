/** `client_encoding`: the gateway converts the texts itself, and the service's own connections stay with UTF-8. */
import * as Effect from "effect/Effect"
import type { ClientStatement } from "../../statement/ClientStatement.ts"
import { isString, stringValue } from "../../statement/literals/LiteralValue.ts"
import { Refused, refusal } from "../../statement/Refused.ts"
import { encodingName, encodingOf } from "../../values/Encodings.ts"
import type { Session } from "../ClientSession.ts"
import { done, type StatementOutcome } from "../StatementOutcome.ts"

const invalid = (code: string, written: string, detail?: string): Refused => {
  const message = `invalid value for parameter "client_encoding": "${written}"`
  return new Refused({ fields: { severity: "ERROR", code, message, detail } })
}

/** PostgreSQL's name of the encoding that a client asks for. */
export const askedEncoding = (written: string): Effect.Effect<string, Refused> => {
  const name = encodingName(written)
  if (name === undefined) return Effect.fail(invalid("22023", written))
  if (encodingOf(name) !== undefined) return Effect.succeed(name)
  if (name === "MULE_INTERNAL") {
    return Effect.fail(invalid("0A000", written, "Conversion between MULE_INTERNAL and UTF8 is not supported."))
  }
  const message = `the gateway does not convert texts from and to the client encoding ${name}`
  return Effect.fail(refusal("0A000", message, "Set client_encoding to UTF8."))
}

/**
 * What SET gives the encoding: its text, or its default; undefined for anything else, of which PostgreSQL says what is
 * wrong with it.
 */
export const encodingSet = ({
  words
}: Pick<ClientStatement, "words">): { readonly to: string | undefined } | undefined => {
  const at = words[1] === "session" || words[1] === "local" ? 2 : 1
  const names = words[at] === "names"
  const rest = words.slice(names ? at + 1 : at + 2)
  if (names && rest.length === 0) return { to: undefined }
  const [value = ""] = rest
  if (rest.length !== 1) return undefined
  if (value === "default") return { to: undefined }
  if (isString(value)) {
    const text = stringValue(value)
    return text === undefined ? undefined : { to: text }
  }
  if (names) return undefined
  const quoted = /^"((?:[^"]|"")*)"$/.exec(value)?.[1]
  return quoted === undefined
    ? /^[\w]+$/.test(value)
      ? { to: value }
      : undefined
    : { to: quoted.replaceAll('""', '"') }
}

const TEXT = { tableOid: 0, columnNumber: 0, typeOid: 25, typeSize: -1, typeModifier: -1 }

const isShown = ({ words }: ClientStatement): boolean =>
  words.length === 2 && words[0] === "show" && /^"?client_encoding"?$/i.test(words[1] ?? "")

/** The answer to SHOW client_encoding; undefined for another statement. */
export const shownEncoding = ({ settings }: Session, statement: ClientStatement): StatementOutcome | undefined =>
  isShown(statement)
    ? {
        ...done("SHOW"),
        columns: [{ name: "client_encoding", ...TEXT }],
        rows: [[settings.current("client_encoding")]]
      }
    : undefined

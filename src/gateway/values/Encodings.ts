/** Converts texts between a client's encoding and UTF-8, exactly as PostgreSQL does, and refuses in its words. Pure. */
import * as Result from "effect/Result"
import { notUtf8Message, readText } from "./Utf8.ts"

/** Why a text can't be converted: octets that are none, or a character that the other encoding lacks. */
export interface TextFault {
  readonly code: "22021" | "22P05"
  readonly message: string
}

/** Reads octets as text; undefined if they are none. */
export type ReadText = (octets: Uint8Array) => string | undefined

export interface Encoding {
  /** PostgreSQL's name of it. */
  readonly name: string
  /** Whether texts are sent as they are. */
  readonly isUtf8: boolean
  readonly decode: (octets: Uint8Array) => Result.Result<string, TextFault>
  readonly encode: (text: string) => Result.Result<Uint8Array, TextFault>
}

const unconverted = (name: string): Encoding => ({
  name,
  isUtf8: true,
  decode: (octets) => {
    const text = readText(octets)
    return text === undefined
      ? Result.fail({ code: "22021", message: notUtf8Message(octets) } as const)
      : Result.succeed(text)
  },
  encode: (text) => Result.succeed(Buffer.from(text))
})

export const utf8: Encoding = unconverted("UTF8")

/** Stands for an octet that is no character. */
const NONE = "\ufffd"

const untranslatable = (octets: Uint8Array, from: string, to: string): TextFault => {
  const named = Array.from(octets, (octet) => `0x${octet.toString(16).padStart(2, "0")}`).join(" ")
  const message = `character with byte sequence ${named} in encoding "${from}" has no equivalent in encoding "${to}"`
  return { code: "22P05", message }
}

/** An encoding of one octet a character, of which `upper` has those from 0x80 on. */
const singleByte = (name: string, upper: string): Encoding => {
  const octets = new Map(Array.from(upper, (character, index) => [character, String.fromCharCode(0x80 + index)]))
  octets.delete(NONE)
  return {
    name,
    isUtf8: false,
    decode: (bytes) => {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1")
      let fault: TextFault | undefined
      const read = text.replaceAll(/[\0\x80-\xff]/g, (octet) => {
        const code = octet.charCodeAt(0)
        if (code === 0) fault ??= { code: "22021", message: `invalid byte sequence for encoding "${name}": 0x00` }
        const character = upper[code - 0x80] ?? NONE
        if (character === NONE) fault ??= untranslatable(Uint8Array.of(code), name, "UTF8")
        return character
      })
      return fault === undefined ? Result.succeed(read) : Result.fail(fault)
    },
    encode: (text) => {
      let fault: TextFault | undefined
      const written = text.replaceAll(/[^\p{ASCII}]/gu, (character) => {
        const octet = octets.get(character)
        if (octet === undefined) fault ??= untranslatable(Buffer.from(character), "UTF8", name)
        return octet ?? ""
      })
      return fault === undefined ? Result.succeed(Buffer.from(written, "latin1")) : Result.fail(fault)
    }
  }
}

/** The encodings of one octet a character: the decoder's label, and the names that PostgreSQL knows besides its own. */
const singleBytes: Readonly<Record<string, readonly [label: string, ...aliases: ReadonlyArray<string>]>> = {
  LATIN1: ["iso-8859-1", "iso88591"],
  LATIN2: ["iso-8859-2", "iso88592"],
  LATIN3: ["iso-8859-3", "iso88593"],
  LATIN4: ["iso-8859-4", "iso88594"],
  LATIN5: ["iso-8859-9", "iso88599"],
  LATIN6: ["iso-8859-10", "iso885910"],
  LATIN7: ["iso-8859-13", "iso885913"],
  LATIN8: ["iso-8859-14", "iso885914"],
  LATIN9: ["iso-8859-15", "iso885915"],
  LATIN10: ["iso-8859-16", "iso885916"],
  ISO_8859_5: ["iso-8859-5"],
  ISO_8859_6: ["iso-8859-6"],
  ISO_8859_7: ["iso-8859-7"],
  ISO_8859_8: ["iso-8859-8"],
  WIN1250: ["windows-1250"],
  WIN1251: ["windows-1251", "win"],
  WIN1252: ["windows-1252"],
  WIN1253: ["windows-1253"],
  WIN1254: ["windows-1254"],
  WIN1255: ["windows-1255"],
  WIN1256: ["windows-1256"],
  WIN1257: ["windows-1257"],
  WIN1258: ["windows-1258", "abc", "tcvn", "tcvn5712", "vscii"],
  WIN866: ["ibm866", "alt"],
  WIN874: ["windows-874"],
  KOI8R: ["koi8-r", "koi8"],
  KOI8U: ["koi8-u"]
}

/** The encodings of several octets a character, which the gateway does not convert. */
const multiBytes: Readonly<Record<string, ReadonlyArray<string>>> = {
  BIG5: ["win950"],
  EUC_CN: [],
  EUC_JIS_2004: [],
  EUC_JP: [],
  EUC_KR: [],
  EUC_TW: [],
  GB18030: [],
  GBK: ["win936"],
  JOHAB: [],
  MULE_INTERNAL: [],
  SHIFT_JIS_2004: ["shiftjis2004"],
  SJIS: ["mskanji", "shiftjis", "win932"],
  UHC: ["win949"]
}

/** Where PostgreSQL differs from the decoder of a label, by octet. */
const differences: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  KOI8U: { 174: "\u255d", 190: "\u256c" },
  WIN1255: { 202: NONE }
}

/** The characters from 0x80 on. What WHATWG calls ISO 8859-1 and 8859-9 are Windows' own, and Windows' have no gaps there. */
const upperOf = (name: string, label: string): string => {
  const decoder = new TextDecoder(label)
  return Array.from({ length: 0x80 }, (_, index) => {
    const code = 0x80 + index
    const own = differences[name]?.[code]
    if (own !== undefined) return own
    if (name === "LATIN1" || (name === "LATIN5" && code < 0xa0)) return String.fromCharCode(code)
    const character = decoder.decode(Uint8Array.of(code))
    return label.startsWith("windows") && character < "\u00a0" ? NONE : character
  }).join("")
}

/** The name of an encoding in the form that PostgreSQL compares. */
const comparable = (written: string): string =>
  written
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, "")
    .replace(/^windows(?=\d)/, "win")

/** PostgreSQL's own name of the encoding that a client names; undefined if there is none. */
export const encodingName = (written: string): string | undefined => {
  const asked = comparable(written)
  if (asked === "utf8" || asked === "unicode") return "UTF8"
  if (asked === "sqlascii") return "SQL_ASCII"
  const named = (names: Readonly<Record<string, ReadonlyArray<string>>>) =>
    Object.entries(names).find(([name, aliases]) => comparable(name) === asked || aliases.includes(asked))?.[0]
  return written.length >= 64 ? undefined : (named(singleBytes) ?? named(multiBytes))
}

const made = new Map<string, Encoding>([
  ["UTF8", utf8],
  // PostgreSQL checks that the octets are of the database's own encoding, and converts nothing.
  ["SQL_ASCII", unconverted("SQL_ASCII")]
])

/** The encoding of one of PostgreSQL's own names; undefined if the gateway does not convert it. */
export const encodingOf = (name: string): Encoding | undefined => {
  const known = made.get(name)
  if (known !== undefined) return known
  const [label] = singleBytes[name] ?? []
  if (label === undefined) return undefined
  const encoding = singleByte(name, upperOf(name, label))
  made.set(name, encoding)
  return encoding
}

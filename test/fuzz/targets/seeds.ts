/** Seed files: what is accepted is accepted again once it is written, and spreads over whole hundreds. */
import { isDeepStrictEqual } from "node:util"
import { Effect, FileSystem, Schema } from "effect"
import { InstrumentCreate, PortfolioCreate } from "../../../src/domain/index.ts"
import * as SeedFile from "../../../src/operations/seed/SeedFile.ts"
import { jsonWords, settled, type Target } from "./Target.ts"

const instrumentsIn = (text: string) =>
  SeedFile.readInstruments("file").pipe(
    Effect.provide(FileSystem.layerNoop({ readFile: () => Effect.succeed(Buffer.from(text)) }))
  )
const portfolioIn = (text: string) =>
  SeedFile.readPortfolio("file").pipe(
    Effect.provide(FileSystem.layerNoop({ readFile: () => Effect.succeed(Buffer.from(text)) }))
  )

const writeInstruments = Schema.encodeUnknownSync(Schema.Array(InstrumentCreate))
const writePortfolio = Schema.encodeUnknownSync(PortfolioCreate)

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const comesBack = async <A, E>(
  text: string,
  read: (text: string) => Effect.Effect<A, E>,
  write: (value: unknown) => unknown
): Promise<string | undefined> => {
  const first = await settled(read(text))
  if (first.complaint !== undefined || first.value === undefined) return first.complaint
  if (!isJson(text)) return "what is no JSON was accepted"
  const written = JSON.stringify(write(first.value))
  const again = await settled(read(written))
  return (
    again.complaint ??
    (isDeepStrictEqual(again.value, first.value) ? undefined : `it does not come back from ${written}`)
  )
}

export const seeds: Target = {
  name: "seeds",
  round: 4000,
  files: /src\/(?:operations\/seed|domain)\//,
  seeds: [
    '[{"symbol":"SPY","name":"S","instrument_type":"etf","current_price":"1.5","allocation_regions":{"north_america":100},"allocation_sectors":{"technology":100},"allocation_asset_class":{"equity":100}}]',
    '{"user":{"clerk_user_id":"u","display_name":"U"},"accounts":[{"account_name":"a","cash_balance":"1","positions":[{"symbol":"SPY","quantity":"1"}]}]}'
  ],
  words: [
    ...jsonWords,
    "1e400",
    "-1",
    "NaN",
    '"symbol"',
    '"__proto__"',
    '"equity"',
    "100",
    "99.95",
    '"1.50"',
    '"1e5"',
    "\\u0000",
    "0.00000001"
  ],
  run: async (input) => {
    const text = input.toString("utf8")
    return (await comesBack(text, instrumentsIn, writeInstruments)) ?? comesBack(text, portfolioIn, writePortfolio)
  }
}

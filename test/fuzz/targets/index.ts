/** All that is fuzzed, and what is planted to see that fuzzing finds it. */
import * as plantedFaults from "../planted.ts"
import { arrays } from "./arrays.ts"
import { backup } from "./backup.ts"
import { copies } from "./copies.ts"
import { json } from "./json.ts"
import { lexer } from "./lexer.ts"
import { messages } from "./messages.ts"
import { migrations } from "./migrations.ts"
import { seeds } from "./seeds.ts"
import type { Target } from "./Target.ts"
import { urls } from "./urls.ts"
import { variables } from "./variables.ts"

export const targets: ReadonlyArray<Target> = [
  json,
  messages,
  lexer,
  variables,
  seeds,
  migrations,
  backup,
  urls,
  arrays,
  copies
]

const fault = (name: string, run: Target["run"]): Target => ({
  name,
  round: 400_000,
  files: /^$/,
  seeds: ["aaaaaaaa"],
  words: [],
  run
})

export const planted: ReadonlyArray<Target> = [
  fault("planted-octets", plantedFaults.octets),
  fault("planted-text", plantedFaults.text)
]

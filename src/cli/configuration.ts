/** Which database the environment and the flags describe. */
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as DbConfig from "../DbConfig.ts"
import { loadEnvironment } from "./environment.ts"

/** The flags that say which database. */
export interface DatabaseFlags {
  readonly dotenv: Option.Option<string>
  readonly backend: Option.Option<DbConfig.Backend>
}

/** Reads the environment, completed from `.env` or the file of `--dotenv`. */
export const configure = Effect.fnUntraced(function* ({ backend, dotenv }: DatabaseFlags) {
  const environment = yield* loadEnvironment(dotenv)
  return yield* DbConfig.load(Option.getOrUndefined(backend)).pipe(
    Effect.provideService(ConfigProvider.ConfigProvider, environment)
  )
})

/** Run when the package is built: makes the database that `DbLayer.layerTest` starts from. */
import * as Effect from "effect/Effect"
import * as TestSnapshot from "./TestSnapshot.ts"

if (import.meta.main) await Effect.runPromise(TestSnapshot.path())

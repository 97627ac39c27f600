import { NodeServices } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Layer } from "effect"
import { DbLayer, Reset } from "../../src/index.ts"
import { openDatabase } from "./PlainTypeScript.ts"

it("a program without Effect awaits promises, and a rejection says what is not there", async () => {
  const db = openDatabase(
    Layer.effectDiscard(Reset.reset({ withTestData: true })).pipe(
      Layer.orDie,
      Layer.provideMerge(DbLayer.layerEmbedded({ directory: "memory" })),
      Layer.provide(NodeServices.layer)
    )
  )
  const { symbols, total } = await db.holdings("test_user_001")
  assert.match(total, /^\d+(\.\d+)?$/)
  assert.sameMembers([...symbols], ["SPY", "QQQ", "BND", "VEA", "GLD"])
  assert.include((await db.search("Emerging")).join(), "Emerging")
  const refused = await db.holdings("nobody").catch((error: unknown) => error)
  assert.propertyVal(refused, "_tag", "UserNotFound")
  await db.close()
})

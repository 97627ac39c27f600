/**
 * The tools with which an agent works for one user: an `effect/ai` toolkit over the repositories.
 *
 * The user is bound when the handlers are made (`CurrentUser`) and no tool has a parameter for it, so that no prompt can
 * reach another person's accounts, positions or jobs. Money is decimal text at this boundary as at any other.
 */
import type * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { type Grant, grants } from "./Grants.ts"
import { ReadTools } from "./readTools.ts"
import { WriteTools } from "./writeTools.ts"

/** All tools. */
export const Tools = Toolkit.merge(ReadTools, WriteTools.instruments, WriteTools.positions, WriteTools.results)

/** The tools that these grants allow. */
export const toolsFor = (granted: ReadonlySet<Grant>): ReadonlyArray<Tool.Any> =>
  [ReadTools, ...grants.filter((grant) => granted.has(grant)).map((grant) => WriteTools[grant])].flatMap(
    (toolkit): ReadonlyArray<Tool.Any> => Object.values(toolkit.tools)
  )

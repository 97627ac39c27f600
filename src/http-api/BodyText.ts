/** Why a body is refused before its schema sees it. */
import * as Option from "effect/Option"
import type { Problem } from "../domain/Problems.ts"
import { changedIn } from "../spelling/WrittenJson.ts"

const parsed = /* @__PURE__ */ Option.liftThrowable((text: string): unknown => JSON.parse(text))

const whole = (message: string): ReadonlyArray<Problem> => [{ path: "", message }]

/** Why a text is no body, or none that can be read exactly as it is written; none if it can. */
export const problemsOfText = (text: string): ReadonlyArray<Problem> => {
  if (text.trim() === "") return whole("expected a JSON object, and the body is empty")
  const read = parsed(text)
  if (Option.isNone(read))
    return whole("expected JSON, and the body can't be read as such: send it as JSON.stringify writes it")
  if (typeof read.value !== "object" || read.value === null || Array.isArray(read.value)) {
    return whole("expected a JSON object, in braces")
  }
  return changedIn(text)
}

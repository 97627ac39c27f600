/** Reads arguments that a model wrote as text: JSON, or nearly. */
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { parseJson } from "../../data-api/values/SoundJson.ts"
import { changedIn } from "../../spelling/WrittenJson.ts"
import { coerced } from "./coercion.ts"
import { readLoose } from "./looseJson.ts"

const readJson = Option.liftThrowable((text: string): unknown => parseJson(text))

const refused = (problems: ReadonlyArray<{ readonly path: string; readonly message: string }>) =>
  Result.fail(`Correct the arguments: ${problems.map(({ message, path }) => `${path} ${message}`).join("; ")}.`)

/** Reads what is no JSON but has one meaning: single quotes, a comma before an end, a line break within a text. */
const readNearly = (text: string): Result.Result<unknown, string> => {
  const read = readLoose(text, 0)
  if (Result.isFailure(read)) {
    const { cut, message } = read.failure
    if (!/^[[{"']/.test(text)) return Result.fail("The arguments are not JSON. Send one JSON object.")
    return Result.fail(
      cut
        ? "The arguments are cut off. Send the whole JSON object again, shorter where it can be."
        : `The arguments are not JSON: ${message}. Send one JSON object.`
    )
  }
  const { end, value } = read.success
  if (end < text.length) return Result.fail("The arguments are not JSON alone: more follows. Send one JSON object.")
  const { refused: inexact, value: meant } = coerced({}, value)
  return inexact.length > 0 ? refused(inexact) : Result.succeed(meant)
}

/** The value of arguments as text, an empty object for none; what is wrong with them otherwise, for the model. */
export const readArguments = (text: string): Result.Result<unknown, string> => {
  const whole = text.trim()
  if (whole === "") return Result.succeed({})
  const json = readJson(whole)
  if (Option.isNone(json)) return readNearly(whole)
  const changed = changedIn(whole)
  return changed.length > 0 ? refused(changed) : Result.succeed(json.value)
}

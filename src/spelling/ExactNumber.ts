/** Numbers as they are written, of which a JavaScript number keeps some and rounds the others. */
import * as BigDecimal from "effect/BigDecimal"
import * as Option from "effect/Option"

/** Whether calculating with a number is cheap: `1e999999999` has a billion digits. */
export const isModest = (text: string): boolean =>
  text !== "" && text.length <= 400 && Math.abs(Number(/e([+-]?\d+)$/i.exec(text)?.[1] ?? 0)) <= 400

/** The number, if a JavaScript number holds it exactly as it was written. */
export const exactNumber = (text: string): number | undefined => {
  if (!isModest(text)) return undefined
  const number = Number(text)
  const [written, held] = [BigDecimal.fromString(text), BigDecimal.fromString(String(number))]
  return Option.isSome(written) && Option.isSome(held) && BigDecimal.equals(written.value, held.value)
    ? number
    : undefined
}

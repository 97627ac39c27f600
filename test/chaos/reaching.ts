/** Runs before each test file of a survey. */
import { expect } from "vitest"

declare global {
  /** Called by the probe at the place of a mutant, in a survey. */
  var reached: ((mutant: number) => void) | undefined
  /** Starts the notes of a test file, to which the places run from here on are counted. */
  var reaching: ((testFile: string) => void) | undefined
}

globalThis.reaching?.(expect.getState().testPath ?? "")

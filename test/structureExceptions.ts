/** What in `src` is larger than `structure.test.ts` allows, by basename. This list only ever gets shorter. */
export const exceptions: {
  readonly files: ReadonlyArray<string>
  readonly functions: ReadonlyArray<string>
  readonly folders: ReadonlyArray<string>
  readonly names: ReadonlyArray<string>
} = {
  files: [],
  functions: [],
  folders: [],
  names: []
}

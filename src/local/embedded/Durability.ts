/** When a commit is acknowledged; apart from PGlite, whose own types need `skipLibCheck` or those of Emscripten. */

/** `full`: a commit is acknowledged when it is on the disk. `fast`: the operating system writes it later. */
export type Durability = "full" | "fast"

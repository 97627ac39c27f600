// Loads a bundled handler, calls it once, and prints what that took in milliseconds.
const start = performance.now()
const { handler } = await import(process.argv[2])
const imported = performance.now()
const row = await handler()
const answered = performance.now()
const { system, user } = process.cpuUsage()
const took = { imported: imported - start, answered: answered - start, cpu: (system + user) / 1000 }
process.stdout.write(`\n${JSON.stringify({ ...took, isRow: row !== undefined })}\n`)
process.exit(0)

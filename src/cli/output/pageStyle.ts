/** The look of the report's page: light and dark, on a phone and on paper. */
export const pageStyle = `
:root { color-scheme: light dark; --ink: #1c2430; --paper: #ffffff; --soft: #f1f4f8; --line: #d5dbe3; --bar: #2f6fb5; --good: #14713d; --bad: #b3261e; --warn: #8a5300; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9f0; --paper: #12161c; --soft: #1c222b; --line: #343d4a; --bar: #6ea8e6; --good: #6fd39b; --bad: #ff8a80; --warn: #f0b860; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 62rem; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; } h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
.verdict { font-size: 1.1rem; font-weight: 600; } .good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.next code { white-space: nowrap; }
.messages { margin: 0; padding: 0 0 0 1.25rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin: 1rem 0; padding: 0; list-style: none; }
.tiles li { background: var(--soft); border-radius: .5rem; padding: .6rem .8rem; } .tiles b { display: block; font-size: 1.4rem; font-variant-numeric: tabular-nums; overflow-wrap: normal; } .tiles small { display: block; }
.scroll { overflow-x: auto; } .scroll:focus-visible { outline: 2px solid var(--bar); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; padding: 0 0 .4rem; max-width: calc(100vw - 2rem); }
th, td { text-align: left; vertical-align: top; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; } td.name { white-space: normal; min-width: 12rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.names { display: flex; flex-wrap: wrap; gap: .4rem; padding: 0; margin: 0; list-style: none; } .names code { background: var(--soft); border-radius: .3rem; padding: .1rem .4rem; font-size: .85rem; }
.chart { display: grid; grid-template-columns: 10rem minmax(4rem, 1fr) 3.5rem; gap: .3rem .6rem; margin: 0; padding: 0; list-style: none; font-size: .85rem; }
.chart li { display: contents; } .track { align-self: center; height: 1rem; background: var(--soft); border-radius: .2rem; } .track i { display: block; height: 100%; border-radius: .2rem; background: var(--bar); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 0 2rem; }
@media print {
  :root { color-scheme: light; --ink: #000; --paper: #fff; --soft: #eee; --line: #999; --bar: #2f6fb5; --good: #14713d; --bad: #b3261e; --warn: #8a5300; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  html { font-size: 9pt; } body { max-width: none; padding: 0; } h2, h3 { break-after: avoid; } tr, .tiles li, .chart li { break-inside: avoid; }
  .tiles b { font-size: 12pt; } .scroll { overflow: visible; } th, td { padding-right: .5rem; } td.name { min-width: 0; } thead { display: table-header-group; }
}
`

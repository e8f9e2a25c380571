// On a phone each cell of a table of cards names its column, and the lit tab of a bar is in sight.

for (const table of document.querySelectorAll("table.t-cards")) {
    const names = [...table.tHead.rows[0].cells].map((cell) => (cell.querySelector(".t-hidden") ? "" : cell.textContent.trim()));
    for (const row of table.tBodies[0].rows) {
        // A cell over several rows stands in the first of them only.
        const missing = names.length - [...row.cells].reduce((sum, cell) => sum + cell.colSpan, 0);
        let place = missing;
        for (const cell of row.cells) {
            cell.dataset.label = cell.colSpan > 1 ? "" : names[place] ?? "";
            place += cell.colSpan;
        }
    }
}

// Django calls a column as the model does, without a capital.
for (const cell of document.querySelectorAll("#result_list [data-label]")) {
    cell.dataset.label = cell.dataset.label.charAt(0).toUpperCase() + cell.dataset.label.slice(1);
}

for (const bar of document.querySelectorAll(".c-tabs, .t-tabs")) {
    const lit = bar.querySelector("[aria-current]");
    if (lit) bar.scrollLeft = lit.offsetLeft - bar.offsetLeft - (bar.clientWidth - lit.clientWidth) / 2;
}
